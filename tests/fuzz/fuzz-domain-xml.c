/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* libFuzzer target: whatever the bytes, domain_xml_parse() gives either a
 * domain that keeps its promises or a sentence fit to be shown. */

#include <config.h>
#include "virt/domain-xml.h"

#include <stdlib.h>

#include "lib/vnic.h"
#include "packets.h"
#include "tests/fuzz/fuzz.h"
#include "uuid.h"

static void
check_vnic(const struct domain *domain, const struct vnic *vnic)
{
    ovs_assert(uuid_equals(&vnic->id.domain, &domain->uuid));
    ovs_assert(!eth_addr_is_multicast(vnic->id.mac));
    if (vnic->error) {
        check_sentence(vnic->error);
    }
    check_vlan(&vnic->vlan);
}

static void
check_domain(const struct domain *domain)
{
    ovs_assert(domain->name && domain->name[0]);
    ovs_assert(!domain->error);
    ovs_assert(domain->n_vnics <= DOMAIN_XML_MAX_VNICS);
    for (size_t i = 0; i < domain->n_vnics; i++) {
        check_vnic(domain, &domain->vnics[i]);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct domain *domain;
    char *error = domain_xml_parse((const char *) data, size, &domain);
    ovs_assert(!error == !!domain);
    if (error) {
        check_sentence(error);
        free(error);
    } else {
        check_domain(domain);
        domain_destroy(domain);
    }
    return 0;
}
