/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Tests of virt/virt-link.c with libvirt's own test driver, which fails in the
 * middle when it is told to. */

#include <config.h>
#include "virt/virt-link.h"

#include <libvirt/libvirt.h>
#include <string.h>

#include "lib/vnic.h"
#include "openvswitch/vlog.h"
#include "tests/unit.h"
#include "util.h"
#include "virt/network-poll.h"
#include "virt/virt-conn.h"
#include "virt/virt-marks.h"

/* The linker has virt-link.c call the first of these. */
typeof(virConnectNetworkEventRegisterAny)
    __wrap_virConnectNetworkEventRegisterAny,
    __real_virConnectNetworkEventRegisterAny;
typeof(virDomainGetState) __wrap_virDomainGetState, __real_virDomainGetState;

static bool is_away;            /* The network daemon. */
static bool is_failing;
static int n_registered;

int
__wrap_virConnectNetworkEventRegisterAny(
    virConnectPtr conn, virNetworkPtr network, int id,
    virConnectNetworkEventGenericCallback callback, void *aux,
    virFreeCallback free_aux)
{
    /* No event has this number: an error, and not "not supported". */
    int retval = __real_virConnectNetworkEventRegisterAny(
        conn, network, is_away ? -1 : id, callback, aux, free_aux);
    n_registered += retval >= 0;
    return retval;
}

int
__wrap_virDomainGetState(virDomainPtr domain, int *state, int *reason,
                         unsigned int flags)
{
    /* NULL is an error, and not "no such domain". */
    return __real_virDomainGetState(is_failing ? NULL : domain, state, reason,
                                    flags);
}

/* Links. */

static void
wake(void *aux OVS_UNUSED)
{
}

static const struct virt_executor executor = { .wake = wake };

static struct virt_link *
open_link(void)
{
    struct virt_marks *marks = virt_marks_create(&executor);
    struct virt_link *link;
    assert_null(virt_link_open("test:///default", marks, &link));
    virt_marks_unref(marks);
    assert_true(virt_link_is_alive(link));
    return link;
}

/* Returns how many networks 'link' tells of, or -1 and stores in '*errorp' the
 * sentence that says why it does not. */
static int
count_networks(struct virt_link *link, char **errorp)
{
    struct network_reading reading;
    network_reading_init(&reading);
    *errorp = virt_link_read_networks(link, &reading);
    int n = *errorp ? -1 : (int) hmap_count(&reading.networks.networks);
    network_reading_destroy(&reading);
    return n;
}

/* libvirt lets go of a connection only if every callback was taken back. */
static void
test_close_leaves_no_reference(void **state OVS_UNUSED)
{
    struct virt_link *link = open_link();
    char *error;
    assert_int_equal(count_networks(link, &error), 1);
    assert_null(virt_link_close(link));
}

/* Whoever cannot tell of networks may still tell of domains. */
static void
test_network_daemon_comes_later(void **state OVS_UNUSED)
{
    is_away = true;
    n_registered = 0;
    struct virt_link *link = open_link();
    char *error;
    assert_int_equal(count_networks(link, &error), -1);
    static const char start[] = "events: ";
    assert_memory_equal(error, start, strlen(start));
    free(error);

    is_away = false;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(count_networks(link, &error), 1);
        assert_int_equal(n_registered, 1);
    }
    assert_null(virt_link_close(link));
}

/* What is known by half may call a guest here that is about to come. */
static void
test_half_a_domain_is_none(void **state OVS_UNUSED)
{
    struct virt_link *link = open_link();
    struct uuid *uuids;
    size_t n;
    assert_null(virt_link_list(link, &uuids, &n));
    assert_int_equal(n, 1);     /* It is active. */

    struct domain *domain;
    is_failing = true;
    char *error = virt_link_read(link, &uuids[0], &domain);
    assert_non_null(error);
    assert_null(domain);
    free(error);

    is_failing = false;
    assert_null(virt_link_read(link, &uuids[0], &domain));
    assert_true(domain->is_active);
    domain_destroy(domain);
    free(uuids);
    assert_null(virt_link_close(link));
}

static void
test_reasons_of_a_migration(void **state OVS_UNUSED)
{
    static const struct {
        int state, reason;
        enum domain_migration migration;
    } cases[] = {
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, MIGRATION_PAUSED },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP,
          MIGRATION_STARTING },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY, MIGRATION_LEFT },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED,
          MIGRATION_LEFT },
        { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, MIGRATION_NONE },
        { VIR_DOMAIN_PAUSED, 99, MIGRATION_NONE },
        { VIR_DOMAIN_PAUSED, -1, MIGRATION_NONE },
        { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATED, MIGRATION_NONE },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(virt_link_find_migration(cases[i].state,
                                                  cases[i].reason),
                         cases[i].migration);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_leaves_no_reference),
        cmocka_unit_test(test_network_daemon_comes_later),
        cmocka_unit_test(test_half_a_domain_is_none),
        cmocka_unit_test(test_reasons_of_a_migration),
    };
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    virt_link_init();
    return cmocka_run_group_tests_name("virt-link", tests, NULL, NULL);
}
