/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Golden scenarios: a folder of inputs, and the listings that must follow.
 *
 *   tests/scenarios/NAME/README        what it shows
 *   tests/scenarios/NAME/X.xml         domains, as libvirt prints them
 *   tests/scenarios/NAME/X.inactive.xml  the definition of X or, without X.xml,
 *                                      a domain that is not running
 *   tests/scenarios/NAME/net-X.xml     networks
 *   tests/scenarios/NAME/switch.json   what the switch has
 *   tests/scenarios/NAME/expected.txt  vnic/list, vlan/show and plan
 *
 * With VNICD_REGENERATE set the expectations are written instead of compared;
 * the diff is the review.  Each scenario is also held against properties that
 * every scenario has: see check_properties(). */

#include <config.h>

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "controller/listings.h"
#include "controller/reconcile.h"
#include "controller/vlan-listing.h"
#include "lib/cleanup.h"
#include "lib/memory.h"
#include "lib/network.h"
#include "lib/report.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "smap.h"
#include "sset.h"
#include "svec.h"
#include "tests/golden.h"
#include "tests/json-member.h"
#include "tests/unit.h"
#include "util.h"
#include "uuid.h"
#include "virt/domain-xml.h"
#include "virt/network-xml.h"

/* When it is, in monotonic ms; libvirt was asked just now. */
enum { NOW_MS = 1000 };

struct scenario {
    char *path;
    struct domain_set domains;
    struct network_set networks;
    struct json *switch_;       /* switch.json. */
    struct memory memory;
    struct pass pass;
};

/* Reading. */

static bool
has_ending(const char *s, const char *ending)
{
    size_t s_len = strlen(s), len = strlen(ending);
    return s_len > len && !strcmp(s + s_len - len, ending);
}

/* Returns what is in file 'NAME''ENDING' of the scenario, NULL if there is no
 * such file. */
static struct domain *
parse_domain(const struct scenario *s, const char *name, const char *ending)
{
    CLEANUP_FREE char *path = xasprintf("%s/%s%s", s->path, name, ending);
    if (access(path, R_OK)) {
        return NULL;
    }
    CLEANUP_FREE char *xml = golden_read_file(path);
    struct domain *domain;
    CLEANUP_FREE char *error = domain_xml_parse(xml, strlen(xml), &domain);
    if (error) {
        fail_msg("%s: %s", path, error);
    }
    return domain;
}

/* Reads domain 'name' from its one or two files. */
static void
read_domain(struct scenario *s, const char *name)
{
    struct domain *domain = parse_domain(s, name, ".xml");
    struct domain *defined = parse_domain(s, name, ".inactive.xml");
    if (domain && defined) {
        domain_set_configs(domain, defined);
        domain_destroy(defined);
    } else if (!domain) {
        domain = defined;
    }
    domain->is_active = domain != defined;
    domain->read_ms = NOW_MS;
    (void) domain_set_replace(&s->domains, domain);
}

static void
read_network(struct scenario *s, const char *name)
{
    CLEANUP_FREE char *path = xasprintf("%s/%s", s->path, name);
    CLEANUP_FREE char *xml = golden_read_file(path);
    struct network *network;
    CLEANUP_FREE char *error = network_xml_parse(xml, strlen(xml), &network);
    if (error) {
        fail_msg("%s: %s", path, error);
    }
    (void) network_set_replace(&s->networks, network);
}

static void
read_xml(struct scenario *s)
{
    DIR *dir = opendir(s->path);
    assert_non_null(dir);
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        const char *file = entry->d_name;
        if (has_ending(file, ".xml") && !strncmp(file, "net-", 4)) {
            read_network(s, file);
        } else if (has_ending(file, ".xml")) {
            CLEANUP_FREE char *name = xmemdup0(file, strcspn(file, "."));
            read_domain(s, name);
        }
    }
    closedir(dir);
}

/* Reads those of a bridge's settings that are there. */
static void
read_settings(const struct json *json, struct settings *settings)
{
    const struct json *external_ids = json_member(json, "external_ids");
    if (!external_ids) {
        return;
    }
    struct smap ids = SMAP_INITIALIZER(&ids);
    struct svec errors = SVEC_EMPTY_INITIALIZER;
    smap_from_json(&ids, external_ids);
    settings_read(&ids, SETTING_FROM_BRIDGE, "bridge", settings, &errors);
    assert_int_equal(errors.n, 0);
    smap_destroy(&ids);
}

static void
read_bridge(const struct json *json, struct switch_view *view)
{
    struct bridge_view *bridge = switch_view_add_bridge(view);
    bridge->name = xstrdup(json_member_string(json, "name"));
    bridge->parent = nullable_xstrdup(json_member_string(json, "parent"));
    bridge->tag = json_member_integer(json, "tag", -1);
    read_settings(json, &bridge->settings);
}

static void
read_vnic_keys(const struct json *json, struct port_view *port)
{
    const char *vm_id = json_member_string(json, "vm_id");
    const char *mark = json_member_string(json, "mark");
    port->is_vnic = vm_id != NULL;
    if (vm_id) {
        assert_true(uuid_from_string(&port->vm_id, vm_id));
        assert_true(eth_addr_from_string(json_member_string(json, "mac"),
                                         &port->mac));
    }
    if (mark) {
        assert_true(uuid_from_string(&port->marked_vm_id, mark));
        port->ready_ms = json_member_integer(json, "ready", 1000);
    }
}

static void
read_port(const struct json *json, size_t index, struct switch_view *view)
{
    struct port_view *port = switch_view_add_port(view);
    port->row = (struct uuid) { .parts = { 1, 0, 0, index + 1 } };
    port->interface_row = (struct uuid) { .parts = { 2, 0, 0, index + 1 } };
    port->name = xstrdup(json_member_string(json, "name"));
    port->bridge = xstrdup(json_member_string(json, "bridge"));
    port->type = nullable_xstrdup(json_member_string(json, "type"));
    port->has_guest_keys = json_member(json, "iface_id") != NULL;
    port->ofport = json_member_integer(json, "ofport", index + 1);
    port->error = nullable_xstrdup(json_member_string(json, "error"));
    json_member_vlans(json, &port->columns);
    read_vnic_keys(json, port);
}

/* Fills 'view' from switch.json, in its order or from its end. */
static void
read_switch(const struct scenario *s, bool is_reversed,
            struct switch_view *view)
{
    const struct json *bridges = json_member(s->switch_, "bridges");
    const struct json *ports = json_member(s->switch_, "ports");
    size_t n_bridges = json_array(bridges)->n;
    size_t n_ports = json_array(ports)->n;

    view->vlan_limit = json_member_integer(s->switch_, "vlan_limit",
                                           SWITCH_VIEW_DEFAULT_VLAN_LIMIT);
    for (size_t i = 0; i < n_bridges; i++) {
        size_t at = is_reversed ? n_bridges - 1 - i : i;
        read_bridge(json_array(bridges)->elems[at], view);
    }
    for (size_t i = 0; i < n_ports; i++) {
        size_t at = is_reversed ? n_ports - 1 - i : i;
        read_port(json_array(ports)->elems[at], at, view);
    }
    switch_view_sort(view);
}

/* Computing. */

static void
forget_pass(struct scenario *s)
{
    port_plan_destroy(&s->pass.plan);
    orphans_destroy(&s->pass.orphans);
    desired_destroy(&s->pass.desired);
}

static void
compute(struct scenario *s, bool is_forced)
{
    struct domain_source source = {
        .domains = &s->domains,
        .networks = &s->networks,
        .is_complete = true,
        .listed_ms = NOW_MS,
    };
    struct facts facts = {
        .sources = &source,
        .n_sources = 1,
        .view = &s->pass.view,
        .memory = &s->memory,
    };
    struct port_plan_gates gates = {
        .now = NOW_MS,
        .is_forced = is_forced,
        .collect_ms = is_forced ? NOW_MS : LLONG_MAX,
    };
    const struct json *has_looked = json_member(s->switch_, "plugged");
    s->memory.has_looked |= has_looked && json_boolean(has_looked);
    memory_note_switch(&s->memory, &s->pass.view, gates.now);
    desired_compute(&facts, &s->pass.desired);
    memory_note_desired(&s->memory, &s->pass.desired, gates.now);
    orphans_find(&s->pass.view, &s->pass.desired, false, &s->pass.orphans);
    memory_note_orphans(&s->memory, &s->pass.orphans, gates.now, gates.now);
    port_plan_compute(&s->pass.desired, &s->pass.orphans, &s->memory, &gates,
                      &s->pass.plan);
}

static void
put_listing(struct ds *out, const char *title, struct report *report)
{
    CLEANUP_FREE char *text = report_render(report, REPORT_TABLE);
    ds_put_format(out, "%s\n\n%s\n", title, text);
    report_destroy(report);
}

static char *
render(const struct scenario *s)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    struct report report;

    listing_vnics(&s->pass, NULL, &report);
    put_listing(&out, "vnic/list", &report);
    assert_null(vlan_listing_fill(&s->pass, NULL, &report));
    put_listing(&out, "vlan/show", &report);
    listing_plan(&s->pass, &report);
    put_listing(&out, "plan", &report);
    return ds_steal_cstr(&out);
}

/* Comparing. */

static void
compare_expected(const struct scenario *s)
{
    CLEANUP_FREE char *path = xasprintf("%s/expected.txt", s->path);
    CLEANUP_FREE char *actual = render(s);

    golden_compare(path, actual);
}

static void
execute_set(struct port_view *port, const struct port_op *op)
{
    switch (op->column) {
    case VLAN_COLUMN_TAG:
        port->columns.tag = op->after.tag;
        break;
    case VLAN_COLUMN_TRUNKS:
        port->columns.trunks = op->after.trunks;
        break;
    case VLAN_COLUMN_VLAN_MODE:
        port->columns.mode = op->after.mode;
        break;
    case VLAN_COLUMN_CVLANS:
        port->columns.cvlans = op->after.cvlans;
        break;
    case N_VLAN_COLUMNS:
        OVS_NOT_REACHED();
    }
}

static void
execute_plug(struct switch_view *view, const struct port_op *op)
{
    const struct desired_vnic *d = op->vnic;
    struct port_view *port = switch_view_add_port(view);
    port->row = (struct uuid) { .parts = { 0x44444444, 0, 0, view->n_ports } };
    port->name = xstrdup(d->vnic.target);
    port->bridge = xstrdup(d->bridge);
    port->columns = op->after;
    port->ofport = 1000;
    port->is_vnic = true;
    port->vm_id = d->vnic.id.domain;
    port->mac = d->vnic.id.mac;
    port->marked_vm_id = port->vm_id;
    port->ready_ms = 1000;
}

/* A row that is not a guest's any more is as good as gone. */
static void
execute_collect(struct switch_view *view, const struct orphan *orphan)
{
    if (orphan->vnic) {
        view->ports[orphan->vnic->port - view->ports].is_vnic = false;
    } else {
        view->qoses[orphan->qos - view->qoses].is_used = true;
    }
}

/* What executing 'op' would make of its port. */
static void
execute_on_port(struct switch_view *view, const struct port_op *op)
{
    struct port_view *port = &view->ports[op->vnic->port - view->ports];
    assert_true(port->is_vnic);
    switch (op->kind) {
    case PORT_OP_SET:
        execute_set(port, op);
        break;
    case PORT_OP_IDENTIFY:
        port->lacks_keys = false;
        break;
    case PORT_OP_LINK_QOS:
        port->qos = op->vnic->qos->row;
        break;
    case PORT_OP_MARK:
        port->marked_vm_id = port->vm_id;
        port->ready_ms = op->is_ready ? 1000 : 0;
        free(port->marked_isolation);
        port->marked_isolation
            = policy_isolation_to_string(&op->vnic->policy);
        break;
    case PORT_OP_UNMARK:
        port->ready_ms = 0;
        break;
    case PORT_OP_FORGET:
        port->ready_ms = 0;
        uuid_zero(&port->marked_vm_id);
        free(port->marked_isolation);
        port->marked_isolation = NULL;
        break;
    case PORT_OP_LEAVE_STP:
        port->is_off_stp = true;
        break;
    case PORT_OP_PLUG:
    case PORT_OP_COLLECT:
    case PORT_OP_ADD_PATCH:
    case PORT_OP_FIX_PATCH:
    case PORT_OP_REMOVE_PATCH:
    case PORT_OP_SECURE:
    case PORT_OP_UNSECURE:
        OVS_NOT_REACHED();
    }
}

/* What executing 'plan' would make of 'view'; new ports come last, because the
 * plan points to those that are there. */
static void
execute(struct switch_view *view, const struct port_plan *plan)
{
    for (size_t i = 0; i < plan->n_ops; i++) {
        const struct port_op *op = &plan->ops[i];
        if (op->kind == PORT_OP_COLLECT) {
            execute_collect(view, op->orphan);
        } else if (op->kind != PORT_OP_PLUG) {
            assert_int_equal(op->verdict, PORT_VERDICT_APPLY);
            execute_on_port(view, op);
        }
    }
    for (size_t i = 0; i < plan->n_ops; i++) {
        if (plan->ops[i].kind == PORT_OP_PLUG) {
            execute_plug(view, &plan->ops[i]);
        }
    }
    switch_view_sort(view);
}

/* The order of rows does not matter; once a forced plan is executed, nothing
 * is left to do. */
static void
check_properties(struct scenario *s)
{
    CLEANUP_FREE char *before = render(s);
    forget_pass(s);
    switch_view_destroy(&s->pass.view);
    read_switch(s, true, &s->pass.view);
    compute(s, false);
    assert_string_taken(render(s), before);

    forget_pass(s);
    compute(s, true);
    execute(&s->pass.view, &s->pass.plan);
    forget_pass(s);
    compute(s, true);
    assert_int_equal(s->pass.plan.n_ops, 0);
}

static void
run_scenario(const char *path)
{
    struct scenario s = { .path = xstrdup(path) };
    CLEANUP_FREE char *switch_path = xasprintf("%s/switch.json", path);

    domain_set_init(&s.domains);
    network_set_init(&s.networks);
    memory_init(&s.memory);
    read_xml(&s);
    s.switch_ = json_member_read_file(switch_path);
    read_switch(&s, false, &s.pass.view);
    compute(&s, false);

    compare_expected(&s);
    check_properties(&s);

    forget_pass(&s);
    switch_view_destroy(&s.pass.view);
    memory_destroy(&s.memory);
    network_set_destroy(&s.networks);
    domain_set_destroy(&s.domains);
    json_destroy(s.switch_);
    free(s.path);
}

static void
test_scenarios(void **state)
{
    golden_for_each("scenarios", run_scenario);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
