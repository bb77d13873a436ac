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

static bool
parse_no_intent(const char *value, struct settings *s)
{
    s->trusts_rows = !strcmp(value, "row");
    return s->trusts_rows || !strcmp(value, "drop");
}

static const struct setting_reader {
    const char *key;
    const char *values;         /* For people. */
    parse_func *parse;
} readers[N_SETTINGS] = {
    [SETTING_MANAGE] = { PREFIX "manage", "auto, yes or no", parse_manage },
    [SETTING_DRIFT] = { PREFIX "drift", "fix or report", parse_drift },
    [SETTING_FOLLOW] = { PREFIX "follow", "yes or no", parse_follow },
    [SETTING_DEFAULT_VLAN] = { PREFIX "default-vlan", "empty or 1..4094",
                               parse_default_vlan },
    [SETTING_ORPHANS] = { PREFIX "orphans", "collect or report",
                          parse_orphans },
    [SETTING_METADATA] = { PREFIX "metadata", "all, stricter or none",
                           parse_metadata },
    [SETTING_GUARD] = { PREFIX "guard", "monitor, enforce or off",
                        parse_guard },
    [SETTING_FAIL_MODE] = { PREFIX "fail-mode", "keep or secure",
                            parse_fail_mode },
    [SETTING_UNKNOWN_ADDRESS] = { PREFIX "unknown-address", "pass or drop",
                                  parse_unknown_address },
    [SETTING_UNKNOWN_PORT] = { PREFIX "unknown-port", "drop or pass",
                               parse_unknown_port },
    [SETTING_NO_INTENT] = { PREFIX "no-intent", "row or drop",
                            parse_no_intent },
};

/* Returns the setting with 'key', N_SETTINGS if there is none. */
static enum setting
find_setting(const char *key)
{
    enum setting setting = 0;
    while (setting < N_SETTINGS && strcmp(key, readers[setting].key)) {
        setting++;
    }
    return setting;
}

static void
read_one(const struct smap_node *node, enum setting_source source,
         const char *where, struct settings *s, struct svec *errors)
{
    enum setting setting = find_setting(node->key);
    struct settings changed = *s;

    if (setting == N_SETTINGS) {
        svec_add_nocopy(errors, xasprintf("%s: there is no setting '%s'",
                                          where, node->key));
    } else if (!readers[setting].parse(node->value, &changed)) {
        svec_add_nocopy(errors, xasprintf("%s: %s='%s' must be %s", where,
                                          node->key, node->value,
                                          readers[setting].values));
    } else {
        *s = changed;
        s->sources[setting] = source;
    }
}

/* Changes 's', which holds what is in force without them, as the keys of ours
 * in 'external_ids' say.  Adds a sentence to 'errors' for each that cannot be
 * used; 'where' says whose they are: "bridge br0". */
void
settings_read(const struct smap *external_ids, enum setting_source source,
              const char *where, struct settings *s, struct svec *errors)
{
    CLEANUP_FREE const struct smap_node **nodes = smap_sort(external_ids);
    size_t n = smap_count(external_ids);
    for (size_t i = 0; i < n; i++) {
        if (!strncmp(nodes[i]->key, PREFIX, strlen(PREFIX))
            && strcmp(nodes[i]->key, SETTINGS_NO_SETTING)) {
            read_one(nodes[i], source, where, s, errors);
        }
    }
}

/* Returns the key of 'setting'. */
const char *
setting_to_string(enum setting setting)
{
    return readers[setting].key;
}

const char *
setting_source_to_string(enum setting_source source)
{
    switch (source) {
    case SETTING_FROM_DEFAULT:
        return "default";
    case SETTING_FROM_HOST:
        return "host";
    case SETTING_FROM_BRIDGE:
        return "bridge";
    }
    OVS_NOT_REACHED();
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
