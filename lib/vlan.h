/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_VLAN_H
#define LIB_VLAN_H 1

#include <stdbool.h>
#include <stdint.h>

#include "bitmap.h"
#include "openvswitch/compiler.h"

struct ds;

/* How a port treats VLANs; the names are those of Port.vlan_mode. */
#define VLAN_MODES                                      \
    VLAN_MODE(ACCESS, "access")                         \
    VLAN_MODE(TRUNK, "trunk")                           \
    VLAN_MODE(NATIVE_TAGGED, "native-tagged")           \
    VLAN_MODE(NATIVE_UNTAGGED, "native-untagged")       \
    VLAN_MODE(DOT1Q_TUNNEL, "dot1q-tunnel")

enum vlan_mode {
    VLAN_NONE,                  /* Spec: no intent.  Columns: empty. */
#define VLAN_MODE(ENUM, NAME) VLAN_##ENUM,
    VLAN_MODES
#undef VLAN_MODE
};

const char *vlan_mode_to_string(enum vlan_mode);
bool vlan_mode_from_string(const char *, enum vlan_mode *);

/* A set of VLAN IDs, 0..4095. */
#define VLAN_SET_BITS 4096
struct vlan_set {
    unsigned long bits[BITMAP_N_LONGS(VLAN_SET_BITS)];
};

bool vlan_set_is_empty(const struct vlan_set *);
bool vlan_set_equals(const struct vlan_set *, const struct vlan_set *);
bool vlan_set_contains(const struct vlan_set *, int vid);
void vlan_set_add(struct vlan_set *, int vid);
void vlan_set_merge(struct vlan_set *, const struct vlan_set *);
void vlan_set_subtract(struct vlan_set *, const struct vlan_set *);
int vlan_set_next(const struct vlan_set *, int start);
void vlan_set_format(const struct vlan_set *, struct ds *);
bool vlan_set_from_string(const char *, struct vlan_set *);
bool vlan_set_overlaps(const struct vlan_set *, const struct vlan_set *);
bool vlan_set_is_subset(const struct vlan_set *, const struct vlan_set *);
bool vlan_vid_from_string(const char *, int *vidp);

/* Iterates 'VID' over the members of 'SET', in ascending order. */
#define VLAN_SET_FOR_EACH(VID, SET)                             \
    for (int VID = vlan_set_next(SET, 0); VID >= 0;             \
         VID = vlan_set_next(SET, VID + 1))

/* The VLANs of one port: as somebody means them (a *spec*), or as the four
 * columns of an OVSDB Port row hold them (*columns*).  A value type: copy it
 * by assignment.
 *
 * In a spec 'mode' says which other members count; VLAN_NONE is "nobody said
 * anything".  As columns, VLAN_NONE is an empty vlan_mode and every member
 * is what its column holds. */
struct vlan_spec {
    enum vlan_mode mode;
    int tag;                    /* -1 if there is none. */
    struct vlan_set trunks;     /* A native VLAN is in it too. */
    struct vlan_set cvlans;     /* Customer VLANs of a dot1q-tunnel. */
};

#define VLAN_SPEC_INIT { .mode = VLAN_NONE, .tag = -1 }

bool vlan_spec_equals(const struct vlan_spec *, const struct vlan_spec *);
bool vlan_spec_is_empty(const struct vlan_spec *);
char *vlan_spec_validate(const struct vlan_spec *) OVS_WARN_UNUSED_RESULT;
bool vlan_spec_is_on_all(const struct vlan_spec *);
bool vlan_spec_tags(const struct vlan_spec *, int vid);
void vlan_spec_members(const struct vlan_spec *, struct vlan_set *);
void vlan_spec_named(const struct vlan_spec *, struct vlan_set *);
bool vlan_spec_overlaps(const struct vlan_spec *, const struct vlan_spec *);
bool vlan_spec_is_within(const struct vlan_spec *, const struct vlan_spec *);
void vlan_spec_format(const struct vlan_spec *, struct ds *);
char *vlan_spec_to_string(const struct vlan_spec *);

/* The VLAN columns of a Port row. */
#define VLAN_COLUMNS                            \
    VLAN_COLUMN(TAG, "tag")                     \
    VLAN_COLUMN(TRUNKS, "trunks")               \
    VLAN_COLUMN(VLAN_MODE, "vlan_mode")         \
    VLAN_COLUMN(CVLANS, "cvlans")

enum vlan_column {
#define VLAN_COLUMN(ENUM, NAME) VLAN_COLUMN_##ENUM,
    VLAN_COLUMNS
#undef VLAN_COLUMN
    N_VLAN_COLUMNS
};

const char *vlan_column_to_string(enum vlan_column);
void vlan_column_format(const struct vlan_spec *columns, enum vlan_column,
                        struct ds *);

struct vlan_spec vlan_columns_from_spec(const struct vlan_spec *);
struct vlan_spec vlan_columns_to_spec(const struct vlan_spec *columns);
unsigned int vlan_columns_diff(const struct vlan_spec *columns,
                               const struct vlan_spec *spec);

#endif /* lib/vlan.h */
