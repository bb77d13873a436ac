/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Names of tables and rules, and what is in a cookie.  Pure. */

#include <config.h>
#include "flows/tables.h"

#include <stddef.h>

#include "flows/flow-space.h"
#include "util.h"

static const struct flow_range ranges[] = {
    { TABLE_CLASSIFY, TABLE_CLASSIFY, PRIORITY_CLASSIFY_MISS,
      PRIORITY_LAST_OWN },
    { TABLE_FIRST_OWN, TABLE_LAST_OWN, 0, UINT16_MAX },
};

const struct flow_space table_space = {
    .cookie = COOKIE_PREFIX,
    .cookie_mask = COOKIE_PREFIX_MASK,
    .group = GROUP_PREFIX,
    .group_mask = GROUP_PREFIX_MASK,
    .ranges = ranges,
    .n_ranges = ARRAY_SIZE(ranges),
    .learnt_table = TABLE_L2_LEARNT,
};

/* Returns the name of a table of ours, NULL for others. */
const char *
table_name(uint8_t table_id)
{
    switch (table_id) {
#define TABLE(ENUM, ID) case ID: return #ENUM;
        TABLES
#undef TABLE
    }
    return NULL;
}

/* Returns the name of 'rule', as settings and metrics write it; NULL for what
 * is none, as a cookie of another layout may have it. */
const char *
table_rule_name(enum table_rule rule)
{
    switch (rule) {
#define RULE(ENUM, NUMBER, NAME, WORDS) case RULE_##ENUM: return NAME;
        TABLE_RULES
#undef RULE
    }
    return NULL;
}

/* Returns what 'rule' means to an operator, or NULL. */
const char *
table_rule_words(enum table_rule rule)
{
    switch (rule) {
#define RULE(ENUM, NUMBER, NAME, WORDS) case RULE_##ENUM: return WORDS;
        TABLE_RULES
#undef RULE
    }
    return NULL;
}

/* 'vnic' is 0 for flows that are not one vNIC's. */
uint64_t
table_cookie(uint32_t vnic, enum table_rule rule)
{
    ovs_assert(vnic <= COOKIE_MAX_VNIC);
    return COOKIE_PREFIX
           | (uint64_t) COOKIE_LAYOUT << COOKIE_LAYOUT_SHIFT
           | (uint64_t) vnic << COOKIE_VNIC_SHIFT
           | rule;
}

/* True for each layout. */
bool
table_cookie_is_ours(uint64_t cookie)
{
    return (cookie & COOKIE_PREFIX_MASK) == COOKIE_PREFIX;
}

uint32_t
table_cookie_vnic(uint64_t cookie)
{
    return cookie >> COOKIE_VNIC_SHIFT & COOKIE_MAX_VNIC;
}

enum table_rule
table_cookie_rule(uint64_t cookie)
{
    return cookie & COOKIE_RULE_MASK;
}

/* True for a flow that decides what becomes of frames which broke a rule, and
 * counts them. */
bool
table_flow_is_violation(uint8_t table_id, uint64_t cookie)
{
    return table_id == TABLE_VIOLATION
           || (table_id == TABLE_MAC_LIMIT
               && table_cookie_rule(cookie) == RULE_MAC_LIMIT);
}

/* True for a flow that the switch has learnt, and nobody means: it is no
 * difference to what is meant, and goes with the flow that learnt it. */
bool
table_flow_is_learnt(uint8_t table_id, uint64_t cookie)
{
    return table_id == TABLE_L2_LEARNT
           && table_cookie_is_ours(cookie)
           && table_cookie_rule(cookie) == RULE_LEARNT;
}
