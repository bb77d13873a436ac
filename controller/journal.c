/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* A bounded record of what was changed and why, for operators.  Nothing is
 * decided from it. */

#include <config.h>
#include "controller/journal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lib/desired.h"
#include "lib/orphan.h"
#include "lib/switch-view.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

struct journal *
journal_create(void)
{
    return xzalloc(sizeof(struct journal));
}

static void
entry_destroy(struct journal_entry *entry)
{
    free(entry->label);
    free(entry->object);
    free(entry->domain);
    free(entry->port);
    free(entry->column);
    free(entry->found);
    free(entry->restored);
}

void
journal_destroy(struct journal *journal)
{
    if (journal) {
        for (size_t i = 0; i < JOURNAL_CAPACITY; i++) {
            entry_destroy(&journal->entries[i]);
        }
        free(journal);
    }
}

/* Records 'op', a repair, as done, or as reported if that is its
 * verdict.  The oldest entry makes room. */
void
journal_add(struct journal *journal, const struct port_op *op,
            long long int time_ms)
{
    const struct desired_vnic *d = op->orphan ? op->orphan->vnic : op->vnic;
    bool is_reported = op->verdict == PORT_VERDICT_REPORT;
    uint64_t *counters = (is_reported
                          ? journal->n_reported : journal->n_repaired);
    counters[op->cause]++;

    struct journal_entry *entry
        = &journal->entries[journal->n++ % JOURNAL_CAPACITY];
    entry_destroy(entry);
    *entry = (struct journal_entry) {
        .number = journal->n,
        .time_ms = time_ms,
        .cause = op->cause,
        .is_reported = is_reported,
        .kind = port_op_kind_to_string(op),
        .label = port_op_label(op),
        .object = port_op_object(op),
        .domain = d ? nullable_xstrdup(d->domain) : NULL,
        .mac = d ? d->vnic.id.mac : eth_addr_zero,
        .port = xstrdup(port_op_port_name(op)),
        .column = xstrdup(port_op_column(op)),
        .found = port_op_before(op),
        .restored = port_op_after(op),
    };
}

/* Returns the number of the oldest entry kept; those up to 'journal->n'
 * follow it. */
uint64_t
journal_first(const struct journal *journal)
{
    return journal->n > JOURNAL_CAPACITY ? journal->n - JOURNAL_CAPACITY + 1
                                         : 1;
}

/* Returns entry 'number', which must be kept still. */
const struct journal_entry *
journal_get(const struct journal *journal, uint64_t number)
{
    return &journal->entries[(number - 1) % JOURNAL_CAPACITY];
}

/* Returns how many columns were written, for whatever cause, since the agent
 * started. */
uint64_t
journal_count(const struct journal *journal)
{
    uint64_t n = 0;
    for (enum port_cause cause = 0; cause < N_PORT_CAUSES; cause++) {
        n += journal->n_repaired[cause];
    }
    return n;
}

static const uint64_t *
counters_of(const struct journal *journal, bool is_reported)
{
    return is_reported ? journal->n_reported : journal->n_repaired;
}

/* Returns how many columns had drifted, and were put right or only reported,
 * since the agent started. */
uint64_t
journal_count_drift(const struct journal *journal, bool is_reported)
{
    const uint64_t *counters = counters_of(journal, is_reported);
    uint64_t n = 0;
    for (enum port_cause cause = 0; cause < N_PORT_CAUSES; cause++) {
        n += port_cause_is_drift(cause) ? counters[cause] : 0;
    }
    return n;
}

/* Appends the same with its causes, "3 (operator 2, stale-row 1)", to 's'. */
void
journal_format_drift(const struct journal *journal, bool is_reported,
                     struct ds *s)
{
    const uint64_t *counters = counters_of(journal, is_reported);
    uint64_t n = journal_count_drift(journal, is_reported);
    const char *separator = " (";

    ds_put_format(s, "%"PRIu64, n);
    for (enum port_cause cause = 0; cause < N_PORT_CAUSES; cause++) {
        if (port_cause_is_drift(cause) && counters[cause]) {
            ds_put_format(s, "%s%s %"PRIu64, separator,
                          port_cause_to_string(cause), counters[cause]);
            separator = ", ";
        }
    }
    ds_put_cstr(s, n ? ")" : "");
}
