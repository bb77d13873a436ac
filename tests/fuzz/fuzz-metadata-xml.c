/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* libFuzzer target: whatever stands in <metadata>, a domain says of each vNIC
 * either what makes sense on the wire or a sentence. */

#include <config.h>
#include "virt/metadata-xml.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/policy.h"
#include "lib/vnic.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tests/fuzz/fuzz.h"
#include "virt/domain-xml.h"
#include "virt/metadata-policy.h"

#define HEAD                                                            \
    "<domain><name>a</name>"                                            \
    "<uuid>8ae1d2c5-5a1c-4a53-9b4e-0d7e6a1f0001</uuid><metadata>"
#define TAIL                                                            \
    "</metadata><devices>"                                              \
    "<interface type='ethernet'><mac address='52:54:00:00:00:01'/>"     \
    "</interface>"                                                      \
    "<interface type='bridge'><mac address='52:54:00:00:00:02'/>"       \
    "</interface>"                                                      \
    "<interface type='hostdev'><mac address='52:54:00:00:00:02'/>"      \
    "</interface></devices></domain>"

/* What makes no sense must have been refused. */
static void
check_policy(const struct policy_statement *statement)
{
    const struct policy *policy = &statement->policy;
    ovs_assert(!policy->community
               == (policy->isolation != ISOLATION_COMMUNITY));
    ovs_assert(!policy->community || policy->community[0]);
    ovs_assert(policy->n_addresses <= METADATA_POLICY_MAX_ADDRESSES);
    for (size_t i = 0; i < policy->n_addresses; i++) {
        const struct policy_address *address = &policy->addresses[i];
        struct ds s = DS_EMPTY_INITIALIZER;
        struct policy_address again = *address;

        ovs_assert(policy_address_is_source(address));
        ovs_assert(!eth_addr_is_multicast(address->mac));
        ovs_assert(address->vlan == -1
                   || (address->vlan >= 1 && address->vlan <= 4094));
        policy_address_format(address, &s);
        char *error = policy_address_parse(ds_cstr(&s), &again.ip,
                                           &again.plen);
        ovs_assert(!error);
        ovs_assert(policy_address_equals(address, &again));
        ds_destroy(&s);
    }
}

static void
check_metadata(const struct vnic_metadata *metadata)
{
    if (metadata->error) {
        check_sentence(metadata->error);
        return;
    }
    ovs_assert(!metadata->bridge || metadata->bridge[0]);
    char *error = vlan_spec_validate(&metadata->vlan);
    ovs_assert(!error);
    check_vlan(&metadata->vlan);
    check_policy(&metadata->policy);
}

static void
check_domain(const struct domain *domain)
{
    for (size_t i = 0; i < domain->n_vnics; i++) {
        if (domain->vnics[i].metadata) {
            check_metadata(domain->vnics[i].metadata);
        }
    }
    for (size_t i = 0; i < domain->metadata_errors.n; i++) {
        check_sentence(domain->metadata_errors.names[i]);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *xml = xasprintf(HEAD "%.*s" TAIL, (int) size,
                                       (const char *) data);
    struct domain *domain;
    CLEANUP_FREE char *error = domain_xml_parse(xml, strlen(xml), &domain);
    ovs_assert(!error == !!domain);
    if (error) {
        check_sentence(error);
    } else {
        check_domain(domain);
        domain_destroy(domain);
    }
    return 0;
}
