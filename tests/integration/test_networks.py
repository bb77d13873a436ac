# SPDX-License-Identifier: Apache-2.0
"""VLANs that come from libvirt's networks and port groups."""

import libvirt
from host import access, portgroup, until, vm_mac

# Networks are read every 10 s: nothing announces an edit.
FOLLOW_SECONDS = 20


def wait_state(agent, name, mac, state="ready"):
    until(lambda: agent.states().get((name, mac)) == state,
          f"{name} is {state}")


def source(agent, name):
    shown, = agent.json("vnic/show", name)
    return shown["vlan_source"]


def edit(network, group):
    """What 'virsh net-update NETWORK modify portgroup' does."""
    network.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
                   libvirt.VIR_NETWORK_SECTION_PORTGROUP, -1, group,
                   libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE)


def test_who_says_the_vlan(host, agent):
    host.start_network("lan", access(50), portgroup("web", access(30)),
                       portgroup("rest", access(40), default=True),
                       portgroup("bare"))
    for number, (group, vlan, tag, who) in enumerate([
            ("web", access(77), 77, "interface"),
            ("web", "", 30, "port group web of network lan"),
            (None, "", 40, "port group rest of network lan"),
            ("bare", "", 50, "network lan")], start=1):
        name = f"web{number}"
        mac, port = host.start_network_vm(name, number, "lan", tag, group,
                                          vlan)
        wait_state(agent, name, mac)
        assert agent.vnics()[name, mac]["tag"] == tag
        assert source(agent, name) == who

        host.vsctl("clear", "port", port, "tag")
        until(lambda: host.column(port, "tag") == str(tag),
              "the tag is put right")


def test_edited_portgroup_is_followed(host, agent):
    network = host.start_network("lan", portgroup("web", access(10)))
    mac, port = host.start_network_vm("web1", 1, "lan", 10, "web")
    wait_state(agent, "web1", mac)
    edit(network, portgroup("web", access(30)))
    until(lambda: host.column(port, "tag") == "30", "the port follows",
          timeout=FOLLOW_SECONDS)
    entry, = until(lambda: agent.json("drift/list"), "it is listed")
    assert (entry["found"], entry["restored"], entry["cause"]) == (
        "10", "30", "portgroup-edit")
    wait_state(agent, "web1", mac)


def test_many_edits_are_no_fight(host, agent):
    network = host.start_network("lan", portgroup("web", access(10)))
    mac, port = host.start_network_vm("web1", 1, "lan", 10, "web")
    wait_state(agent, "web1", mac)
    for tag in range(30, 36):
        edit(network, portgroup("web", access(tag)))
        agent.ask("reconcile")
        assert host.column(port, "tag") == str(tag)
    edit(network, portgroup("web", access(36)))
    until(lambda: host.column(port, "tag") == "36", "the port follows",
          timeout=FOLLOW_SECONDS)
    assert agent.status()["warnings"] == []


def test_edited_portgroup_may_be_only_reported(host, agent):
    network = host.start_network("lan", portgroup("web", access(10)))
    mac, port = host.start_network_vm("web1", 1, "lan", 10, "web")
    wait_state(agent, "web1", mac)
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-follow=no")
    edit(network, portgroup("web", access(30)))
    wait_state(agent, "web1", mac, "drifted")
    assert host.column(port, "tag") == "10"
    host.vsctl("remove", "bridge", "br0", "external_ids", "vnicd-follow")
    until(lambda: host.column(port, "tag") == "30", "the port follows")


def test_removed_vlan_stays_in_force(host, agent):
    network = host.start_network("lan", portgroup("web", access(10)))
    mac, port = host.start_network_vm("web1", 1, "lan", 10, "web")
    wait_state(agent, "web1", mac)
    before = agent.transactions()
    edit(network, portgroup("web"))
    until(lambda: agent.vnics()["web1", mac]["reason"]
          == "vlan-removed-from-network: VLAN 10 stays in force",
          "it is told", timeout=FOLLOW_SECONDS)
    assert host.column(port, "tag") == "10"
    assert agent.transactions() == before

    edit(network, portgroup("web", access(10)))
    until(lambda: not agent.vnics()["web1", mac]["reason"], "all is well",
          timeout=FOLLOW_SECONDS)


def test_unknown_portgroup_is_quarantined(host, agent):
    host.start_network("lan", portgroup("web", access(10)))
    mac, port = host.start_network_vm("web1", 1, "lan", None, "wbe")
    wait_state(agent, "web1", mac, "quarantined")
    assert agent.vnics()["web1", mac]["reason"] == (
        f"domain web1, interface {vm_mac(1)}: network lan has no port group "
        "wbe")
    assert host.column(port, "tag") == "[]"


def test_default_vlan_takes_effect_at_once(host, agent):
    """Also where a network could have had a VLAN, and has none."""
    host.start_network("lan")
    mac, port = host.start_network_vm("web1", 1, "lan", None)
    wait_state(agent, "web1", mac)
    for tag in ("7", "8"):
        host.vsctl("set", "bridge", "br0",
                   f"external_ids:vnicd-default-vlan={tag}")
        until(lambda: host.column(port, "tag") == tag, "the port follows")
    assert source(agent, "web1") == "vnicd-default-vlan"

    host.vsctl("remove", "bridge", "br0", "external_ids",
               "vnicd-default-vlan")
    until(lambda: source(agent, "web1") == "nobody", "nobody says a VLAN")
    assert host.column(port, "tag") == "8"


def test_network_that_goes_changes_nothing(host, agent):
    network = host.start_network("lan", access(10))
    mac, port = host.start_network_vm("web1", 1, "lan", 10)
    wait_state(agent, "web1", mac)
    network.destroy()           # Transient: nothing is left of it.
    until(lambda: source(agent, "web1") == "last good intent",
          "the network is gone")
    host.vsctl("set", "port", port, "tag=20")
    until(lambda: host.column(port, "tag") == "10", "the tag is put right")

    host.start_network("lan", access(10))
    until(lambda: source(agent, "web1") == "network lan",
          "the network is back")


def test_network_that_is_taken_down_changes_nothing(host, agent):
    """Its definition may be edited meanwhile."""
    network = host.libvirt.networkDefineXML(
        host.network_xml("lan", portgroup("web", access(10))))
    network.create()
    mac, port = host.start_network_vm("web1", 1, "lan", 10, "web")
    wait_state(agent, "web1", mac)
    network.destroy()
    until(lambda: source(agent, "web1") == "last good intent",
          "the network is known to be down")
    definition = network.XMLDesc()
    assert "<tag id='10'/>" in definition
    host.libvirt.networkDefineXML(
        definition.replace("<tag id='10'/>", "<tag id='50'/>"))
    agent.ask("reconcile")      # It has heard of that, too.
    assert host.column(port, "tag") == "10"
    assert agent.states()["web1", mac] == "ready"

    network.create()
    until(lambda: host.column(port, "tag") == "50", "the port follows")
    assert source(agent, "web1") == "port group web of network lan"
