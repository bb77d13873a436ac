/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVSDB_OVS_VIEW_H
#define OVSDB_OVS_VIEW_H 1

#include "lib/settings.h"

struct ovsdb_idl;
struct switch_view;

/* The keys of Interface.external_ids that are ours. */
#define OVS_KEY_VM_ID "vnicd-vm-id"
#define OVS_KEY_READY "vnicd-ready"
#define OVS_KEY_ISOLATION "vnicd-isolation"
#define OVS_KEY_PLUGGED "vnicd-plugged"
#define OVS_KEY_LEFT_STP "vnicd-left-stp"

/* Of a port of the patch pair: which side it is. */
#define OVS_KEY_PATCH "vnicd-patch"

/* Of the same: "true" if the bridge had no flow when the pair came. */
#define OVS_KEY_NO_FLOWS "vnicd-no-flows-before"

/* Of Bridge.external_ids: fail_mode, as it was before we set it. */
#define OVS_KEY_FAIL_MODE SETTINGS_NO_SETTING

/* Of Port.other_config: "false" keeps a port out of STP and Rapid STP. */
#define OVS_CONFIG_STP "stp-enable"
#define OVS_CONFIG_RSTP "rstp-enable"

/* Of Interface.options: the peer of a patch port. */
#define OVS_OPTION_PEER "peer"

/* Of Interface.options: the socket of a vhost-user port. */
#define OVS_OPTION_VHOST_PATH "vhost-server-path"

void ovs_view_read(const struct ovsdb_idl *, struct switch_view *);

#endif /* ovsdb/ovs-view.h */
