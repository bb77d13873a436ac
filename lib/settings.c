/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* Reads the settings that operators write into the database.  A value that
 * cannot be used is reported, and what was in force before stays.  Pure. */

#include <config.h>
#include "lib/settings.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "smap.h"
#include "svec.h"
#include "util.h"

#define PREFIX "vnicd-"

/* Each returns false if 'value' is none of the setting's. */
typedef bool parse_func(const char *value, struct settings *);

static bool
parse_manage(const char *value, struct settings *s)
{
    for (enum manage_mode mode = MANAGE_AUTO; mode <= MANAGE_NO; mode++) {
        if (!strcmp(value, manage_mode_to_string(mode))) {
            s->manage = mode;
            return true;
        }
    }
    return false;
}

static bool
parse_drift(const char *value, struct settings *s)
{
    if (!strcmp(value, "fix")) {
        s->drift = DRIFT_FIX_ALL;
    } else if (!strcmp(value, "report")) {
        s->drift = DRIFT_REPORT;
    } else {
        return false;
    }
    return true;
}

static bool
parse_follow(const char *value, struct settings *s)
{
    s->follow = !strcmp(value, "yes");
    return s->follow || !strcmp(value, "no");
}

static bool
parse_default_vlan(const char *value, struct settings *s)
{
    int vid;
    if (!*value) {
        s->default_vlan = 0;
        return true;
    }
    if (!str_to_int(value, 10, &vid) || vid < 1 || vid > 4094) {
        return false;
    }
    s->default_vlan = vid;
    return true;
}

static bool
parse_orphans(const char *value, struct settings *s)
{
    s->collect_orphans = !strcmp(value, "collect");
    return s->collect_orphans || !strcmp(value, "report");
}

static bool
parse_metadata(const char *value, struct settings *s)
{
    for (enum metadata_mode mode = METADATA_ALL; mode <= METADATA_NONE;
         mode++) {
        if (!strcmp(value, metadata_mode_to_string(mode))) {
            s->metadata = mode;
            return true;
        }
    }
    return false;
}

static bool
parse_guard(const char *value, struct settings *s)
{
    return guard_level_from_string(value, &s->guard);
}

static bool
parse_fail_mode(const char *value, struct settings *s)
{
    for (enum fail_mode mode = FAIL_MODE_KEEP; mode <= FAIL_MODE_SECURE;
         mode++) {
        if (!strcmp(value, fail_mode_to_string(mode))) {
            s->fail_mode = mode;
            return true;
        }
    }
    return false;
}

static bool
parse_pass(const char *value, bool *passes)
{
    *passes = !strcmp(value, "pass");
    return *passes || !strcmp(value, "drop");
}

static bool
parse_unknown_address(const char *value, struct settings *s)
{
    return parse_pass(value, &s->passes_unknown_addresses);
}

static bool
parse_unknown_port(const char *value, struct settings *s)
{
    return parse_pass(value, &s->passes_unknown_ports);
}

static const struct setting {
    const char *key;
    const char *values;         /* For people. */
    parse_func *parse;
} settings[] = {
    { PREFIX "manage", "auto, yes or no", parse_manage },
    { PREFIX "drift", "fix or report", parse_drift },
    { PREFIX "follow", "yes or no", parse_follow },
    { PREFIX "default-vlan", "empty or 1..4094", parse_default_vlan },
    { PREFIX "orphans", "collect or report", parse_orphans },
    { PREFIX "metadata", "all, stricter or none", parse_metadata },
    { PREFIX "guard", "monitor, enforce or off", parse_guard },
    { PREFIX "fail-mode", "keep or secure", parse_fail_mode },
    { PREFIX "unknown-address", "pass or drop", parse_unknown_address },
    { PREFIX "unknown-port", "drop or pass", parse_unknown_port },
};

static const struct setting *
find_setting(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        if (!strcmp(key, settings[i].key)) {
            return &settings[i];
        }
    }
    return NULL;
}

static void
read_one(const char *key, const char *value, const char *where,
         struct settings *s, struct svec *errors)
{
    const struct setting *setting = find_setting(key);
    struct settings changed = *s;

    if (!setting) {
        svec_add_nocopy(errors, xasprintf("%s: there is no setting '%s'",
                                          where, key));
    } else if (!setting->parse(value, &changed)) {
        svec_add_nocopy(errors, xasprintf("%s: %s='%s' must be %s",
                                          where, key, value,
                                          setting->values));
    } else {
        *s = changed;
    }
}

/* Changes 's', which holds what is in force without them, as the keys of ours
 * in 'external_ids' say.  Adds a sentence to 'errors' for each that cannot be
 * used; 'where' says whose they are: "bridge br0". */
void
settings_read(const struct smap *external_ids, const char *where,
              struct settings *s, struct svec *errors)
{
    CLEANUP_FREE const struct smap_node **nodes = smap_sort(external_ids);
    size_t n = smap_count(external_ids);
    for (size_t i = 0; i < n; i++) {
        if (!strncmp(nodes[i]->key, PREFIX, strlen(PREFIX))) {
            read_one(nodes[i]->key, nodes[i]->value, where, s, errors);
        }
    }
}

const char *
manage_mode_to_string(enum manage_mode mode)
{
    switch (mode) {
    case MANAGE_AUTO:
        return "auto";
    case MANAGE_YES:
        return "yes";
    case MANAGE_NO:
        return "no";
    }
    OVS_NOT_REACHED();
}

const char *
drift_mode_to_string(enum drift_mode mode)
{
    switch (mode) {
    case DRIFT_FIX:
    case DRIFT_FIX_ALL:
        return "fix";
    case DRIFT_REPORT:
        return "report";
    }
    OVS_NOT_REACHED();
}

const char *
metadata_mode_to_string(enum metadata_mode mode)
{
    switch (mode) {
    case METADATA_ALL:
        return "all";
    case METADATA_STRICTER:
        return "stricter";
    case METADATA_NONE:
        return "none";
    }
    OVS_NOT_REACHED();
}

const char *
fail_mode_to_string(enum fail_mode mode)
{
    switch (mode) {
    case FAIL_MODE_KEEP:
        return "keep";
    case FAIL_MODE_SECURE:
        return "secure";
    }
    OVS_NOT_REACHED();
}
