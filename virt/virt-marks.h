/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef VIRT_VIRT_MARKS_H
#define VIRT_VIRT_MARKS_H 1

#include <stdbool.h>
#include <stdint.h>

struct uuid;
struct uuidset;
struct virt_executor;

/* What libvirt's event thread has to say to the main thread about one
 * connection: which domains are to be read again, whether the networks are,
 * and that the connection is closed.  Private to virt/.
 *
 * Events are never believed, only counted and followed up: several of them,
 * and those of changes that libvirt does not announce at all, are covered by
 * one reading. */

/* With more domains than this marked, all domains are to be read again. */
#define VIRT_MARKS_MAX 4096

struct virt_marks *virt_marks_create(const struct virt_executor *);
struct virt_marks *virt_marks_ref(struct virt_marks *);
void virt_marks_unref(struct virt_marks *);

/* Event thread. */
void virt_marks_add(struct virt_marks *, const struct uuid *);
void virt_marks_add_networks(struct virt_marks *);
void virt_marks_close(struct virt_marks *, const char *reason);

/* Main thread. */
uint64_t virt_marks_take(struct virt_marks *, struct uuidset *, bool *allp,
                         bool *networksp);
const char *virt_marks_closed(struct virt_marks *);
void virt_marks_mute(struct virt_marks *);

#endif /* virt/virt-marks.h */
