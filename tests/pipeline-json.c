/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A bridge as JSON:
 *
 *   {"name": "br0",
 *    "outside": 30, "inside": 31, "infrastructure": [20],
 *    "blocked": [7], "mirrors": [8],
 *    "passes_unknown_addresses": true, "passes_unknown_ports": false,
 *    "forwards_bpdus": false,
 *    "vnics": [{"number": 1, "ofport": 1, "mac": "52:54:00:00:00:01",
 *               "vlan_mode": "access", "tag": 10,
 *               "isolation": "community", "community": 1,
 *               "place": "incoming",
 *               "guard": "enforce", "services": ["lldp"],
 *               "addresses": [{"ip": "10.0.0.1/32",
 *                              "mac": "00:00:5e:00:01:07", "vlan": 10}]}]}
 */

#include <config.h>
#include "tests/pipeline-json.h"

#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "flows/flow-table.h"
#include "flows/pipeline.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "svec.h"
#include "tests/json-member.h"
#include "util.h"

/* Reading. */

static struct eth_addr
read_mac(const struct json *json)
{
    struct eth_addr mac = eth_addr_zero;
    const char *s = json_member_string(json, "mac");
    if (s && !eth_addr_from_string(s, &mac)) {
        ovs_fatal(0, "mac '%s' is none", s);
    }
    return mac;
}

static void
read_address(const struct json *json, struct policy *policy)
{
    struct policy_address *address = policy_add_address(policy);
    char *error = policy_address_parse(json_member_string(json, "ip"),
                                       &address->ip, &address->plen);
    if (error) {
        ovs_fatal(0, "%s", error);
    }
    address->mac = read_mac(json);
    address->vlan = json_member_integer(json, "vlan", -1);
}

static void
read_service(const struct json *json, struct policy *policy)
{
    enum policy_service service;
    if (!policy_service_from_string(json_string(json), &service)) {
        ovs_fatal(0, "service '%s' is none", json_string(json));
    }
    policy->services |= service;
}

static void
read_policy(const struct json *json, struct policy *policy)
{
    const char *class = json_member_string(json, "isolation");
    if (class && !isolation_class_from_string(class, &policy->isolation)) {
        ovs_fatal(0, "isolation '%s' is none", class);
    }
    const char *level = json_member_string(json, "guard");
    if (level && !guard_level_from_string(level, &policy->guard)) {
        ovs_fatal(0, "guard '%s' is none", level);
    }
    const struct json *services = json_member(json, "services");
    for (size_t i = 0; services && i < json_array(services)->n; i++) {
        read_service(json_array(services)->elems[i], policy);
    }
    const struct json *addresses = json_member(json, "addresses");
    for (size_t i = 0; addresses && i < json_array(addresses)->n; i++) {
        read_address(json_array(addresses)->elems[i], policy);
    }
}

static enum guest_place
read_place(const struct json *json)
{
    const char *place = json_member_string(json, "place");
    if (!place) {
        return GUEST_HERE;
    } else if (!strcmp(place, "elsewhere")) {
        return GUEST_ELSEWHERE;
    } else if (!strcmp(place, "incoming")) {
        return GUEST_INCOMING;
    }
    ovs_fatal(0, "place '%s' is none", place);
}

static void
read_vnic(const struct json *json, struct pipeline_vnic *vnic)
{
    vnic->number = json_member_integer(json, "number", 0);
    vnic->label = xasprintf("vnic%"PRIu32, vnic->number);
    vnic->ofport = u16_to_ofp(json_member_integer(json, "ofport", 0));
    vnic->mac = read_mac(json);
    vnic->place = read_place(json);
    vnic->is_protected = json_member_boolean(json, "is_protected");
    vnic->community = json_member_integer(json, "community", 0);
    json_member_vlans(json, &vnic->vlan);
    read_policy(json, &vnic->policy);
}

/* Fills the initialised 'bridge' with what 'json' says.  Ends the program if
 * that makes no sense. */
void
pipeline_json_read(const struct json *json, struct pipeline_bridge *bridge)
{
    const char *name = json_member_string(json, "name");
    bridge->name = xstrdup(name ? name : "br0");
    bridge->outside = u16_to_ofp(json_member_integer(json, "outside", 0));
    bridge->inside = u16_to_ofp(json_member_integer(json, "inside", 0));
    bridge->passes_unknown_addresses
        = json_member_boolean(json, "passes_unknown_addresses");
    bridge->passes_unknown_ports
        = json_member_boolean(json, "passes_unknown_ports");
    bridge->forwards_bpdus = json_member_boolean(json, "forwards_bpdus");

    const struct json *ports = json_member(json, "infrastructure");
    for (size_t i = 0; ports && i < json_array(ports)->n; i++) {
        int port = json_integer(json_array(ports)->elems[i]);
        pipeline_bridge_add_infrastructure(bridge, u16_to_ofp(port));
    }
    const struct json *blocked = json_member(json, "blocked");
    for (size_t i = 0; blocked && i < json_array(blocked)->n; i++) {
        int port = json_integer(json_array(blocked)->elems[i]);
        pipeline_bridge_add_blocked(bridge, u16_to_ofp(port));
    }
    const struct json *mirrors = json_member(json, "mirrors");
    for (size_t i = 0; mirrors && i < json_array(mirrors)->n; i++) {
        int port = json_integer(json_array(mirrors)->elems[i]);
        pipeline_bridge_add_mirror(bridge, u16_to_ofp(port));
    }
    const struct json *vnics = json_member(json, "vnics");
    for (size_t i = 0; vnics && i < json_array(vnics)->n; i++) {
        read_vnic(json_array(vnics)->elems[i],
                  pipeline_bridge_add_vnic(bridge));
    }
}

/* Fills the initialised 'bridge' with what 'text' says, which is JSON but for
 * its quotation marks: single ones are easier to write in C. */
void
pipeline_json_parse(const char *text, struct pipeline_bridge *bridge)
{
    char *copy = xstrdup(text);
    for (char *s = copy; *s; s++) {
        *s = *s == '\'' ? '"' : *s;
    }
    struct json *json = json_from_string(copy);
    if (json->type != JSON_OBJECT) {
        ovs_fatal(0, "%s: %s", copy, json_string(json));
    }
    pipeline_json_read(json, bridge);
    json_destroy(json);
    free(copy);
}

/* Writing. */

/* In the order of the pipeline: by table, and the highest priority first. */
static int
compare_flows(const void *a_, const void *b_)
{
    const struct flow_entry *const *a = a_, *const *b = b_;
    if ((*a)->table_id != (*b)->table_id) {
        return (*a)->table_id < (*b)->table_id ? -1 : 1;
    }
    if ((*a)->priority != (*b)->priority) {
        return (*a)->priority > (*b)->priority ? -1 : 1;
    }
    struct ds a_text = DS_EMPTY_INITIALIZER, b_text = DS_EMPTY_INITIALIZER;
    flow_entry_format(*a, &a_text);
    flow_entry_format(*b, &b_text);
    int cmp = strcmp(ds_cstr(&a_text), ds_cstr(&b_text));
    ds_destroy(&a_text);
    ds_destroy(&b_text);
    return cmp;
}

static void
put_flows(const struct flow_table *flows, const char *prefix, struct ds *s)
{
    size_t n = 0;
    const struct flow_entry **sorted
        = xmalloc(hmap_count(&flows->flows) * sizeof *sorted);
    const struct flow_entry *flow;
    HMAP_FOR_EACH (flow, node, &flows->flows) {
        sorted[n++] = flow;
    }
    qsort(sorted, n, sizeof *sorted, compare_flows);
    for (size_t i = 0; i < n; i++) {
        ds_put_cstr(s, prefix);
        flow_entry_format(sorted[i], s);
        ds_put_char(s, '\n');
    }
    free(sorted);
}

static void
put_groups(const struct flow_table *flows, const char *prefix, struct ds *s)
{
    struct svec lines = SVEC_EMPTY_INITIALIZER;
    const struct flow_group *group;
    HMAP_FOR_EACH (group, node, &flows->groups) {
        struct ds line = DS_EMPTY_INITIALIZER;
        flow_group_format(group, &line);
        svec_add_nocopy(&lines, ds_steal_cstr(&line));
    }
    svec_sort(&lines);
    for (size_t i = 0; i < lines.n; i++) {
        ds_put_format(s, "%s%s\n", prefix, lines.names[i]);
    }
    svec_destroy(&lines);
}

/* Returns groups and flows, a line each, in the syntax of ovs-ofctl behind the
 * prefixes, always in the same order. */
char *
pipeline_json_flows(const struct flow_table *flows, const char *flow_prefix,
                    const char *group_prefix)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    put_groups(flows, group_prefix, &s);
    put_flows(flows, flow_prefix, &s);
    return ds_steal_cstr(&s);
}
