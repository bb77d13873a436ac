/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb/ovsdb-remote.h"

#include "tests/unit.h"
#include "util.h"

static void
test_good_remotes(void **state)
{
    static const char *const remotes[] = {
        "unix:/run/openvswitch/db.sock", "unix:db.sock",
        "unix:/tmp/with,comma", "tcp:127.0.0.1:6640", "tcp:127.0.0.1",
        "tcp:switch.example:6640", "tcp:[::1]:6640", "tcp:[::1]", "tcp:::1",
        "ssl:192.0.2.1:6640", "punix:/run/db.sock", "ptcp:6640",
        "tcp:192.0.2.1:6640,tcp:192.0.2.2:6640", "tcp:a:1, ssl:b:2",
        "cid:f5a1d5b0-f4a8-4d83-8f0e-7a3b4c5d6e7f,tcp:192.0.2.1:6640",
    };
    for (size_t i = 0; i < ARRAY_SIZE(remotes); i++) {
        assert_null(ovsdb_remote_check(remotes[i], true));
    }
}

static void
check_bad(const char *remote, const char *culprit)
{
    char *expected = xasprintf("'%s' is not of the form unix:FILE, "
                               "tcp:HOST[:PORT] or ssl:HOST[:PORT]", culprit);
    assert_string_taken(ovsdb_remote_check(remote, true), expected);
    free(expected);
}

static void
test_bad_remotes(void **state)
{
    static const char *const remotes[] = {
        "", "foo", "/run/openvswitch/db.sock", "unix", "unix:", "tcp:",
        "tcp::6640", "tcp:127.0.0.1:", "tcp:127.0.0.1:x", "tcp:127.0.0.1:0",
        "tcp:127.0.0.1:65536", "tcp:127.0.0.1:-1", "ssl:", "http://a",
        "UNIX:/run/db.sock", "cid:f5a1d5b0",
    };
    for (size_t i = 0; i < ARRAY_SIZE(remotes); i++) {
        check_bad(remotes[i], remotes[i]);
    }
    check_bad("tcp:a:1,tcp:b:c", "tcp:b:c");
}

static void
test_tls_needs_keys(void **state)
{
    assert_string_taken(ovsdb_remote_check("tcp:a,ssl:b:1", false),
                        "'ssl:b:1' needs --private-key, --certificate and "
                        "--ca-cert");
    assert_null(ovsdb_remote_check("tcp:a", false));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_remotes),
        cmocka_unit_test(test_bad_remotes),
        cmocka_unit_test(test_tls_needs_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
