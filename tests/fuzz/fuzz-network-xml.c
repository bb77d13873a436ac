/* Copyright (c) 2026 The vnicd authors.
 * SPDX-License-Identifier: Apache-2.0 */

/* libFuzzer target: whatever the bytes, network_xml_parse() gives either a
 * network that keeps its promises or a sentence fit to be shown. */

#include <config.h>
#include "virt/network-xml.h"

#include <stdlib.h>

#include "lib/network.h"
#include "tests/fuzz/fuzz.h"

static void
check_ports(const struct vlan_spec *vlan, const char *error)
{
    check_vlan(vlan);
    if (error) {
        ovs_assert(vlan->mode == VLAN_NONE);
        check_sentence(error);
    }
}

static void
check_network(const struct network *network)
{
    ovs_assert(network->name && network->name[0]);
    ovs_assert(network->n_portgroups <= NETWORK_XML_MAX_PORTGROUPS);
    check_ports(&network->vlan, network->error);
    for (size_t i = 0; i < network->n_portgroups; i++) {
        check_ports(&network->portgroups[i].vlan,
                    network->portgroups[i].error);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct network *network;
    char *error = network_xml_parse((const char *) data, size, &network);
    ovs_assert(!error == !!network);
    if (error) {
        check_sentence(error);
        free(error);
    } else {
        check_network(network);
        network_destroy(network);
    }
    return 0;
}
