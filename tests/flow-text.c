/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/flow-text.h"

#include <stdlib.h>
#include <string.h>

#include "flows/flow-table.h"

#include "byte-order.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-group.h"

static char *
add_flow(struct flow_table *table, const char *line)
{
    struct ofputil_flow_mod fm;
    enum ofputil_protocol protocols;
    char *error = parse_ofp_flow_mod_str(&fm, line, NULL, NULL, OFPFC_ADD,
                                         &protocols);
    if (error) {
        return error;
    }

    struct match match;
    minimatch_expand(&fm.match, &match);
    struct ofpbuf actions;
    ofpbuf_use_const(&actions, fm.ofpacts, fm.ofpacts_len);
    struct flow_entry *entry
        = flow_table_add(table, fm.table_id == OFPTT_ALL ? 0 : fm.table_id,
                         fm.priority, ntohll(fm.new_cookie), &match, &actions);
    entry->is_fleeting = fm.idle_timeout || fm.hard_timeout;
    minimatch_destroy(&fm.match);
    free(fm.ofpacts);
    return NULL;
}

static char *
add_group(struct flow_table *table, const char *line)
{
    struct ofputil_group_mod gm;
    enum ofputil_protocol protocols;
    char *error = parse_ofp_group_mod_str(&gm, OFPGC15_ADD, line, NULL, NULL,
                                          &protocols);
    if (error) {
        return error;
    }

    struct flow_group *group = flow_table_add_group(table, gm.group_id);
    const struct ofputil_bucket *bucket;
    LIST_FOR_EACH (bucket, list_node, &gm.buckets) {
        struct ofpbuf actions;
        ofpbuf_use_const(&actions, bucket->ofpacts, bucket->ofpacts_len);
        flow_group_add_bucket(group, bucket->bucket_id, &actions);
    }
    ofputil_uninit_group_mod(&gm);
    return NULL;
}

/* Adds the flow, or the group if 'line' begins with its id, to 'table'.
 * Returns NULL, or what is wrong with 'line', for the caller to free. */
char *
flow_text_add(struct flow_table *table, const char *line)
{
    return (strncmp(line, "group_id=", strlen("group_id="))
            ? add_flow(table, line)
            : add_group(table, line));
}
