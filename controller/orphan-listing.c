/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* orphan/list: the rows that guests left behind, as one pass found them.  The
 * keys are a contract with those who script against them: see vnicctl(8).
 * Pure. */

#include <config.h>
#include "controller/orphan-listing.h"

#include "controller/reconcile.h"
#include "lib/orphan.h"
#include "lib/report.h"
#include "util.h"

static const struct report_column columns[] = {
    { "table", "TABLE" },
    { "port", "PORT" },
    { "bridge", "BRIDGE" },
    { "vm_id", "VM ID" },
    { "seen", "SEEN" },
    { "due", "DUE" },
    { "reason", "REASON" },
};

static void
put_orphan(struct report *report, const struct orphan *orphan)
{
    const struct desired_vnic *d = orphan->vnic;

    report_put_string(report, orphan_table(orphan));
    report_put_string(report, orphan_name(orphan));
    report_put_string(report, d ? d->port->bridge : NULL);
    report_put_uuid(report, orphan_vm_id(orphan));
    report_put_time(report, orphan->seen_ms);
    report_put_time(report, (orphan->is_plugged_by_us ? orphan->seen_ms
                             : orphan->is_collected
                             ? orphan->seen_ms + ORPHAN_AGE_MS : 0));
    report_put_string(report, orphan_reason(orphan));
}

void
orphan_listing_fill(const struct pass *pass, struct report *report)
{
    report_init(report, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < pass->orphans.n; i++) {
        put_orphan(report, &pass->orphans.orphans[i]);
    }
}
