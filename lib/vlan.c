/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* VLANs of a port: sets of VLAN IDs, the modes of ovs-vswitchd.conf.db(5), and
 * the translation between what is meant and what the columns of a Port row
 * hold.  Pure. */

#include <config.h>
#include "lib/vlan.h"

#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

static const char *const mode_names[] = {
#define VLAN_MODE(ENUM, NAME) [VLAN_##ENUM] = NAME,
    VLAN_MODES
#undef VLAN_MODE
};

static const char *const column_names[N_VLAN_COLUMNS] = {
#define VLAN_COLUMN(ENUM, NAME) [VLAN_COLUMN_##ENUM] = NAME,
    VLAN_COLUMNS
#undef VLAN_COLUMN
};

/* Returns the name of 'mode' as Port.vlan_mode has it, NULL for VLAN_NONE. */
const char *
vlan_mode_to_string(enum vlan_mode mode)
{
    return mode_names[mode];
}

/* Stores in '*modep' the mode that 's' names and returns true; false, and
 * VLAN_NONE, if there is no such mode. */
bool
vlan_mode_from_string(const char *s, enum vlan_mode *modep)
{
    *modep = VLAN_NONE;
    for (size_t i = VLAN_NONE + 1; i < ARRAY_SIZE(mode_names); i++) {
        if (!strcmp(s, mode_names[i])) {
            *modep = i;
            return true;
        }
    }
    return false;
}

const char *
vlan_column_to_string(enum vlan_column column)
{
    return column_names[column];
}

/* Sets of VLAN IDs. */

bool
vlan_set_is_empty(const struct vlan_set *set)
{
    return bitmap_is_all_zeros(set->bits, VLAN_SET_BITS);
}

bool
vlan_set_equals(const struct vlan_set *a, const struct vlan_set *b)
{
    return bitmap_equal(a->bits, b->bits, VLAN_SET_BITS);
}

/* A 'vid' outside 0..4095 is in no set. */
bool
vlan_set_contains(const struct vlan_set *set, int vid)
{
    return vid >= 0 && vid < VLAN_SET_BITS && bitmap_is_set(set->bits, vid);
}

/* 'vid' must be within 0..4095. */
void
vlan_set_add(struct vlan_set *set, int vid)
{
    bitmap_set1(set->bits, vid);
}

/* Adds the members of 'other' to 'set'. */
void
vlan_set_merge(struct vlan_set *set, const struct vlan_set *other)
{
    bitmap_or(set->bits, other->bits, VLAN_SET_BITS);
}

/* Removes the members of 'other' from 'set'. */
void
vlan_set_subtract(struct vlan_set *set, const struct vlan_set *other)
{
    for (size_t i = 0; i < ARRAY_SIZE(set->bits); i++) {
        set->bits[i] &= ~other->bits[i];
    }
}

/* Returns the first member that is 'start' or more, -1 if there is none. */
int
vlan_set_next(const struct vlan_set *set, int start)
{
    size_t vid = bitmap_scan(set->bits, true, start, VLAN_SET_BITS);
    return vid < VLAN_SET_BITS ? vid : -1;
}

/* Appends 'set' in short form, "10,20-29", to 's'. */
void
vlan_set_format(const struct vlan_set *set, struct ds *s)
{
    const char *separator = "";
    for (int first = vlan_set_next(set, 0); first >= 0; ) {
        int end = bitmap_scan(set->bits, false, first, VLAN_SET_BITS);

        ds_put_format(s, "%s%d", separator, first);
        if (end - first > 1) {
            ds_put_format(s, "-%d", end - 1);
        }
        separator = ",";
        first = vlan_set_next(set, end);
    }
}

/* True if 'a' and 'b' have a member in common. */
bool
vlan_set_overlaps(const struct vlan_set *a, const struct vlan_set *b)
{
    struct vlan_set both = *a;
    bitmap_and(both.bits, b->bits, VLAN_SET_BITS);
    return !vlan_set_is_empty(&both);
}

/* True if every member of 'a' is one of 'b'. */
bool
vlan_set_is_subset(const struct vlan_set *a, const struct vlan_set *b)
{
    VLAN_SET_FOR_EACH (vid, a) {
        if (!vlan_set_contains(b, vid)) {
            return false;
        }
    }
    return true;
}

/* Reads a VLAN ID, 1..4094, of digits alone, off the front of '*sp'.  Returns
 * 0 if there is none. */
static int
scan_vid(const char **sp)
{
    int vid = 0;
    for (; **sp >= '0' && **sp <= '9'; ++*sp) {
        vid = vid * 10 + (**sp - '0');
        if (vid > 4094) {
            return 0;
        }
    }
    return vid;
}

/* Stores in '*vidp' the VLAN ID, 1..4094, that 's' names and returns true;
 * false, and -1, if it names none. */
bool
vlan_vid_from_string(const char *s, int *vidp)
{
    int vid = scan_vid(&s);
    bool ok = vid && !*s;
    *vidp = ok ? vid : -1;
    return ok;
}

/* Reads "VID" or "FIRST-LAST" off the front of '*sp' into 'set'.  Returns
 * false if it is neither. */
static bool
scan_range(const char **sp, struct vlan_set *set)
{
    int first = scan_vid(sp);
    int last = first;
    if (first && **sp == '-') {
        ++*sp;
        last = scan_vid(sp);
    }
    if (!first || last < first) {
        return false;
    }
    bitmap_set_multiple(set->bits, first, last - first + 1, true);
    return true;
}

/* Stores in '*set' the VLAN IDs, 1..4094, that 's' lists in the short form of
 * vlan_set_format(), in any order, and returns true; false, and an empty set,
 * if 's' is no such list, or an empty one. */
bool
vlan_set_from_string(const char *s, struct vlan_set *set)
{
    struct vlan_set read = { { 0 } };
    memset(set, 0, sizeof *set);
    for (;;) {
        if (!scan_range(&s, &read)) {
            return false;
        }
        if (!*s) {
            *set = read;
            return true;
        }
        if (*s++ != ',') {
            return false;
        }
    }
}

/* Specs. */

bool
vlan_spec_equals(const struct vlan_spec *a, const struct vlan_spec *b)
{
    return a->mode == b->mode
           && a->tag == b->tag
           && vlan_set_equals(&a->trunks, &b->trunks)
           && vlan_set_equals(&a->cvlans, &b->cvlans);
}

/* True for a spec without intent and for columns that are all empty. */
bool
vlan_spec_is_empty(const struct vlan_spec *spec)
{
    static const struct vlan_spec empty = VLAN_SPEC_INIT;
    return vlan_spec_equals(spec, &empty);
}

static char *
validate_vid(int vid)
{
    return vid >= 1 && vid <= 4094
           ? NULL
           : xasprintf("VLAN %d is out of range (1..4094)", vid);
}

static char *
validate_set(const struct vlan_set *set)
{
    VLAN_SET_FOR_EACH (vid, set) {
        char *error = validate_vid(vid);
        if (error) {
            return error;
        }
    }
    return NULL;
}

/* Returns NULL if 'spec' makes sense on the wire, otherwise a sentence that
 * names the value: IEEE 802.1Q reserves the VLAN IDs 0 and 4095. */
char *
vlan_spec_validate(const struct vlan_spec *spec)
{
    char *error = NULL;
    if (spec->mode != VLAN_NONE && spec->mode != VLAN_TRUNK) {
        error = validate_vid(spec->tag);
    }
    if (!error) {
        error = validate_set(&spec->trunks);
    }
    if (!error) {
        error = validate_set(&spec->cvlans);
    }
    return error;
}

/* True if a port with 'spec' is on every VLAN, because it has no list. */
bool
vlan_spec_is_on_all(const struct vlan_spec *spec)
{
    return spec->mode != VLAN_ACCESS && spec->mode != VLAN_DOT1Q_TUNNEL
           && vlan_set_is_empty(&spec->trunks);
}

/* True if a frame of VLAN 'vid' bears its tag outside a port with 'spec'. */
bool
vlan_spec_tags(const struct vlan_spec *spec, int vid)
{
    switch (spec->mode) {
    case VLAN_ACCESS:
    case VLAN_DOT1Q_TUNNEL:
        return false;
    case VLAN_NATIVE_UNTAGGED:
        return vid != spec->tag;
    case VLAN_NONE:
    case VLAN_TRUNK:
    case VLAN_NATIVE_TAGGED:
        break;
    }
    return true;
}

static struct vlan_set
all_vlans(void)
{
    struct vlan_set set = { { 0 } };
    bitmap_set_multiple(set.bits, 1, 4094, true);
    return set;
}

/* Stores in '*members' the VLANs whose frames a port with 'spec' sees.  As in
 * the switch, a trunk without a list, and a port without any intent, is on
 * all of them. */
void
vlan_spec_members(const struct vlan_spec *spec, struct vlan_set *members)
{
    memset(members, 0, sizeof *members);
    switch (spec->mode) {
    case VLAN_ACCESS:
    case VLAN_DOT1Q_TUNNEL:
        break;
    case VLAN_NONE:
    case VLAN_TRUNK:
    case VLAN_NATIVE_TAGGED:
    case VLAN_NATIVE_UNTAGGED:
        *members = (vlan_set_is_empty(&spec->trunks)
                    ? all_vlans() : spec->trunks);
        break;
    }
    if (spec->tag >= 0) {
        vlan_set_add(members, spec->tag);
    }
}

/* Stores in '*named' those of them that 'spec' names: of a port that is on all
 * VLANs its native one at most. */
void
vlan_spec_named(const struct vlan_spec *spec, struct vlan_set *named)
{
    if (!vlan_spec_is_on_all(spec)) {
        vlan_spec_members(spec, named);
        return;
    }
    memset(named, 0, sizeof *named);
    if (spec->tag >= 0) {
        vlan_set_add(named, spec->tag);
    }
}

/* True if a frame can reach a port with 'a' and one with 'b'. */
bool
vlan_spec_overlaps(const struct vlan_spec *a, const struct vlan_spec *b)
{
    struct vlan_set in_a, in_b;
    vlan_spec_members(a, &in_a);
    vlan_spec_members(b, &in_b);
    return vlan_set_overlaps(&in_a, &in_b);
}

/* True if a port with 'inner' lets no frame of a VLAN through that a port with
 * 'outer' would not.  A dot1q-tunnel is within a trunk that has its VLAN,
 * where a guest may put tags below that VLAN's as well, but not within an
 * access port, which drops what has a tag. */
bool
vlan_spec_is_within(const struct vlan_spec *inner,
                    const struct vlan_spec *outer)
{
    struct vlan_set in_inner, in_outer;
    vlan_spec_members(inner, &in_inner);
    vlan_spec_members(outer, &in_outer);
    return vlan_set_is_subset(&in_inner, &in_outer)
           && !(inner->mode == VLAN_DOT1Q_TUNNEL
                && outer->mode == VLAN_ACCESS);
}

/* Appends the short form of 'spec', as operators read it, to 's': "42",
 * "trunk 10,20-29", "native-untagged 10 of 10,20", "none". */
void
vlan_spec_format(const struct vlan_spec *spec, struct ds *s)
{
    switch (spec->mode) {
    case VLAN_NONE:
        ds_put_cstr(s, "none");
        return;
    case VLAN_ACCESS:
        ds_put_format(s, "%d", spec->tag);
        return;
    case VLAN_TRUNK:
    case VLAN_NATIVE_TAGGED:
    case VLAN_NATIVE_UNTAGGED:
    case VLAN_DOT1Q_TUNNEL:
        break;
    }

    const struct vlan_set *list = (spec->mode == VLAN_DOT1Q_TUNNEL
                                   ? &spec->cvlans : &spec->trunks);
    ds_put_format(s, "%s ", vlan_mode_to_string(spec->mode));
    if (spec->mode != VLAN_TRUNK) {
        ds_put_format(s, "%d of ", spec->tag);
    }
    if (vlan_set_is_empty(list)) {
        ds_put_cstr(s, "all");
    } else {
        vlan_set_format(list, s);
    }
}

/* Returns the short form of 'spec' as a malloc'd string. */
char *
vlan_spec_to_string(const struct vlan_spec *spec)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    vlan_spec_format(spec, &s);
    return ds_steal_cstr(&s);
}

/* Columns. */

/* Appends what 'column' holds in 'columns' to 's', as ovs-vsctl prints it,
 * with ranges in short form: "[]", "42", "[10,20-29]", "native-tagged". */
void
vlan_column_format(const struct vlan_spec *columns, enum vlan_column column,
                   struct ds *s)
{
    const struct vlan_set *set = NULL;

    switch (column) {
    case VLAN_COLUMN_TAG:
        if (columns->tag >= 0) {
            ds_put_format(s, "%d", columns->tag);
            return;
        }
        break;
    case VLAN_COLUMN_VLAN_MODE:
        if (columns->mode != VLAN_NONE) {
            ds_put_cstr(s, vlan_mode_to_string(columns->mode));
            return;
        }
        break;
    case VLAN_COLUMN_TRUNKS:
        set = &columns->trunks;
        break;
    case VLAN_COLUMN_CVLANS:
        set = &columns->cvlans;
        break;
    case N_VLAN_COLUMNS:
        OVS_NOT_REACHED();
    }

    ds_put_char(s, '[');
    if (set) {
        vlan_set_format(set, s);
    }
    ds_put_char(s, ']');
}

/* Returns the columns that say 'spec' to the switch: like libvirt, an empty
 * vlan_mode for access and trunk, which follow from 'tag' and 'trunks'. */
struct vlan_spec
vlan_columns_from_spec(const struct vlan_spec *spec)
{
    struct vlan_spec columns = *spec;
    if (spec->mode == VLAN_ACCESS || spec->mode == VLAN_TRUNK) {
        columns.mode = VLAN_NONE;
    }
    return columns;
}

/* Returns what the switch makes of 'columns', which ovs-vswitchd.conf.db(5)
 * describes under Port: without a mode a tag makes an access port, which
 * ignores trunks; a native port carries its native VLAN whether or not trunks
 * names it.  Columns that are all empty give a trunk of everything. */
struct vlan_spec
vlan_columns_to_spec(const struct vlan_spec *columns)
{
    struct vlan_spec spec = VLAN_SPEC_INIT;
    spec.mode = columns->mode;
    if (spec.mode == VLAN_NONE) {
        spec.mode = columns->tag >= 0 ? VLAN_ACCESS : VLAN_TRUNK;
    }

    switch (spec.mode) {
    case VLAN_ACCESS:
        spec.tag = columns->tag;
        break;
    case VLAN_TRUNK:
        spec.trunks = columns->trunks;
        break;
    case VLAN_NATIVE_TAGGED:
    case VLAN_NATIVE_UNTAGGED:
        spec.tag = columns->tag;
        spec.trunks = columns->trunks;
        if (spec.tag >= 0 && !vlan_set_is_empty(&spec.trunks)) {
            vlan_set_add(&spec.trunks, spec.tag);
        }
        break;
    case VLAN_DOT1Q_TUNNEL:
        spec.tag = columns->tag;
        spec.cvlans = columns->cvlans;
        break;
    case VLAN_NONE:
        OVS_NOT_REACHED();
    }
    return spec;
}

/* Returns the set of columns, as bits 1 << VLAN_COLUMN_*, in which 'columns'
 * is not what 'spec' needs.  An explicit "access" or "trunk" is as good as an
 * empty vlan_mode.  Columns that a mode does not use must be empty: what
 * stands in them comes into force with the next change of mode. */
unsigned int
vlan_columns_diff(const struct vlan_spec *columns,
                  const struct vlan_spec *spec)
{
    struct vlan_spec want = vlan_columns_from_spec(spec);
    unsigned int diff = 0;

    if (columns->tag != want.tag) {
        diff |= 1u << VLAN_COLUMN_TAG;
    }
    if (!vlan_set_equals(&columns->trunks, &want.trunks)) {
        diff |= 1u << VLAN_COLUMN_TRUNKS;
    }
    if (columns->mode != want.mode
        && (spec->mode == VLAN_NONE || columns->mode != spec->mode)) {
        diff |= 1u << VLAN_COLUMN_VLAN_MODE;
    }
    if (!vlan_set_equals(&columns->cvlans, &want.cvlans)) {
        diff |= 1u << VLAN_COLUMN_CVLANS;
    }
    return diff;
}
