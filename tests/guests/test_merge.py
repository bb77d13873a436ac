# SPDX-License-Identifier: Apache-2.0
"""libvirt merges the VLANs of interface, port group and network when a guest
starts, the agent does so again all the time.  Both have to say the same.
"""

import re

import pytest

import switch
from hostbox import Nic, Vlan

NETWORKS = {
    # VLANs of the network, its default port group, and another one.
    "bare": (None, None, None),
    "net": (Vlan.access(5), None, None),
    "default": (None, Vlan.access(20), None),
    "group": (None, None, Vlan.trunk(30, 31)),
    "all": (Vlan.native_untagged(5, 5, 6), Vlan.access(20),
            Vlan.native_tagged(30, 30, 31)),
}
OWN = {"none": None, "own": Vlan.access(42)}


@pytest.fixture(scope="module", autouse=True)
def networks(box):
    for name, (vlan, default, other) in NETWORKS.items():
        box.add_network(name, vlan=vlan, default="default",
                        portgroups={"default": default, "other": other})


def live_vlan(guest):
    """What libvirt's live XML says of the VLANs, as columns."""
    xml = guest.xml()
    tags = [int(tag) for tag in re.findall(r"<tag id='(\d+)'", xml)]
    native = re.search(r"<tag id='(\d+)' nativeMode='(\w+)'", xml)
    if native:
        return switch.vlan(f"native-{native[2]}", int(native[1]), tags)
    if "trunk='yes'" in xml:
        return switch.vlan(None, None, tags)
    return switch.vlan(None, tags[0] if tags else None)


@pytest.fixture
def newcomer(box):
    guest = box.guest("newcomer")
    yield guest
    guest.remove()


def start(guest, network, portgroup, vlan):
    """Starts it with an interface as an operator might write it; an empty
    port group is none, which Nic cannot say."""
    guest.define([Nic(network=network, portgroup=portgroup, vlan=vlan)])
    if portgroup == "":
        guest.define_xml(guest.xml("--inactive").replace(
            f"<source network='{network}'/>",
            f"<source network='{network}' portgroup=''/>"))
    guest.start(paused=True)


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("portgroup", [None, "", "other"])
@pytest.mark.parametrize("network", NETWORKS)
def test_libvirt_and_the_agent_agree(box, agent, newcomer, network, portgroup,
                                     own):
    start(newcomer, network, portgroup, OWN[own])
    row = agent.wait_state(newcomer)
    expected = live_vlan(newcomer)
    assert switch.columns(box, row["port"]) == expected
    assert [row["tag"], row["trunks"] or []] == [expected["tag"],
                                                 expected["trunks"]]
    assert not agent.drift()
    assert agent.transactions() == 2    # The patch pair, and the mark.


@pytest.mark.parametrize("own", OWN)
def test_of_an_unknown_port_group_libvirt_says_nothing(box, agent, newcomer,
                                                       own):
    """It falls back to the network's VLAN, or to every VLAN."""
    start(newcomer, "net", "nobody", OWN[own])
    row = agent.wait_state(newcomer, "quarantined")
    assert "network net has no port group nobody" in row["reason"]
    assert switch.columns(box, row["port"]) == live_vlan(newcomer)


def test_what_was_followed_outlives_the_agent(box, agent, newcomer):
    """Where the network is gone, and libvirt's live XML tells what was when
    the guest started, the port alone knows."""
    box.add_network("going", portgroups={"web": Vlan.access(61)})
    start(newcomer, "going", "web", None)
    port = agent.wait_state(newcomer)["port"]
    box.virsh("net-update", "going", "modify", "portgroup",
              "<portgroup name='web'><vlan><tag id='71'/></vlan></portgroup>",
              "--live", "--config")
    agent.wait_for(lambda: switch.columns(box, port)["tag"] == 71,
                   "the port follows")
    box.remove_network("going")
    agent.stop()
    agent.start()
    agent.wait_state(newcomer)
    assert live_vlan(newcomer)["tag"] == 61
    assert switch.columns(box, port)["tag"] == 71
    assert agent.transactions() == 0


def source(agent):
    """Who says the newcomer's VLAN."""
    shown, = agent.call("vnic/show", "newcomer")
    return shown["vlan_source"]


def test_network_that_is_taken_down_moves_nobody(box, agent, newcomer):
    """Its definition does not say what the live network was told, and libvirt
    leaves guests as they are."""
    box.add_network("down", portgroups={"web": Vlan.access(61)})
    start(newcomer, "down", "web", None)
    port = agent.wait_state(newcomer)["port"]
    box.virsh("net-update", "down", "modify", "portgroup",
              "<portgroup name='web'><vlan><tag id='71'/></vlan></portgroup>",
              "--live")
    agent.wait_for(lambda: switch.columns(box, port)["tag"] == 71,
                   "the port follows")
    before = agent.transactions()
    box.virsh("net-destroy", "down")
    agent.wait_for(lambda: source(agent) == "last good intent", "it is known")
    assert switch.columns(box, port)["tag"] == 71
    assert agent.transactions() == before

    agent.stop()
    agent.start()
    agent.wait_state(newcomer)
    assert switch.columns(box, port)["tag"] == 71
    assert agent.transactions() == 0

    box.virsh("net-start", "down")
    agent.wait_for(lambda: switch.columns(box, port)["tag"] == 61,
                   "the port follows its definition")
    box.remove_network("down")
