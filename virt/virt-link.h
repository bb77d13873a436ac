/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_VIRT_LINK_H
#define VIRT_VIRT_LINK_H 1

#include <stdbool.h>
#include <stddef.h>

#include "lib/vnic.h"
#include "openvswitch/compiler.h"

struct network_reading;
struct uuid;
struct virt_link;
struct virt_marks;

/* One open libvirt connection, read-only.  Private to virt/.
 *
 * Everything but virt_link_init() talks to libvirt: it may block for as long
 * as libvirt likes and therefore runs in a pool thread, any one, but one at a
 * time for each link.  Sentences are libvirt's own words. */

void virt_link_init(void);

char *virt_link_open(const char *uri, struct virt_marks *,
                     struct virt_link **) OVS_WARN_UNUSED_RESULT;
char *virt_link_close(struct virt_link *) OVS_WARN_UNUSED_RESULT;
bool virt_link_is_alive(const struct virt_link *);

char *virt_link_read_networks(struct virt_link *, struct network_reading *)
    OVS_WARN_UNUSED_RESULT;
char *virt_link_list(const struct virt_link *, struct uuid **, size_t *)
    OVS_WARN_UNUSED_RESULT;
enum domain_migration virt_link_find_migration(int state, int reason);
char *virt_link_read(const struct virt_link *, const struct uuid *,
                     struct domain **) OVS_WARN_UNUSED_RESULT;

#endif /* virt/virt-link.h */
