# SPDX-License-Identifier: Apache-2.0
"""Interfaces that libvirt leaves to others to plug."""

import json

import pytest
from host import until, vm_mac, vm_uuid
from test_metadata import say

SOCKET = "/var/run/guests/web1-net0"


def ethernet(target="tap1"):
    return (f"<interface type='ethernet'><mac address='{vm_mac(1)}'/>"
            f"<target dev='{target}'/></interface>")


def vhostuser(path=SOCKET, mode="server", target=""):
    return (f"<interface type='vhostuser'><mac address='{vm_mac(1)}'/>"
            f"<source type='unix' path='{path}' mode='{mode}'/>{target}"
            "<model type='virtio'/></interface>")


def said(content):
    return ("<metadata><v:vnics xmlns:v='urn:vnicd:domain:1'>"
            f"<v:vnic mac='{vm_mac(1)}'>{content}</v:vnic></v:vnics>"
            "</metadata>")


def start(host, interface, content):
    return host.libvirt.createXML(
        f"<domain type='test'><name>web1</name><uuid>{vm_uuid(1)}</uuid>"
        f"<memory>1024</memory><os><type>hvm</type></os>{said(content)}"
        f"<devices>{interface}</devices></domain>")


def plug(bridge="br0", vlan="<v:vlan mode='access' tag='42'/>"):
    return f"<v:plug bridge='{bridge}'/>{vlan}"


def vnic(agent):
    return agent.vnics().get(("web1", vm_mac(1)), {})


def ports(host, bridge="br0"):
    return host.ports(bridge)


def interface(host, port):
    """Type, options and external_ids of 'port'."""
    text = host.vsctl("--format=json", "--columns=type,options,external_ids",
                      "list", "interface", port)
    kind, options, ids = json.loads(text)["data"][0]
    return kind, dict(options[1]), dict(ids[1])


def test_a_tap_is_plugged_and_unplugged(host, agent):
    domain = start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")
    assert ports(host) == ["tap1"]
    assert host.column("tap1", "tag") == "42"
    kind, options, ids = interface(host, "tap1")
    assert (kind, options) == ("", {})
    assert ids.pop("vnicd-ready")
    assert ids == {"attached-mac": vm_mac(1), "vm-id": vm_uuid(1),
                   "iface-status": "active", "vnicd-vm-id": vm_uuid(1),
                   "vnicd-plugged": "true"}
    assert vnic(agent)["bridge"] == "br0"
    assert not agent.json("drift/list")

    domain.destroy()
    until(lambda: not ports(host), "its port is gone")
    assert not agent.json("drift/list")


def test_a_port_follows_its_metadata(host, agent):
    host.add_bridge("br1")
    domain = start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")
    say(domain, "<plug bridge='br1'/><vlan mode='trunk' trunks='7,8'/>")
    until(lambda: ports(host, "br1") == ["tap1"], "it has moved")
    until(lambda: vnic(agent)["state"] == "ready", "it is ready again")
    assert ports(host) == []
    assert host.column("tap1", "trunks") == "[7, 8]"

    say(domain, "<vlan mode='trunk' trunks='7,8'/>")
    until(lambda: ports(host, "br1") == [], "it is unplugged")
    assert vnic(agent)["state"] == "unmanaged"
    assert not agent.json("drift/list")


@pytest.mark.parametrize("slip", [
    "<plug bridge='br0'/><vlan mode='access' tag='4095'/>",
    "<vlan mode='access' tag='4095'/><plug bridge='br0'/>",
    "<plug bridge=''/>", "<plug/>", "<plugg bridge='br0'/>",
])
def test_a_slip_in_the_metadata_unplugs_nobody(host, agent, slip):
    domain = start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")
    say(domain, slip)
    until(lambda: vnic(agent)["state"] == "quarantined", "it is held")
    assert ports(host) == ["tap1"]
    assert host.column("tap1", "tag") == "42"


def test_a_port_goes_that_was_held_before(host, agent):
    domain = start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")
    say(domain, plug(vlan="<v:vlan mode='access' tag='4095'/>")
        .replace("v:", ""))
    until(lambda: "vnicd-ready" not in interface(host, "tap1")[2],
          "it is held")
    say(domain, "<vlan mode='access' tag='42'/>")
    until(lambda: not ports(host), "it is unplugged")
    assert vnic(agent)["state"] == "unmanaged"


def test_a_port_goes_though_its_bridge_was_not_managed(host, agent):
    domain = start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-manage=no")
    until(lambda: "vnicd-plugged" not in interface(host, "tap1")[2],
          "its marks are gone")
    host.vsctl("remove", "bridge", "br0", "external_ids", "vnicd-manage")
    until(lambda: vnic(agent)["state"] == "ready", "it is ready again")
    assert interface(host, "tap1")[2]["vnicd-plugged"] == "true"
    domain.destroy()
    until(lambda: not ports(host), "its port is gone")


def test_a_removed_port_is_put_back(host, agent):
    start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")
    host.vsctl("del-port", "tap1")
    until(lambda: ports(host) == ["tap1"], "it is back")
    until(lambda: vnic(agent)["state"] == "ready", "it is ready again")
    assert [d["cause"] for d in agent.json("drift/list")] == ["port-deleted"]


def test_what_happens_without_the_agent_is_made_up_for(host, agent):
    domain = start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")
    agent.stop()
    domain.destroy()
    again = host.agent()
    until(lambda: not ports(host), "the port is gone")
    again.stop()
    start(host, ethernet(), plug())
    again = host.agent()
    until(lambda: vnic(again).get("state") == "ready", "it is ready")


def test_nobody_is_unplugged_while_libvirt_is_away(host, agent):
    start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")
    agent.stop()
    host.stop("libvirtd")
    again = host.agent()
    until(lambda: [v["state"] for v in again.json("vnic/list")] == ["waiting"],
          "it waits for libvirt")
    again.ask("vlog/list")
    assert ports(host) == ["tap1"]
    assert again.transactions() == 0


@pytest.mark.parametrize("setting", ["none", "stricter"])
def test_metadata_may_be_forbidden_to_plug(host, agent, setting):
    host.vsctl("set", "open", ".", f"external_ids:vnicd-metadata={setting}")
    start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "unmanaged", "it is listed")
    assert ports(host) == []
    host.vsctl("remove", "open", ".", "external_ids", "vnicd-metadata")
    until(lambda: vnic(agent)["state"] == "ready", "it is ready")


def test_a_bridge_that_does_not_exist(host, agent):
    start(host, ethernet(), plug("br7"))
    until(lambda: vnic(agent).get("state") == "quarantined", "it is held")
    assert "bridge br7 does not exist" in vnic(agent)["reason"]
    host.add_bridge("br7")
    until(lambda: vnic(agent)["state"] == "ready", "it is ready")


def test_no_port_on_a_bridge_of_somebody_else(host, agent):
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-manage=no")
    start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "unmanaged", "it is listed")
    assert ports(host) == []


def test_a_name_in_use_is_left_alone(host, agent):
    host.vsctl("add-port", "br0", "tap1", "tag=7")
    start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "waiting", "it waits")
    assert "port tap1 is there" in vnic(agent)["reason"]
    assert host.column("tap1", "tag") == "7"
    host.vsctl("del-port", "tap1")
    until(lambda: vnic(agent)["state"] == "ready", "it is ready")


def test_a_row_that_libvirt_has_taken_over_is_libvirts(host, agent):
    domain = start(host, ethernet(), plug())
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")
    agent.stop()
    domain.destroy()        # As after a loss of power: the row stays.
    host.start_vm("web2", 2, 81, "tap1")
    again = host.agent()
    until(lambda: again.states().get(("web2", vm_mac(2))) == "ready",
          "it is ready")
    assert ports(host) == ["tap1"]
    assert "vnicd-plugged" not in interface(host, "tap1")[2]
    assert host.column("tap1", "tag") == "81"
    assert [d["cause"] for d in again.json("drift/list")] == ["stale-row"]


def limit_interfaces(host, n):
    """From now on the database refuses more interfaces than 'n'."""
    host.restrict(lambda tables: tables["Interface"].update(maxRows=n))


def test_a_row_that_the_database_refuses_holds_up_nothing(host, agent):
    host.start_vm("web2", 2, 20)
    until(lambda: agent.states().get(("web2", vm_mac(2))) == "ready",
          "web2 is ready")
    agent.expect_warning("the database refused a transaction")
    agent.expect_warning("ovsdb_idl|WARN|transaction error")
    limit_interfaces(host, 4)   # Those that are there.
    domain = start(host, ethernet(), plug())
    until(lambda: "the database refuses it" in str(agent.status()["warnings"]),
          "it is refused")
    for tag in range(30, 33):
        host.vsctl("set", "port", "tap2", f"tag={tag}")
        until(lambda: host.column("tap2", "tag") == "20", "it is put right")
    agent.ask("reconcile")      # Tries it once more, and comes to an end.
    refused = [line for line in agent.text().splitlines()
               if "refused a transaction" in line]
    assert len(refused) <= 3
    assert "Interface" in agent.status()["ovsdb"]["error"]
    domain.destroy()
    until(lambda: not agent.status()["ovsdb"]["error"],
          "there is nothing left to refuse")


def test_an_interface_of_a_bond_has_the_name(host, agent):
    host.vsctl("add-bond", "br0", "bond0", "tap1", "tap8")
    start(host, ethernet(), plug())
    until(lambda: "an interface called tap1" in vnic(agent).get("reason", ""),
          "it is told")
    assert vnic(agent)["state"] == "waiting"
    host.vsctl("del-port", "bond0")
    until(lambda: vnic(agent)["state"] == "ready", "it is ready")


# The switch here knows no DPDK, so these ports never open.


def test_a_vhost_user_port(host, agent):
    target = "<target dev='vhu1'/>"
    domain = start(host, vhostuser(target=target), plug())
    until(lambda: ports(host) == ["vhu1"], "it is plugged")
    kind, options, ids = interface(host, "vhu1")
    assert kind == "dpdkvhostuserclient"
    assert options == {"vhost-server-path": SOCKET}
    assert ids["vnicd-plugged"] == "true"
    assert host.column("vhu1", "tag") == "42"
    assert vnic(agent)["port"] == "vhu1"
    assert vnic(agent)["state"] == "waiting"

    # Started anew with another socket while nobody looked.
    agent.stop()
    domain.destroy()
    domain = start(host, vhostuser(SOCKET + "b", target=target), plug())
    agent = host.agent()
    until(lambda: ports(host) and interface(host, "vhu1")[1]
          == {"vhost-server-path": SOCKET + "b"}, "the new socket is used")
    domain.destroy()
    until(lambda: not ports(host), "its port is gone")


def test_a_vhost_user_socket_that_qemu_does_not_serve(host, agent):
    start(host, vhostuser(mode="client"), plug())
    until(lambda: vnic(agent).get("state") == "quarantined", "it is held")
    assert "cannot be plugged: only with mode 'server'" in \
        vnic(agent)["reason"]
    assert ports(host) == []
