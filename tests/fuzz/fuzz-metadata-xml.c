/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* libFuzzer target: whatever stands in <metadata>, a domain says of each vNIC
 * either what makes sense on the wire or a sentence. */

#include <config.h>
#include "virt/metadata-xml.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/vnic.h"
#include "tests/fuzz/fuzz.h"
#include "virt/domain-xml.h"

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
