/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_JSON_MEMBER_H
#define TESTS_JSON_MEMBER_H 1

#include "lib/vlan.h"

struct json;

/* Members of the JSON objects that describe facts to tests.  They are the
 * tests' own, so that one of another type may abort. */

struct json *json_member_read_file(const char *path);
const struct json *json_member(const struct json *object, const char *name);
const char *json_member_string(const struct json *, const char *name);
int json_member_integer(const struct json *, const char *name, int otherwise);
bool json_member_boolean(const struct json *, const char *name);
void json_member_vlan_set(const struct json *, const char *name,
                          struct vlan_set *);
void json_member_vlans(const struct json *, struct vlan_spec *);

#endif /* tests/json-member.h */
