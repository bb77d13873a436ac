/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Listings for operators: a command puts cells, this renders them.  CSV and
 * paragraphs are those of Open vSwitch's own tables. */

#include <config.h>
#include "lib/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "lib/vlan.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "svec.h"
#include "table.h"
#include "util.h"
#include "uuid.h"

/* Stores in '*formatp' the format called 's'.  Returns a sentence if there is
 * none. */
char *
report_format_from_string(const char *s, enum report_format *formatp)
{
    static const char *const names[] = {
        [REPORT_TABLE] = "table",
        [REPORT_JSON] = "json",
        [REPORT_CSV] = "csv",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(s, names[i])) {
            *formatp = i;
            return NULL;
        }
    }
    *formatp = REPORT_TABLE;
    return xasprintf("format '%s' is not one of table, json, csv", s);
}

/* 'columns' is borrowed for the life of 'report'. */
void
report_init(struct report *report, const struct report_column *columns,
            size_t n_columns)
{
    *report = (struct report) {
        .columns = columns,
        .n_columns = n_columns,
    };
}

void
report_destroy(struct report *report)
{
    for (size_t i = 0; i < report->n_cells; i++) {
        json_destroy(report->cells[i]);
    }
    free(report->cells);
    report_init(report, NULL, 0);
}

/* Cells. */

/* Takes ownership of 'value'. */
static void
put(struct report *report, struct json *value)
{
    if (report->n_cells >= report->allocated_cells) {
        report->cells = x2nrealloc(report->cells, &report->allocated_cells,
                                   sizeof *report->cells);
    }
    report->cells[report->n_cells++] = value;
}

/* NULL is null. */
void
report_put_string(struct report *report, const char *s)
{
    put(report, s ? json_string_create(s) : json_null_create());
}

void
report_put_format(struct report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put(report, json_string_create_nocopy(xvasprintf(format, args)));
    va_end(args);
}

/* Takes ownership of 's'. */
void
report_put_take(struct report *report, char *s)
{
    report_put_string(report, s);
    free(s);
}

void
report_put_mac(struct report *report, struct eth_addr mac)
{
    report_put_format(report, ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
}

void
report_put_uuid(struct report *report, const struct uuid *uuid)
{
    report_put_format(report, UUID_FMT, UUID_ARGS(uuid));
}

void
report_put_integer(struct report *report, long long int value)
{
    put(report, json_integer_create(value));
}

void
report_put_boolean(struct report *report, bool value)
{
    put(report, json_boolean_create(value));
}

void
report_put_null(struct report *report)
{
    put(report, json_null_create());
}

/* A VLAN ID; a negative one, which is "none", is null. */
void
report_put_vid(struct report *report, int vid)
{
    if (vid >= 0) {
        report_put_integer(report, vid);
    } else {
        report_put_null(report);
    }
}

/* An empty set is null. */
void
report_put_vlans(struct report *report, const struct vlan_set *set)
{
    if (vlan_set_is_empty(set)) {
        report_put_null(report);
        return;
    }

    struct json *array = json_array_create_empty();
    VLAN_SET_FOR_EACH (vid, set) {
        json_array_add(array, json_integer_create(vid));
    }
    put(report, array);
}

/* An empty array stays one: none are there, which is not "unknown". */
void
report_put_strings(struct report *report, const struct svec *strings)
{
    struct json *array = json_array_create_empty();
    for (size_t i = 0; i < strings->n; i++) {
        json_array_add(array, json_string_create(strings->names[i]));
    }
    put(report, array);
}

/* 'ms' is since the epoch; 0, which is never, is null. */
void
report_put_time(struct report *report, long long int ms)
{
    put(report, ms ? json_string_create_nocopy(report_time_to_string(ms))
                   : json_null_create());
}

/* Returns 'ms', since the epoch, as RFC 3339 has it, in UTC, malloc'd. */
char *
report_time_to_string(long long int ms)
{
    return xastrftime_msec("%Y-%m-%dT%H:%M:%S.###Z", ms, true);
}

/* Rendering. */

/* VLANs in short form, or strings. */
static char *
array_to_text(const struct json *json, const char *nothing)
{
    struct vlan_set set = { { 0 } };
    struct ds s = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < json->array.n; i++) {
        const struct json *elem = json->array.elems[i];
        if (elem->type == JSON_STRING) {
            ds_put_format(&s, "%s%s", i ? "," : "", json_string(elem));
        } else {
            vlan_set_add(&set, json_integer(elem));
        }
    }
    vlan_set_format(&set, &s);
    ds_put_cstr(&s, s.length ? "" : nothing);
    return ds_steal_cstr(&s);
}

static char *
cell_to_text(const struct json *json, const char *nothing)
{
    switch (json->type) {
    case JSON_NULL:
        return xstrdup(nothing);
    case JSON_FALSE:
        return xstrdup("no");
    case JSON_TRUE:
        return xstrdup("yes");
    case JSON_INTEGER:
        return xasprintf("%"PRId64, json_integer(json));
    case JSON_STRING:
        return text_printable(json_string(json));
    case JSON_ARRAY:
        return array_to_text(json, nothing);
    case JSON_OBJECT:
    case JSON_REAL:
    case JSON_SERIALIZED_OBJECT:
    case JSON_N_TYPES:
        break;
    }
    OVS_NOT_REACHED();
}

static const char *
column_name(const struct report_column *column, enum report_format format)
{
    return format == REPORT_TABLE ? column->heading : column->key;
}

static void
fill_table(const struct report *report, enum report_format format,
           struct table *table)
{
    table_init(table);
    for (size_t i = 0; i < report->n_columns; i++) {
        const char *name = column_name(&report->columns[i], format);
        if (name) {
            table_add_column(table, "%s", name);
        }
    }
    for (size_t i = 0; i < report->n_cells; i++) {
        size_t column = i % report->n_columns;
        if (!column) {
            table_add_row(table);
        }
        if (column_name(&report->columns[column], format)) {
            const char *nothing = format == REPORT_TABLE ? "-" : "";
            table_add_cell(table)->text = cell_to_text(report->cells[i],
                                                       nothing);
        }
    }
}

struct grid_cell {
    char *text;                 /* Owned. */
    size_t width;               /* On a terminal. */
};

/* A table: its cells row by row, the headings first. */
struct grid {
    struct grid_cell *cells;
    size_t n_cells;
    size_t n_columns;
    size_t *widths;             /* Of each column. */
};

/* Adds a cell to 'column'.  Takes ownership of 'text'. */
static void
grid_add(struct grid *grid, size_t column, char *text)
{
    struct grid_cell *cell = &grid->cells[grid->n_cells++];
    cell->text = text;
    cell->width = text_width(text);
    grid->widths[column] = MAX(grid->widths[column], cell->width);
}

static void
grid_init(struct grid *grid, const struct report *report)
{
    *grid = (struct grid) {
        .cells = xmalloc((report->n_columns + report->n_cells)
                         * sizeof *grid->cells),
        .widths = xcalloc(report->n_columns, sizeof *grid->widths),
    };
    for (size_t i = 0; i < report->n_columns; i++) {
        if (report->columns[i].heading) {
            grid_add(grid, grid->n_columns++,
                     xstrdup(report->columns[i].heading));
        }
    }
    for (size_t i = 0; i < report->n_cells; i++) {
        if (report->columns[i % report->n_columns].heading) {
            grid_add(grid, grid->n_cells % grid->n_columns,
                     cell_to_text(report->cells[i], "-"));
        }
    }
}

static void
grid_destroy(struct grid *grid)
{
    for (size_t i = 0; i < grid->n_cells; i++) {
        free(grid->cells[i].text);
    }
    free(grid->cells);
    free(grid->widths);
}

/* Appends the row that begins with 'cells'; no blanks at its end. */
static void
grid_format_row(const struct grid *grid, const struct grid_cell *cells,
                struct ds *s)
{
    size_t blanks = 0;
    for (size_t i = 0; i < grid->n_columns; i++) {
        ds_put_char_multiple(s, ' ', blanks);
        ds_put_cstr(s, cells[i].text);
        blanks = grid->widths[i] - cells[i].width + 1;
    }
    while (ds_chomp(s, ' ')) {
        continue;
    }
    ds_put_char(s, '\n');
}

static void
grid_format_rule(const struct grid *grid, struct ds *s)
{
    for (size_t i = 0; i < grid->n_columns; i++) {
        ds_put_char_multiple(s, ' ', i > 0);
        ds_put_char_multiple(s, '-', grid->widths[i]);
    }
    ds_put_char(s, '\n');
}

/* Columns line up on a terminal, which those of Open vSwitch's tables only do
 * as long as every character is one byte. */
static char *
render_grid(const struct report *report)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct grid grid;
    grid_init(&grid, report);
    grid_format_row(&grid, grid.cells, &s);
    grid_format_rule(&grid, &s);
    for (size_t i = grid.n_columns; i < grid.n_cells; i += grid.n_columns) {
        grid_format_row(&grid, &grid.cells[i], &s);
    }
    grid_destroy(&grid);
    return ds_steal_cstr(&s);
}

static char *
render_table(const struct report *report, enum report_format format,
             enum table_format layout)
{
    struct table table;
    fill_table(report, format, &table);

    struct table_style style = TABLE_STYLE_DEFAULT;
    style.format = layout;
    struct ds s = DS_EMPTY_INITIALIZER;
    table_format_reset();
    table_format(&table, &style, &s);
    table_destroy(&table);
    return ds_steal_cstr(&s);
}

static char *
render_json(const struct report *report)
{
    struct json *rows = json_array_create_empty();
    struct json *row = NULL;
    for (size_t i = 0; i < report->n_cells; i++) {
        size_t column = i % report->n_columns;
        if (!column) {
            row = json_object_create();
            json_array_add(rows, row);
        }
        if (report->columns[column].key) {
            json_object_put(row, report->columns[column].key,
                            json_clone(report->cells[i]));
        }
    }

    char *text = json_to_string(rows, JSSF_PRETTY | JSSF_SORT);
    json_destroy(rows);
    return text;
}

/* Returns 'report' as a malloc'd string.  A listing without rows is its
 * heading alone: two lines of table, one of CSV, an empty array. */
char *
report_render(const struct report *report, enum report_format format)
{
    switch (format) {
    case REPORT_JSON:
        return render_json(report);
    case REPORT_CSV:
        return render_table(report, format, TF_CSV);
    case REPORT_TABLE:
        return render_grid(report);
    }
    OVS_NOT_REACHED();
}

/* Returns 'report' as a malloc'd string for people, a paragraph for each row
 * with a line for each of its cells. */
char *
report_render_paragraphs(const struct report *report)
{
    return render_table(report, REPORT_TABLE, TF_LIST);
}
