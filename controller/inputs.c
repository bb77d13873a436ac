/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The observed side of the agent, put together from its connections. */

#include <config.h>
#include "controller/inputs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/desired.h"
#include "openvswitch/poll-loop.h"
#include "ovsdb/ovsdb-conn.h"
#include "util.h"
#include "virt/network-xml.h"
#include "virt/virt-conn.h"

/* 'executor' must outlive the inputs. */
void
inputs_init(struct inputs *in, const char *ovsdb_remote,
            char *const *libvirt_uris, size_t n_libvirt_uris,
            const struct virt_executor *executor)
{
    in->ovsdb = ovsdb_conn_create(ovsdb_remote);
    in->n_virts = n_libvirt_uris;
    in->virts = xcalloc(n_libvirt_uris, sizeof *in->virts);
    in->sources = xcalloc(n_libvirt_uris, sizeof *in->sources);
    for (size_t i = 0; i < n_libvirt_uris; i++) {
        in->virts[i] = virt_conn_create(libvirt_uris[i], executor);
        in->sources[i].domains = virt_conn_domains(in->virts[i]);
        in->sources[i].networks = virt_conn_networks(in->virts[i]);
    }
}

void
inputs_destroy(struct inputs *in)
{
    ovsdb_conn_destroy(in->ovsdb);
    for (size_t i = 0; i < in->n_virts; i++) {
        virt_conn_destroy(in->virts[i]);
    }
    free(in->virts);
    free(in->sources);
}

void
inputs_run(struct inputs *in, long long int now)
{
    ovsdb_conn_run(in->ovsdb);
    for (size_t i = 0; i < in->n_virts; i++) {
        virt_conn_run(in->virts[i], now);
        in->sources[i].is_complete = virt_conn_is_synced(in->virts[i]);
        in->sources[i].listed_ms = virt_conn_listed_ms(in->virts[i]);
    }
}

void
inputs_wait(struct inputs *in, long long int now)
{
    ovsdb_conn_wait(in->ovsdb);
    for (size_t i = 0; i < in->n_virts; i++) {
        poll_timer_wait_until(virt_conn_next_ms(in->virts[i], now));
    }
}

/* Returns a number that changes whenever anything observed does. */
uint64_t
inputs_seqno(const struct inputs *in)
{
    /* Each term only grows, so no two changes cancel out. */
    uint64_t seqno = ovsdb_conn_seqno(in->ovsdb)
                     + ovsdb_conn_state_seqno(in->ovsdb);
    for (size_t i = 0; i < in->n_virts; i++) {
        seqno += virt_conn_seqno(in->virts[i]);
    }
    return seqno;
}

/* True while libvirt owes an answer.  Stores in '*since_msp', unless it is
 * NULL, since when, in monotonic ms, by the connection that was asked last. */
bool
inputs_are_reading(const struct inputs *in, long long int *since_msp)
{
    bool is_reading = false;
    long long int newest_ms = 0;
    for (size_t i = 0; i < in->n_virts; i++) {
        long long int since_ms;
        if (virt_conn_is_reading(in->virts[i], &since_ms)) {
            is_reading = true;
            newest_ms = MAX(newest_ms, since_ms);
        }
    }
    if (since_msp) {
        *since_msp = newest_ms;
    }
    return is_reading;
}

/* True while libvirt owes an answer that may come soon: not by a connection
 * that has to be made first. */
bool
inputs_are_answering(const struct inputs *in)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        if (virt_conn_is_connected(in->virts[i])
            && virt_conn_is_reading(in->virts[i], NULL)) {
            return true;
        }
    }
    return false;
}

/* Asks libvirt about the domain 'uuid': every connection, because only the
 * answer tells whose it is. */
void
inputs_read_domain(struct inputs *in, const struct uuid *uuid,
                   long long int now)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        virt_conn_read_domain(in->virts[i], uuid, now);
    }
}

/* Asks libvirt about everything. */
void
inputs_read_all(struct inputs *in, long long int now)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        virt_conn_read_all(in->virts[i], now);
    }
}

/* Is 'conn' one to the driver called 'driver'?  "qemu" is that of
 * qemu:///system and of qemu+unix:///system. */
static bool
is_of_driver(const struct virt_conn *conn, const char *driver)
{
    struct virt_status status;
    virt_conn_get_status(conn, &status);
    size_t len = strlen(driver);
    return !strncmp(status.uri, driver, len) && strchr(":+", status.uri[len]);
}

/* Returns the connection that a hook of 'driver' about the domain 'uuid' speaks
 * of: one that knows the domain, or is to that driver, or the first. */
static struct virt_conn *
find_conn(const struct inputs *in, const char *driver,
          const struct uuid *uuid)
{
    struct virt_conn *found = NULL;
    for (size_t i = 0; i < in->n_virts; i++) {
        if (domain_set_find(in->sources[i].domains, uuid)) {
            return in->virts[i];
        }
        if (!found && is_of_driver(in->virts[i], driver)) {
            found = in->virts[i];
        }
    }
    return found ? found : in->virts[0];
}

/* Is what is known of the domain 'uuid' libvirt's own answer?  Not if libvirt
 * cannot answer any more. */
bool
inputs_has_read_domain(const struct inputs *in, const struct uuid *uuid)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        const struct domain *domain
            = domain_set_find(in->sources[i].domains, uuid);
        if (domain && domain->stage == DOMAIN_READ && !domain->failure) {
            return true;
        }
    }
    return false;
}

/* Takes ownership of 'domain', of which a hook of libvirt's 'driver' told. */
void
inputs_tell_domain(struct inputs *in, const char *driver,
                   struct domain *domain)
{
    virt_conn_tell_domain(find_conn(in, driver, &domain->uuid), domain);
}

/* Takes in the 'size' bytes at 'xml', what a hook of libvirt's was told of a
 * network: all drivers of a host have the same ones.  Returns a sentence if it
 * makes no sense. */
char *
inputs_tell_network(struct inputs *in, const char *xml, size_t size,
                    long long int now)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        struct network *network;
        char *error = network_xml_parse(xml, size, &network);
        if (error) {
            return error;
        }
        virt_conn_tell_network(in->virts[i], network, now);
    }
    return NULL;
}

/* Starts saying goodbye to libvirt. */
void
inputs_close(struct inputs *in)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        virt_conn_close(in->virts[i]);
    }
}

bool
inputs_are_closed(const struct inputs *in)
{
    for (size_t i = 0; i < in->n_virts; i++) {
        if (!virt_conn_is_closed(in->virts[i])) {
            return false;
        }
    }
    return true;
}
