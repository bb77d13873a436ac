/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "libvirt-hooks/hook-step.h"

#include "libvirt-hooks/hook-proto.h"
#include "tests/unit.h"

static void
assert_step(const char *driver, const char *operation, enum hook_step step)
{
    struct hook_event event = { .driver = driver, .operation = operation };
    assert_int_equal(hook_step_of_event(&event), step);
}

static void
test_guests_of_both_drivers(void **state)
{
    static const char *const drivers[] = { "qemu", "lxc" };
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        assert_step(drivers[i], "prepare", HOOK_STEP_PREPARE);
        assert_step(drivers[i], "start", HOOK_STEP_START);
        assert_step(drivers[i], "started", HOOK_STEP_STARTED);
        assert_step(drivers[i], "reconnect", HOOK_STEP_RECONNECT);
        assert_step(drivers[i], "stopped", HOOK_STEP_STOPPED);
        assert_step(drivers[i], "release", HOOK_STEP_RELEASE);
        assert_step(drivers[i], "restore", HOOK_STEP_OTHER);
    }
    assert_step("qemu", "migrate", HOOK_STEP_MIGRATE);
    assert_step("lxc", "migrate", HOOK_STEP_OTHER);
}

static void
test_networks_and_daemons(void **state)
{
    assert_step("network", "updated", HOOK_STEP_NETWORK);
    assert_step("network", "", HOOK_STEP_NETWORK);
    assert_step("daemon", "start", HOOK_STEP_DAEMON_START);
    assert_step("daemon", "shutdown", HOOK_STEP_OTHER);
}

static void
test_what_nobody_knows(void **state)
{
    assert_step("", "start", HOOK_STEP_OTHER);
    assert_step("libxl", "start", HOOK_STEP_OTHER);
    assert_step("qemu", "", HOOK_STEP_OTHER);
    assert_step("qemu", "starte", HOOK_STEP_OTHER);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guests_of_both_drivers),
        cmocka_unit_test(test_networks_and_daemons),
        cmocka_unit_test(test_what_nobody_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
