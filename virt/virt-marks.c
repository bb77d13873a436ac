/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The one thing that the main thread shares with libvirt's event thread.
 *
 * libvirt frees the argument of a callback some time after the callback was
 * deregistered, from its own thread; so the marks are counted by reference.
 * The main loop may be gone by then; so they can be muted. */

#include <config.h>
#include "virt/virt-marks.h"

#include <stdlib.h>

#include "openvswitch/thread.h"
#include "ovs-atomic.h"
#include "util.h"
#include "uuidset.h"
#include "virt/virt-conn.h"

struct virt_marks {
    struct ovs_refcount ref_cnt;
    struct virt_executor executor;

    struct ovs_mutex mutex;
    struct uuidset domains OVS_GUARDED; /* To be read again. */
    bool is_all OVS_GUARDED;            /* All of them are. */
    bool has_networks OVS_GUARDED;      /* The networks are, too. */
    uint64_t n_events OVS_GUARDED;      /* Since virt_marks_take(). */
    const char *closed OVS_GUARDED;     /* Why, or NULL. */
    bool is_muted OVS_GUARDED;
};

struct virt_marks *
virt_marks_create(const struct virt_executor *executor)
{
    struct virt_marks *marks = xzalloc(sizeof *marks);
    ovs_refcount_init(&marks->ref_cnt);
    marks->executor = *executor;
    ovs_mutex_init(&marks->mutex);
    ovs_mutex_lock(&marks->mutex);
    uuidset_init(&marks->domains);
    ovs_mutex_unlock(&marks->mutex);
    return marks;
}

/* Any thread. */
struct virt_marks *
virt_marks_ref(struct virt_marks *marks)
{
    ovs_refcount_ref(&marks->ref_cnt);
    return marks;
}

/* Any thread.  Accepts NULL. */
void
virt_marks_unref(struct virt_marks *marks)
{
    if (marks && ovs_refcount_unref(&marks->ref_cnt) == 1) {
        ovs_mutex_lock(&marks->mutex);
        uuidset_destroy(&marks->domains);
        ovs_mutex_unlock(&marks->mutex);
        ovs_mutex_destroy(&marks->mutex);
        free(marks);
    }
}

/* Wakes with the mutex held: whoever mutes the marks may destroy the main loop
 * right afterwards. */
static void
wake(const struct virt_marks *marks)
    OVS_REQUIRES(marks->mutex)
{
    if (!marks->is_muted) {
        marks->executor.wake(marks->executor.aux);
    }
}

/* Notes that something happened to 'domain'.  Event thread. */
void
virt_marks_add(struct virt_marks *marks, const struct uuid *domain)
{
    ovs_mutex_lock(&marks->mutex);
    marks->n_events++;
    if (uuidset_count(&marks->domains) < VIRT_MARKS_MAX) {
        uuidset_insert(&marks->domains, domain);
    } else {
        marks->is_all = true;
    }
    wake(marks);
    ovs_mutex_unlock(&marks->mutex);
}

/* Notes that something happened to a network, whichever.  Event thread. */
void
virt_marks_add_networks(struct virt_marks *marks)
{
    ovs_mutex_lock(&marks->mutex);
    marks->n_events++;
    marks->has_networks = true;
    wake(marks);
    ovs_mutex_unlock(&marks->mutex);
}

/* Notes that the connection is closed, for 'reason', a static string.  The
 * first reason is kept.  Any thread. */
void
virt_marks_close(struct virt_marks *marks, const char *reason)
{
    ovs_mutex_lock(&marks->mutex);
    if (!marks->closed) {
        marks->closed = reason;
    }
    wake(marks);
    ovs_mutex_unlock(&marks->mutex);
}

/* Moves the marked domains to 'domains', which must be initialised and empty,
 * stores in '*allp' whether they are too many to be named, and in '*networksp'
 * whether networks are marked.  Returns the number of events behind them. */
uint64_t
virt_marks_take(struct virt_marks *marks, struct uuidset *domains, bool *allp,
                bool *networksp)
{
    ovs_mutex_lock(&marks->mutex);
    hmap_swap(&marks->domains.uuids, &domains->uuids);
    uint64_t n_events = marks->n_events;
    *allp = marks->is_all;
    *networksp = marks->has_networks;
    marks->n_events = 0;
    marks->is_all = false;
    marks->has_networks = false;
    ovs_mutex_unlock(&marks->mutex);
    return n_events;
}

/* Returns why the connection is closed, a static string; NULL while it is
 * open. */
const char *
virt_marks_closed(struct virt_marks *marks)
{
    ovs_mutex_lock(&marks->mutex);
    const char *closed = marks->closed;
    ovs_mutex_unlock(&marks->mutex);
    return closed;
}

/* From now on nobody is woken. */
void
virt_marks_mute(struct virt_marks *marks)
{
    ovs_mutex_lock(&marks->mutex);
    marks->is_muted = true;
    ovs_mutex_unlock(&marks->mutex);
}
