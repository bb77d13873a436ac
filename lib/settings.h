/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SETTINGS_H
#define LIB_SETTINGS_H 1

#include <stdbool.h>

#include "lib/policy.h"

struct smap;
struct svec;

/* What an operator has set, in external_ids:vnicd-* of the switch and of each
 * bridge. */

/* A key of ours that is no setting but a mark: see ovsdb/ovs-view.h. */
#define SETTINGS_NO_SETTING "vnicd-fail-mode-before"

enum manage_mode {
    MANAGE_AUTO,                /* Unless somebody else does. */
    MANAGE_YES,
    MANAGE_NO,
};

enum drift_mode {
    DRIFT_FIX,                  /* Put it right; first contact: report. */
    DRIFT_FIX_ALL,              /* "fix", written down: first contact too. */
    DRIFT_REPORT,               /* Only report it. */
};

enum metadata_mode {
    METADATA_ALL,               /* What it says counts. */
    METADATA_STRICTER,          /* Only what allows less than the rest. */
    METADATA_NONE,              /* Nothing. */
};

enum fail_mode {
    FAIL_MODE_KEEP,             /* As somebody else has set it. */
    FAIL_MODE_SECURE,           /* A switch without our flows passes nothing. */
};

enum setting {
    SETTING_MANAGE,
    SETTING_DRIFT,
    SETTING_FOLLOW,
    SETTING_DEFAULT_VLAN,
    SETTING_ORPHANS,
    SETTING_METADATA,
    SETTING_GUARD,
    SETTING_FAIL_MODE,
    SETTING_UNKNOWN_ADDRESS,
    SETTING_UNKNOWN_PORT,
    SETTING_NO_INTENT,
    N_SETTINGS
};

/* Who said a setting. */
enum setting_source {
    SETTING_FROM_DEFAULT,       /* Nobody. */
    SETTING_FROM_HOST,
    SETTING_FROM_BRIDGE,
};

struct settings {
    enum manage_mode manage;
    enum drift_mode drift;
    bool follow;                /* Running vNICs follow a port group. */
    int default_vlan;           /* For vNICs without intent, 0: none. */
    bool collect_orphans;       /* Remove rows that guests left behind. */
    enum metadata_mode metadata; /* What may a domain's metadata change? */
    enum guard_level guard;     /* Where metadata does not say. */
    enum fail_mode fail_mode;
    bool passes_unknown_addresses; /* Of families of which nobody told us. */
    bool passes_unknown_ports;  /* That claim to be a guest's. */
    bool trusts_rows;           /* Of guests, before libvirt has told us. */
    enum setting_source sources[N_SETTINGS]; /* Who said each of them. */
};

/* Safe on a host that is in use: nobody is cut off. */
#define SETTINGS_DEFAULT { .manage = MANAGE_AUTO, .drift = DRIFT_FIX,   \
                           .follow = true, .default_vlan = 0,           \
                           .collect_orphans = true,                     \
                           .metadata = METADATA_ALL,                    \
                           .guard = GUARD_MONITOR,                      \
                           .fail_mode = FAIL_MODE_KEEP,                 \
                           .passes_unknown_addresses = true,            \
                           .passes_unknown_ports = false,               \
                           .trusts_rows = true }

void settings_read(const struct smap *external_ids, enum setting_source,
                   const char *where, struct settings *, struct svec *errors);
const char *setting_to_string(enum setting);
const char *setting_source_to_string(enum setting_source);

const char *manage_mode_to_string(enum manage_mode);
const char *drift_mode_to_string(enum drift_mode);
const char *metadata_mode_to_string(enum metadata_mode);
const char *fail_mode_to_string(enum fail_mode);

#endif /* lib/settings.h */
