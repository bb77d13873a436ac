/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/json-member.h"

#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "util.h"

/* Returns what is in the file 'path', for the caller to destroy.  Ends the
 * program if that is no JSON. */
struct json *
json_member_read_file(const char *path)
{
    struct json *json = json_from_file(path);
    if (json->type == JSON_STRING) {
        ovs_fatal(0, "%s: %s", path, json_string(json));
    }
    return json;
}

/* Returns member 'name' of 'object', NULL if there is none. */
const struct json *
json_member(const struct json *object, const char *name)
{
    return shash_find_data(json_object(object), name);
}

const char *
json_member_string(const struct json *object, const char *name)
{
    const struct json *value = json_member(object, name);
    return value ? json_string(value) : NULL;
}

int
json_member_integer(const struct json *object, const char *name, int otherwise)
{
    const struct json *value = json_member(object, name);
    return value ? json_integer(value) : otherwise;
}

/* False if there is none. */
bool
json_member_boolean(const struct json *object, const char *name)
{
    const struct json *value = json_member(object, name);
    return value && json_boolean(value);
}

/* Adds the VLANs in array 'name' to 'set'. */
void
json_member_vlan_set(const struct json *object, const char *name,
                     struct vlan_set *set)
{
    const struct json *value = json_member(object, name);
    for (size_t i = 0; value && i < json_array(value)->n; i++) {
        vlan_set_add(set, json_integer(json_array(value)->elems[i]));
    }
}

/* Reads the members that are called like the columns of a Port. */
void
json_member_vlans(const struct json *object, struct vlan_spec *spec)
{
    spec->tag = json_member_integer(object, "tag", -1);
    json_member_vlan_set(object, "trunks", &spec->trunks);
    json_member_vlan_set(object, "cvlans", &spec->cvlans);
    const char *mode = json_member_string(object, "vlan_mode");
    if (mode && !vlan_mode_from_string(mode, &spec->mode)) {
        ovs_fatal(0, "vlan_mode '%s' is none", mode);
    }
}
