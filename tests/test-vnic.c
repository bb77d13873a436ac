/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "lib/vnic.h"

#include "tests/build.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"

static void
test_types_have_libvirts_names(void **state)
{
    for (enum vnic_type type = VNIC_BRIDGE; type <= VNIC_OTHER; type++) {
        assert_int_equal(vnic_type_from_string(vnic_type_to_string(type)),
                         type);
    }
    assert_int_equal(vnic_type_from_string("warp"), VNIC_OTHER);
}

static void
test_port_names(void **state)
{
    struct vnic vnic;
    vnic_init(&vnic);
    vnic.type = VNIC_VHOSTUSER;
    assert_null(vnic_port_name(&vnic));
    vnic.vhost_path = xstrdup("/run/guests/web1-net0");
    assert_string_equal(vnic_port_name(&vnic), "web1-net0");
    vnic.target = xstrdup("vhu1");
    assert_string_equal(vnic_port_name(&vnic), "vhu1");
    vnic_destroy(&vnic);
}

static void
test_ordinals_tell_twins_apart(void **state)
{
    struct domain_set set;
    domain_set_init(&set);
    struct domain *domain = add_domain(&set, 1, "web1");
    add_bridge_vnic(domain, 1, "br0", "a", access_vlan(1));
    add_bridge_vnic(domain, 2, "br0", "b", access_vlan(1));
    add_bridge_vnic(domain, 1, "br0", "c", access_vlan(1));

    assert_int_equal(domain->vnics[0].id.ordinal, 0);
    assert_int_equal(domain->vnics[1].id.ordinal, 0);
    assert_int_equal(domain->vnics[2].id.ordinal, 1);
    assert_false(vnic_id_equals(&domain->vnics[0].id, &domain->vnics[2].id));
    assert_true(vnic_id_compare(&domain->vnics[0].id,
                                &domain->vnics[2].id) < 0);
    domain_set_destroy(&set);
}

static void
test_clones_are_equal_and_independent(void **state)
{
    struct domain_set set;
    domain_set_init(&set);
    struct domain *domain = add_domain(&set, 1, "web1");
    struct vnic *vnic = add_bridge_vnic(domain, 1, "br0", "a",
                                        access_vlan(1));
    struct vnic clone;
    vnic_clone(&clone, vnic);
    assert_true(vnic_equals(vnic, &clone));
    assert_ptr_not_equal(vnic->bridge, clone.bridge);

    clone.vlan.tag = 2;
    assert_false(vnic_equals(vnic, &clone));
    vnic_destroy(&clone);
    vnic_destroy(&clone);       /* As often as one likes. */
    domain_set_destroy(&set);
}

/* A string, a number, and what has an owner of its own: each counts. */
static void
test_every_fact_counts(void **state)
{
    struct vnic_metadata metadata = VNIC_METADATA_INIT;
    struct vnic a, b;
    vnic_init(&a);
    metadata.bridge = xstrdup("br0");
    metadata.vlan = trunk_vlan("10,20");
    metadata.error = xstrdup("no");
    vnic_set_metadata(&a, &metadata);
    a.source_device = xstrdup("eth0");
    a.outbound.burst = 7;

    vnic_clone(&b, &a);
    assert_true(vnic_equals(&a, &b));
    assert_ptr_not_equal(a.metadata, b.metadata);
    b.outbound.burst = 8;
    assert_false(vnic_equals(&a, &b));
    b.outbound.burst = 7;
    b.source_device[0] = 'x';
    assert_false(vnic_equals(&a, &b));
    b.source_device[0] = 'e';
    b.metadata->vlan.tag = 5;
    assert_false(vnic_equals(&a, &b));
    vnic_set_metadata(&b, &metadata);
    assert_true(vnic_equals(&a, &b));
    b.metadata->policy.policy.services = SERVICE_LLDP;
    assert_false(vnic_equals(&a, &b));
    vnic_set_metadata(&b, &metadata);
    b.metadata->policy.said = POLICY_FIELD_GUARD;
    assert_false(vnic_equals(&a, &b));
    vnic_set_metadata(&b, NULL);
    assert_false(vnic_equals(&a, &b));

    vnic_metadata_destroy(&metadata);
    vnic_destroy(&a);
    vnic_destroy(&b);
}

/* A merged vNIC, as libvirt shows it while the guest runs, and as configured:
 * network and port group are there in both. */
static void
add_lan_vnic(struct domain *domain, enum vnic_type type, int tag)
{
    struct vnic *vnic = add_bridge_vnic(domain, 1, "br0", NULL,
                                        access_vlan(tag));
    vnic->type = type;
    vnic->network = xstrdup("lan");
    vnic->portgroup = xstrdup("web");
}

static void
test_merged_vnics_get_their_config(void **state)
{
    struct domain_set live, configured;
    domain_set_init(&live);
    domain_set_init(&configured);
    struct domain *a = add_domain(&live, 1, "web1");
    struct domain *b = add_domain(&configured, 1, "web1");
    add_lan_vnic(a, VNIC_BRIDGE, 10);
    add_lan_vnic(a, VNIC_BRIDGE, 20);       /* Plugged while it runs. */
    add_bridge_vnic(a, 2, "br0", NULL, access_vlan(30));
    add_lan_vnic(b, VNIC_NETWORK, 11);
    add_bridge_vnic(b, 2, "br0", NULL, access_vlan(31));

    assert_true(domain_is_merged(a));
    assert_false(domain_is_merged(b));
    assert_true(domain_has_networks(b));
    domain_set_configs(a, b);
    assert_int_equal(a->vnics[0].config->vlan.tag, 11);
    assert_string_equal(a->vnics[0].config->portgroup, "web");
    assert_null(a->vnics[1].config);
    assert_null(a->vnics[2].config);

    struct vnic clone;
    vnic_clone(&clone, &a->vnics[0]);
    assert_true(vnic_equals(&clone, &a->vnics[0]));
    clone.config->vlan.tag = 12;
    assert_false(vnic_equals(&clone, &a->vnics[0]));
    vnic_destroy(&clone);
    domain_set_destroy(&live);
    domain_set_destroy(&configured);
}

static struct domain *
make_domain(const char *name, long long int read_ms)
{
    struct domain *domain = domain_create();
    domain->uuid = vm(1);
    domain->name = xstrdup(name);
    domain->read_ms = read_ms;
    return domain;
}

static void
test_replace_tells_news(void **state)
{
    struct domain_set set;
    struct uuid uuid = vm(1);
    domain_set_init(&set);
    assert_true(domain_set_replace(&set, make_domain("web1", 1)));
    assert_false(domain_set_replace(&set, make_domain("web1", 2)));
    assert_int_equal(domain_set_find(&set, &uuid)->read_ms, 2);
    assert_true(domain_set_replace(&set, make_domain("web2", 3)));
    assert_int_equal(hmap_count(&set.domains), 1);

    assert_true(domain_set_remove(&set, &uuid));
    assert_false(domain_set_remove(&set, &uuid));
    assert_null(domain_set_find(&set, &uuid));
    domain_set_destroy(&set);
}

/* What a hook tells of a guest. */
static struct domain *
make_guest(enum domain_stage stage)
{
    struct domain *domain = make_domain("web1", 1);
    domain->is_active = true;
    domain->stage = stage;
    return domain;
}

/* What libvirt tells of it. */
static struct domain *
read_guest(enum domain_migration migration)
{
    struct domain *domain = make_guest(DOMAIN_READ);
    domain->migration = migration;
    return domain;
}

/* Takes ownership of 'domain', what is told after 'before', and of 'before',
 * and returns 'domain'. */
static struct domain *
follow(struct domain *before, struct domain *domain)
{
    domain_follow_migration(domain, before);
    domain_destroy(before);
    return domain;
}

static void
test_guest_comes_until_libvirt_says_that_it_runs(void **state)
{
    struct domain *d = make_guest(DOMAIN_PREPARED);
    d->place = GUEST_INCOMING; /* As no other hook says. */
    static const enum domain_stage hooks[] = {
        DOMAIN_PREPARED, DOMAIN_STARTING, DOMAIN_TOLD
    };
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
        d = follow(d, make_guest(hooks[i]));
        assert_int_equal(d->place, GUEST_INCOMING);
    }
    static const enum domain_migration readings[] = {
        MIGRATION_STARTING, MIGRATION_STARTING, MIGRATION_PAUSED
    };
    for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
        d = follow(d, read_guest(readings[i]));
        assert_int_equal(d->place, GUEST_INCOMING);
    }
    d = follow(d, read_guest(MIGRATION_NONE));
    assert_int_equal(d->place, GUEST_HERE);
    domain_destroy(d);
}

/* Its migration came to nothing, whatever was heard of that. */
static void
test_guest_that_did_not_come_is_started_here(void **state)
{
    static const enum domain_stage last[] = {
        DOMAIN_STARTING, DOMAIN_TOLD, DOMAIN_READ
    };
    for (size_t i = 0; i < ARRAY_SIZE(last); i++) {
        struct domain *d = make_guest(last[i]);
        d->place = GUEST_INCOMING;
        d = follow(d, make_guest(DOMAIN_PREPARED));
        assert_int_equal(d->place, GUEST_HERE);
        d = follow(d, make_guest(DOMAIN_STARTING));
        assert_int_equal(d->place, GUEST_HERE);
        domain_destroy(d);
    }
}

/* Of one that starts on this host hooks have told, or it would come, as far as
 * anybody knows. */
static void
test_guest_that_starts_is_told_from_one_that_comes(void **state)
{
    static const enum domain_stage hooks[] = {
        DOMAIN_PREPARED, DOMAIN_STARTING
    };
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
        struct domain *d = make_guest(hooks[i]);
        for (int j = 0; j < 2; j++) {
            d = follow(d, read_guest(MIGRATION_STARTING));
            assert_int_equal(d->place, GUEST_HERE);
        }
        domain_destroy(d);
    }

    struct domain *d = read_guest(MIGRATION_NONE);
    d->is_active = false;       /* Defined only. */
    for (int j = 0; j < 2; j++) {
        d = follow(d, read_guest(MIGRATION_STARTING));
        assert_int_equal(d->place, GUEST_INCOMING);
    }
    domain_destroy(d);
}

static void
test_guest_that_ran_here_goes(void **state)
{
    struct domain *d = follow(NULL, read_guest(MIGRATION_NONE));
    for (int i = 0; i < 2; i++) {
        d = follow(d, read_guest(MIGRATION_PAUSED));
        assert_int_equal(d->place, GUEST_ELSEWHERE);
    }
    d = follow(d, read_guest(MIGRATION_NONE)); /* It stays. */
    assert_int_equal(d->place, GUEST_HERE);
    domain_destroy(d);
}

/* With post-copy; also where nobody has seen it run before. */
static void
test_guest_that_has_gone_does_not_come(void **state)
{
    struct domain *d = follow(NULL, read_guest(MIGRATION_LEFT));
    assert_int_equal(d->place, GUEST_ELSEWHERE);
    d = follow(d, read_guest(MIGRATION_LEFT));
    assert_int_equal(d->place, GUEST_ELSEWHERE);
    domain_destroy(d);
}

static void
test_guest_that_nobody_has_seen_run_comes(void **state)
{
    struct domain *d = follow(NULL, read_guest(MIGRATION_PAUSED));
    assert_int_equal(d->place, GUEST_INCOMING);
    d = follow(d, make_guest(DOMAIN_STARTING));
    d->place = GUEST_HERE;
    d = follow(d, read_guest(MIGRATION_PAUSED));
    assert_int_equal(d->place, GUEST_INCOMING);
    domain_destroy(d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_have_libvirts_names),
        cmocka_unit_test(test_port_names),
        cmocka_unit_test(test_ordinals_tell_twins_apart),
        cmocka_unit_test(test_clones_are_equal_and_independent),
        cmocka_unit_test(test_every_fact_counts),
        cmocka_unit_test(test_merged_vnics_get_their_config),
        cmocka_unit_test(test_replace_tells_news),
        cmocka_unit_test(test_guest_comes_until_libvirt_says_that_it_runs),
        cmocka_unit_test(test_guest_that_did_not_come_is_started_here),
        cmocka_unit_test(test_guest_that_starts_is_told_from_one_that_comes),
        cmocka_unit_test(test_guest_that_ran_here_goes),
        cmocka_unit_test(test_guest_that_has_gone_does_not_come),
        cmocka_unit_test(test_guest_that_nobody_has_seen_run_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
