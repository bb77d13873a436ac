/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* The only file that calls libvirt.
 *
 * libvirt's own event loop runs in a thread of its own, for ever: its
 * maintainers advise against replacing it.  The callbacks that it runs only
 * leave a mark; every question is asked from a pool thread.  When to ask and
 * what to make of the answers is decided in virt-conn.c. */

#include <config.h>
#include "virt/virt-link.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/network.h"
#include "lib/vnic.h"
#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "util.h"
#include "uuid.h"
#include "virt/domain-xml.h"
#include "virt/network-poll.h"
#include "virt/network-xml.h"
#include "virt/virt-marks.h"

VLOG_DEFINE_THIS_MODULE(virt_link);

/* A peer that is silent for this long is dead. */
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT 3

/* Pause of the event thread before it tries again what must not fail. */
#define EVENT_RETRY_MS 1000

/* Errors. */

/* libvirt would print each error to stderr; ours are in its return values. */
static void
ignore_error(void *aux OVS_UNUSED, virErrorPtr error OVS_UNUSED)
{
}

/* Returns what libvirt says of the call that just failed in this thread. */
static char *
last_error(void)
{
    char *error = xstrdup(virGetLastErrorMessage());
    for (char *p = error; *p; p++) {
        if ((unsigned char) *p < ' ') {
            *p = ' ';
        }
    }
    return error;
}

/* Returns NULL if a call that gave 'retval' succeeded, or failed because the
 * driver does not offer it, which we can do without. */
static char *
check_optional(int retval, const char *what)
{
    return retval >= 0 || virGetLastErrorCode() == VIR_ERR_NO_SUPPORT
           ? NULL : error_wrap(last_error(), "%s", what);
}

/* Events. */

static void *
run_events(void *aux OVS_UNUSED)
{
    /* This thread has no use for RCU and must never hold it up. */
    ovsrcu_quiesce_start();
    for (;;) {
        /* Sleeps until libvirt has something to do.  Fails only if no event
         * loop was registered. */
        if (virEventRunDefaultImpl() < 0) {
            static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);
            VLOG_WARN_RL(&rl, "libvirt's event loop: %s",
                         virGetLastErrorMessage());
            (void) poll(NULL, 0, EVENT_RETRY_MS); /* Only to pass time. */
        }
    }
    return NULL;
}

/* Prepares libvirt and starts the thread that runs its event loop.  Once for a
 * process, before any other call to libvirt or libxml2, after daemonizing.
 * Main thread. */
void
virt_link_init(void)
{
    virSetErrorFunc(NULL, ignore_error);
    xmlInitParser();
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0) {
        VLOG_FATAL("libvirt: %s", virGetLastErrorMessage());
    }
    ovs_thread_create("libvirt", run_events, NULL);
}

static struct uuid
get_uuid(virDomainPtr domain)
{
    char text[VIR_UUID_STRING_BUFLEN];
    struct uuid uuid;
    bool ok = !virDomainGetUUIDString(domain, text)
              && uuid_from_string(&uuid, text);
    ovs_assert(ok);             /* It fails only for what is no domain. */
    return uuid;
}

static void
mark(virDomainPtr domain, struct virt_marks *marks)
{
    struct uuid uuid = get_uuid(domain);
    virt_marks_add(marks, &uuid);
}

/* The event callbacks.  What happened does not matter: libvirt does not
 * announce every change, and some too early; see struct virt_marks. */

static int
on_lifecycle(virConnectPtr conn OVS_UNUSED, virDomainPtr domain,
             int event OVS_UNUSED, int detail OVS_UNUSED, void *marks)
{
    mark(domain, marks);
    return 0;
}

static void
on_device(virConnectPtr conn OVS_UNUSED, virDomainPtr domain,
          const char *alias OVS_UNUSED, void *marks)
{
    mark(domain, marks);
}

static void
on_metadata(virConnectPtr conn OVS_UNUSED, virDomainPtr domain,
            int type OVS_UNUSED, const char *uri OVS_UNUSED, void *marks)
{
    mark(domain, marks);
}

/* Of all networks at once: they are read together. */
static void
on_network(virConnectPtr conn OVS_UNUSED, virNetworkPtr network OVS_UNUSED,
           int event OVS_UNUSED, int detail OVS_UNUSED, void *marks)
{
    virt_marks_add_networks(marks);
}

static const struct {
    int id;
    virConnectDomainEventGenericCallback callback;
} events[] = {
    { VIR_DOMAIN_EVENT_ID_LIFECYCLE,
      VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
    { VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
      VIR_DOMAIN_EVENT_CALLBACK(on_device) },
    { VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
      VIR_DOMAIN_EVENT_CALLBACK(on_device) },
    { VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
      VIR_DOMAIN_EVENT_CALLBACK(on_metadata) },
};

static const char *const close_reasons[] = {
    [VIR_CONNECT_CLOSE_REASON_ERROR] = "input/output error",
    [VIR_CONNECT_CLOSE_REASON_EOF] = "closed by libvirt",
    [VIR_CONNECT_CLOSE_REASON_KEEPALIVE] = "no answer to keepalive messages",
    [VIR_CONNECT_CLOSE_REASON_CLIENT] = "closed by us",
};

static void
on_close(virConnectPtr conn OVS_UNUSED, int reason, void *marks)
{
    bool is_known = reason >= 0 && reason < ARRAY_SIZE(close_reasons);
    virt_marks_close(marks, is_known ? close_reasons[reason] : "closed");
}

static void
release_marks(void *marks)
{
    virt_marks_unref(marks);
}

/* Links. */

struct virt_link {
    virConnectPtr conn;
    struct virt_marks *marks;           /* A reference. */
    int callbacks[ARRAY_SIZE(events)];  /* Of libvirt's, or -1. */
    int network_callback;               /* Of libvirt's, or -1. */
    bool has_close_callback;
};

/* A driver that does not watch its connections takes the callback, and forgets
 * it with its argument.  So this one borrows the link's marks: it does not run
 * any more once it has been taken back. */
static char *
register_close_callback(struct virt_link *link)
{
    int retval = virConnectRegisterCloseCallback(link->conn, on_close,
                                                 link->marks, NULL);
    link->has_close_callback = retval >= 0;
    return check_optional(retval, "cannot watch the connection");
}

/* An event callback may be running while it is taken back, and has a reference
 * of its own until libvirt calls release_marks(). */
static char *
register_event(struct virt_link *link, size_t i)
{
    int id = virConnectDomainEventRegisterAny(
        link->conn, NULL, events[i].id, events[i].callback,
        virt_marks_ref(link->marks), release_marks);
    link->callbacks[i] = id;
    if (id < 0) {
        virt_marks_unref(link->marks);
    }
    return check_optional(id, "cannot ask for events");
}

/* Unlike the events of domains, these may come from another daemon, which is
 * not there for the time being: then they are asked for again. */
static char *
register_network_event(struct virt_link *link)
{
    if (link->network_callback >= 0) {
        return NULL;
    }
    int id = virConnectNetworkEventRegisterAny(
        link->conn, NULL, VIR_NETWORK_EVENT_ID_LIFECYCLE,
        VIR_NETWORK_EVENT_CALLBACK(on_network), virt_marks_ref(link->marks),
        release_marks);
    link->network_callback = id;
    if (id < 0) {
        virt_marks_unref(link->marks);
    }
    return check_optional(id, "events");
}

static char *
register_callbacks(struct virt_link *link)
{
    int retval = virConnectSetKeepAlive(link->conn, KEEPALIVE_INTERVAL_S,
                                        KEEPALIVE_COUNT);
    char *error = check_optional(retval, "cannot ask for keepalive messages");
    if (!error) {
        error = register_close_callback(link);
    }
    for (size_t i = 0; !error && i < ARRAY_SIZE(events); i++) {
        error = register_event(link, i);
    }
    return error;
}

/* Connects to 'uri' and has 'marks' told what happens to domains from then on,
 * so that what is read later cannot be outdated unnoticed.  Returns NULL and
 * stores the new link in '*linkp', or returns a sentence and stores NULL.  Pool
 * thread; libvirtd lets us wait until it has started all its guests. */
char *
virt_link_open(const char *uri, struct virt_marks *marks,
               struct virt_link **linkp)
{
    *linkp = NULL;
    virConnectPtr conn = virConnectOpenReadOnly(uri);
    if (!conn) {
        return last_error();
    }

    struct virt_link *link = xzalloc(sizeof *link);
    link->conn = conn;
    link->marks = virt_marks_ref(marks);
    for (size_t i = 0; i < ARRAY_SIZE(link->callbacks); i++) {
        link->callbacks[i] = -1;
    }
    link->network_callback = -1;
    char *error = register_callbacks(link);
    if (error) {
        free(virt_link_close(link)); /* The first error is the one to tell. */
        return error;
    }
    *linkp = link;
    return NULL;
}

/* Closes and frees 'link'.  Returns a sentence if libvirt could not let go of
 * the connection yet.  Without taking the callbacks back first it never would.
 * Pool thread. */
char *
virt_link_close(struct virt_link *link)
{
    /* On a connection that is lost these fail, but do their work. */
    for (size_t i = 0; i < ARRAY_SIZE(link->callbacks); i++) {
        if (link->callbacks[i] >= 0) {
            (void) virConnectDomainEventDeregisterAny(link->conn,
                                                      link->callbacks[i]);
        }
    }
    if (link->network_callback >= 0) {
        (void) virConnectNetworkEventDeregisterAny(link->conn,
                                                   link->network_callback);
    }
    if (link->has_close_callback) {
        (void) virConnectUnregisterCloseCallback(link->conn, on_close);
    }

    int n_refs = virConnectClose(link->conn);
    virt_marks_unref(link->marks);
    free(link);
    return (n_refs < 0 ? last_error()
            : n_refs ? xasprintf("%d references to the connection are left",
                                 n_refs)
            : NULL);
}

/* False if 'link' is of no more use.  True also if the driver cannot tell.
 * Pool thread. */
bool
virt_link_is_alive(const struct virt_link *link)
{
    return virConnectIsAlive(link->conn) != 0;
}

/* Stores in '*uuidsp', for the caller to free, and '*np' the UUIDs of all
 * domains, active or not; on failure, NULL and 0, and returns a sentence.
 * Pool thread. */
char *
virt_link_list(const struct virt_link *link, struct uuid **uuidsp, size_t *np)
{
    *uuidsp = NULL;
    *np = 0;

    virDomainPtr *domains;
    int n = virConnectListAllDomains(link->conn, &domains, 0);
    if (n < 0) {
        return last_error();
    }

    struct uuid *uuids = xmalloc(n * sizeof *uuids);
    for (int i = 0; i < n; i++) {
        uuids[i] = get_uuid(domains[i]);
        virDomainFree(domains[i]);
    }
    free(domains);
    *uuidsp = uuids;
    *np = n;
    return NULL;
}

/* Networks. */

static struct uuid
get_network_uuid(virNetworkPtr network)
{
    char text[VIR_UUID_STRING_BUFLEN];
    struct uuid uuid;
    bool ok = !virNetworkGetUUIDString(network, text)
              && uuid_from_string(&uuid, text);
    ovs_assert(ok);             /* It fails only for what is no network. */
    return uuid;
}

/* Notes in 'reading' that 'network' could not be read. */
static void
note_unread(virNetworkPtr network, struct network_reading *reading)
{
    struct uuid uuid = get_network_uuid(network);
    uuidset_insert(&reading->unread, &uuid);
    if (!reading->failure) {
        reading->failure = error_wrap(last_error(), "network %s",
                                      virNetworkGetName(network));
    }
}

/* Reads one network into 'reading'.  One that is gone, or whose XML cannot be
 * used, is as good as unknown. */
static void
read_network(virNetworkPtr libvirt_network, struct network_reading *reading)
{
    /* Of an active network this is the live XML: that from which guests which
     * start now get their VLANs.  If it stops meanwhile it is not active. */
    char *xml = virNetworkGetXMLDesc(libvirt_network, 0);
    int is_active = xml ? virNetworkIsActive(libvirt_network) : -1;
    if (is_active < 0) {
        free(xml);
        if (virGetLastErrorCode() != VIR_ERR_NO_NETWORK) {
            note_unread(libvirt_network, reading);
        }
        return;
    }

    struct network *network;
    char *error = network_xml_parse(xml, strlen(xml), &network);
    free(xml);
    if (network) {
        network->is_active = is_active;
        /* Each comes once. */
        (void) network_set_replace(&reading->networks, network);
    } else {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
        VLOG_WARN_RL(&rl, "network %s: %s",
                     virNetworkGetName(libvirt_network), error);
    }
    free(error);
}

/* Adds all networks, active or not, to 'reading'; none if the driver does not
 * know networks.  Has the link's marks told what happens to them from then on.
 * Returns a sentence if it could not be found out which there are.  Pool
 * thread. */
char *
virt_link_read_networks(struct virt_link *link,
                        struct network_reading *reading)
{
    char *error = register_network_event(link);
    if (error) {
        return error;
    }

    virNetworkPtr *found;
    int n = virConnectListAllNetworks(link->conn, &found, 0);
    if (n < 0) {
        return check_optional(n, "list");
    }

    for (int i = 0; i < n; i++) {
        read_network(found[i], reading);
        virNetworkFree(found[i]);
    }
    free(found);
    return NULL;
}

/* Domains. */

/* Returns a sentence about a domain that could not be read, or NULL if it is
 * only that there is no such domain any more. */
static char *
reading_error(void)
{
    return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? NULL : last_error();
}

static char *
parse_xml(const char *xml, const struct uuid *uuid, struct domain **domainp)
{
    char *error = domain_xml_parse(xml, strlen(xml), domainp);
    if (!error && !uuid_equals(&(*domainp)->uuid, uuid)) {
        error = xasprintf("the XML is that of domain "UUID_FMT,
                          UUID_ARGS(&(*domainp)->uuid));
        domain_destroy(*domainp);
        *domainp = NULL;
    }
    return error;
}

/* Returns what there is to say of a domain whose XML cannot be used.  Takes
 * ownership of 'error'. */
static struct domain *
create_refused(virDomainPtr libvirt_domain, const struct uuid *uuid,
               char *error)
{
    const char *name = virDomainGetName(libvirt_domain);
    struct domain *domain = domain_create();
    domain->uuid = *uuid;
    domain->name = xstrdup(name);
    domain->is_active = virDomainIsActive(libvirt_domain) > 0;
    domain->error = error_wrap(error, "domain %s", name);
    return domain;
}

/* Destroys '*domainp', which turns out to be gone or unreadable, and stores
 * NULL. */
static char *
give_up(struct domain **domainp)
{
    domain_destroy(*domainp);
    *domainp = NULL;
    return reading_error();
}

/* Completes '*domainp' with its vNICs as they are configured, or gives it
 * up. */
static char *
read_configs(virDomainPtr libvirt_domain, struct domain **domainp)
{
    /* Even of a domain without a definition this is the XML without what came
     * from networks: libvirt prints the running one as it was configured. */
    char *xml = virDomainGetXMLDesc(libvirt_domain, VIR_DOMAIN_XML_INACTIVE);
    if (!xml) {
        return give_up(domainp);
    }

    struct domain *configured;
    char *error = parse_xml(xml, &(*domainp)->uuid, &configured);
    free(xml);
    if (configured) {
        domain_set_configs(*domainp, configured);
        domain_destroy(configured);
    }
    free(error);                /* What is live stays in force then. */
    return NULL;
}

/* Returns where the guest of a domain is that is in 'state' for 'reason', both
 * libvirt's.  One that is being migrated is paused here as long as it runs on
 * the other host: on both ends for the first of these reasons, but for the time
 * that it takes to start its QEMU; with post-copy, where it comes from, for the
 * next one, and if that fails it is lost here.  Whoever is paused for another
 * reason is where it was. */
enum domain_migration
virt_link_find_migration(int state, int reason)
{
    static const enum domain_migration migrations[] = {
        [VIR_DOMAIN_PAUSED_MIGRATION] = MIGRATION_PAUSED,
        [VIR_DOMAIN_PAUSED_POSTCOPY] = MIGRATION_LEFT,
        [VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] = MIGRATION_LEFT,
        [VIR_DOMAIN_PAUSED_STARTING_UP] = MIGRATION_STARTING,
    };
    return state == VIR_DOMAIN_PAUSED
           && reason >= 0 && reason < ARRAY_SIZE(migrations)
           ? migrations[reason] : MIGRATION_NONE;
}

/* Completes '*domainp' with where its guest is, or gives it up: not to know
 * that is not to know that the guest is here. */
static char *
read_migration(virDomainPtr libvirt_domain, struct domain **domainp)
{
    int state, reason;
    if (virDomainGetState(libvirt_domain, &state, &reason, 0)) {
        return give_up(domainp);
    }
    (*domainp)->migration = virt_link_find_migration(state, reason);
    return NULL;
}

static char *
read_domain(virDomainPtr libvirt_domain, const struct uuid *uuid,
            struct domain **domainp)
{
    /* Of an active domain this is the live XML, with the names of taps and
     * what came from networks and port groups merged in. */
    char *xml = virDomainGetXMLDesc(libvirt_domain, 0);
    if (!xml) {
        return reading_error();
    }

    char *error = parse_xml(xml, uuid, domainp);
    free(xml);
    if (error) {
        *domainp = create_refused(libvirt_domain, uuid, error);
        return NULL;
    }
    if ((*domainp)->is_active) {
        error = read_migration(libvirt_domain, domainp);
    }
    return (*domainp && domain_is_merged(*domainp)
            ? read_configs(libvirt_domain, domainp)
            : error);
}

/* Reads the domain 'uuid'.  Stores it in '*domainp', for the caller to destroy
 * and without 'read_ms'; one whose XML cannot be used has its 'error' set.
 * Stores NULL if libvirt does not know the domain, and if libvirt did not
 * answer, which it returns a sentence about.  Pool thread. */
char *
virt_link_read(const struct virt_link *link, const struct uuid *uuid,
               struct domain **domainp)
{
    *domainp = NULL;

    char text[VIR_UUID_STRING_BUFLEN];
    snprintf(text, sizeof text, UUID_FMT, UUID_ARGS(uuid));
    virDomainPtr domain = virDomainLookupByUUIDString(link->conn, text);
    if (!domain) {
        return reading_error();
    }
    char *error = read_domain(domain, uuid, domainp);
    virDomainFree(domain);
    return error;
}
