/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_REPORT_H
#define LIB_REPORT_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/compiler.h"
#include "openvswitch/types.h"

struct json;
struct svec;
struct uuid;
struct vlan_set;

/* A listing, made once and rendered as the operator asks. */

enum report_format {
    REPORT_TABLE,               /* For people. */
    REPORT_JSON,                /* An array of flat objects. */
    REPORT_CSV,                 /* Keys as headings. */
};

char *report_format_from_string(const char *, enum report_format *)
    OVS_WARN_UNUSED_RESULT;

struct report_column {
    const char *key;            /* In JSON and CSV; NULL: not there. */
    const char *heading;        /* In the table; NULL: not there. */
};

struct report {
    const struct report_column *columns;
    size_t n_columns;
    struct json **cells;        /* Row by row, owned. */
    size_t n_cells, allocated_cells;
};

void report_init(struct report *, const struct report_column *,
                 size_t n_columns);
void report_destroy(struct report *);

/* Each of these fills the next cell, of the next row when one is full. */
void report_put_string(struct report *, const char *);
void report_put_format(struct report *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);
void report_put_take(struct report *, char *);
void report_put_mac(struct report *, struct eth_addr);
void report_put_uuid(struct report *, const struct uuid *);
void report_put_integer(struct report *, long long int);
void report_put_boolean(struct report *, bool);
void report_put_null(struct report *);
void report_put_vid(struct report *, int vid);
void report_put_vlans(struct report *, const struct vlan_set *);
void report_put_strings(struct report *, const struct svec *);
void report_put_time(struct report *, long long int ms);

char *report_render(const struct report *, enum report_format);
char *report_render_paragraphs(const struct report *);
char *report_time_to_string(long long int ms);

#endif /* lib/report.h */
