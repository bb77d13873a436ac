/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/settings.h"

#include "smap.h"
#include "svec.h"
#include "tests/unit.h"
#include "util.h"

/* Reads one key over 's'.  Expects the sentence 'error', or none if NULL. */
static void
read_key(struct settings *s, const char *key, const char *value,
         const char *error)
{
    struct smap ids = SMAP_INITIALIZER(&ids);
    struct svec errors = SVEC_EMPTY_INITIALIZER;
    smap_add(&ids, key, value);
    settings_read(&ids, SETTING_FROM_BRIDGE, "bridge br0", s, &errors);
    if (error) {
        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.names[0], error);
    } else {
        assert_int_equal(errors.n, 0);
    }
    svec_destroy(&errors);
    smap_destroy(&ids);
}

static void
test_defaults_cut_nobody_off(void **state)
{
    struct settings s = SETTINGS_DEFAULT;
    assert_int_equal(s.manage, MANAGE_AUTO);
    assert_int_equal(s.drift, DRIFT_FIX);
    assert_true(s.follow);
    assert_int_equal(s.default_vlan, 0);
    assert_int_equal(s.metadata, METADATA_ALL);
    assert_int_equal(s.guard, GUARD_MONITOR);
    assert_int_equal(s.fail_mode, FAIL_MODE_KEEP);
    assert_true(s.passes_unknown_addresses);
    assert_false(s.passes_unknown_ports);
    assert_true(s.trusts_rows);
}

static void
test_values(void **state)
{
    struct settings s = SETTINGS_DEFAULT;
    read_key(&s, "vnicd-manage", "no", NULL);
    assert_int_equal(s.manage, MANAGE_NO);
    read_key(&s, "vnicd-drift", "report", NULL);
    assert_int_equal(s.drift, DRIFT_REPORT);
    read_key(&s, "vnicd-drift", "fix", NULL);
    assert_int_equal(s.drift, DRIFT_FIX_ALL);
    read_key(&s, "vnicd-follow", "no", NULL);
    assert_false(s.follow);
    read_key(&s, "vnicd-default-vlan", "4094", NULL);
    assert_int_equal(s.default_vlan, 4094);
    read_key(&s, "vnicd-default-vlan", "", NULL);
    assert_int_equal(s.default_vlan, 0);
    read_key(&s, "vnicd-metadata", "none", NULL);
    assert_int_equal(s.metadata, METADATA_NONE);
    read_key(&s, "vnicd-metadata", "stricter", NULL);
    assert_int_equal(s.metadata, METADATA_STRICTER);
    read_key(&s, "vnicd-metadata", "all", NULL);
    assert_int_equal(s.metadata, METADATA_ALL);
    read_key(&s, "vnicd-guard", "enforce", NULL);
    assert_int_equal(s.guard, GUARD_ENFORCE);
    read_key(&s, "vnicd-fail-mode", "secure", NULL);
    assert_int_equal(s.fail_mode, FAIL_MODE_SECURE);
    read_key(&s, "vnicd-unknown-address", "drop", NULL);
    assert_false(s.passes_unknown_addresses);
    read_key(&s, "vnicd-unknown-port", "pass", NULL);
    assert_true(s.passes_unknown_ports);
    read_key(&s, "vnicd-no-intent", "drop", NULL);
    assert_false(s.trusts_rows);
    read_key(&s, "owner", "somebody", NULL);
}

static void
test_bad_values_change_nothing(void **state)
{
    struct settings s = SETTINGS_DEFAULT;
    read_key(&s, "vnicd-follow", "maybe", "bridge br0: vnicd-follow='maybe' "
             "must be yes or no");
    assert_true(s.follow);
    read_key(&s, "vnicd-manage", "", "bridge br0: vnicd-manage='' must be "
             "auto, yes or no");
    read_key(&s, "vnicd-drift", "ignore", "bridge br0: vnicd-drift='ignore' "
             "must be fix or report");
    read_key(&s, "vnicd-default-vlan", "4095", "bridge br0: "
             "vnicd-default-vlan='4095' must be empty or 1..4094");
    read_key(&s, "vnicd-default-vlan", "ten", "bridge br0: "
             "vnicd-default-vlan='ten' must be empty or 1..4094");
    read_key(&s, "vnicd-metadata", "yes", "bridge br0: "
             "vnicd-metadata='yes' must be all, stricter or none");
    read_key(&s, "vnicd-guard", "on", "bridge br0: vnicd-guard='on' must be "
             "monitor, enforce or off");
    read_key(&s, "vnicd-fail-mode", "standalone", "bridge br0: "
             "vnicd-fail-mode='standalone' must be keep or secure");
    read_key(&s, "vnicd-unknown-address", "yes", "bridge br0: "
             "vnicd-unknown-address='yes' must be pass or drop");
    read_key(&s, "vnicd-unknown-port", "", "bridge br0: "
             "vnicd-unknown-port='' must be drop or pass");
    read_key(&s, "vnicd-frob", "1", "bridge br0: there is no setting "
             "'vnicd-frob'");
    assert_int_equal(s.manage, MANAGE_AUTO);
    assert_int_equal(s.drift, DRIFT_FIX);
    assert_int_equal(s.default_vlan, 0);
}

/* Each of them has a key, and is told from the others. */
static void
test_sources(void **state)
{
    struct settings s = SETTINGS_DEFAULT;
    read_key(&s, "vnicd-guard", "on", "bridge br0: vnicd-guard='on' must be "
             "monitor, enforce or off");
    for (enum setting i = 0; i < N_SETTINGS; i++) {
        assert_int_equal(s.sources[i], SETTING_FROM_DEFAULT);
    }
    read_key(&s, "vnicd-guard", "monitor", NULL);
    for (enum setting i = 0; i < N_SETTINGS; i++) {
        assert_int_equal(s.sources[i], i == SETTING_GUARD
                         ? SETTING_FROM_BRIDGE : SETTING_FROM_DEFAULT);
    }
    assert_string_equal(setting_to_string(SETTING_GUARD), "vnicd-guard");
    assert_string_equal(setting_source_to_string(s.sources[SETTING_GUARD]),
                        "bridge");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_cut_nobody_off),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bad_values_change_nothing),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
