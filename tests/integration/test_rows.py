# SPDX-License-Identifier: Apache-2.0
"""Rows that vanish, and rows that stay behind."""

import json
import re
import signal

import pytest
from host import access, until, vm_mac, vm_uuid


def is_ready(agent, name, number):
    return agent.states().get((name, vm_mac(number))) == "ready"


def keys_of(host, port):
    """What libvirt has written about 'port', without the marks of ours."""
    text = host.vsctl("--format=json", "--columns=external_ids", "list",
                      "interface", port)
    pairs = json.loads(text)["data"][0][0][1]
    return {key: value for key, value in pairs
            if not key.startswith("vnicd-")}


def drift(agent):
    return [(d["port"], d["column"], d["found"], d["restored"], d["cause"])
            for d in agent.json("drift/list")]


# Ports that somebody removes.


def test_a_deleted_port_comes_back_completely(host, agent):
    vm_id, mac, port = vm_uuid(1), vm_mac(1), "tap1"
    host.plug(port, vm_id, mac, ["vlan_mode=native-untagged", "tag=10",
                                 "trunks=10,20-22"])
    domain = host.start_domain(
        "web1", vm_id,
        (mac, port, "<vlan trunk='yes'><tag id='10' nativeMode='untagged'/>"
         "<tag id='20'/><tag id='21'/><tag id='22'/></vlan>"
         "<bandwidth><outbound average='100' burst='64'/></bandwidth>"))
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    before = agent.transactions()

    host.vsctl("del-port", port)
    until(lambda: is_ready(agent, "web1", 1)
          and agent.transactions() > before, "it is ready again")
    assert host.vsctl("port-to-br", port) == "br0"
    assert host.column(port, "tag") == "10"
    assert host.column(port, "trunks") == "[10, 20, 21, 22]"
    assert host.column(port, "vlan_mode") == "native-untagged"
    keys = keys_of(host, port)
    interface_id = re.search("interfaceid='([^']*)'", domain.XMLDesc())[1]
    assert keys == {"attached-mac": mac, "iface-id": interface_id,
                    "vm-id": vm_id, "iface-status": "active"}
    assert host.column(port, "ingress_policing_rate", "interface") == "800"
    assert host.column(port, "ingress_policing_burst", "interface") == "512"

    # One transaction puts it back, one says that it is ready.
    assert agent.transactions() - before <= 2
    assert drift(agent) == [
        (port, "row", "missing", "on br0, VLAN native-untagged 10 of "
         "10,20-22", "port-deleted")]


def test_a_deleted_bridge_comes_back_with_its_guests(host, agent):
    for number in range(1, 6):
        host.start_vm(f"web{number}", number, 10 + number)
    until(lambda: agent.status()["vnics"]["ready"] == 5, "all are ready")
    agent.expect_warning("rconn|WARN")      # No bridge, no socket.
    host.vsctl("del-br", "br0")
    until(lambda: agent.status()["vnics"]["quarantined"] == 5, "all are held")
    host.add_bridge()
    until(lambda: agent.status()["vnics"]["ready"] == 5, "all are ready")
    for number in range(1, 6):
        assert host.column(f"tap{number}", "tag") == str(10 + number)


def test_nothing_comes_back_before_libvirt_confirms(host, agent):
    _, _, _, port = host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    host.send("libvirtd", signal.SIGSTOP)
    before = agent.status()["passes"]
    host.vsctl("del-port", port)
    until(lambda: [op["kind"] for op in agent.json("plan")] == ["confirm"],
          "it waits for libvirt")
    assert agent.status()["passes"] > before
    assert host.ports() == []
    host.send("libvirtd", signal.SIGCONT)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready again")


def test_a_port_missing_at_first_contact_is_an_operators_matter(host):
    host.start_domain("web1", vm_uuid(1), (vm_mac(1), "tap1", access(10)))
    agent = host.agent()
    until(lambda: [op["kind"] for op in agent.json("plan")] == ["report"],
          "it is reported")
    assert [d["restored"] for d in agent.json("drift/list")] == [None]
    assert host.ports() == []
    agent.ask("reconcile")
    assert host.column("tap1", "tag") == "10"
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")


def test_reconcile_puts_everything_right_at_once(host):
    """Also what is not done in the same transaction."""
    host.start_domain("web1", vm_uuid(1), (vm_mac(1), "tap1", access(10)))
    host.start_vm("web2", 2, 20)
    host.vsctl("set", "port", "tap2", "tag=77")
    agent = host.agent()
    until(lambda: [op["kind"] for op in agent.json("plan")]
          == ["report", "report"], "both are reported")
    done = agent.json("reconcile")
    assert host.column("tap1", "tag") == "10"
    assert host.column("tap2", "tag") == "20"
    assert {(op["kind"], op["key"]) for op in done} == {
        ("plug", "Port tap1"), ("set", "Port tap2 tag")}


def test_who_removes_a_port_over_and_over_wins(host, agent):
    _, _, _, port = host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    for _ in range(6):
        host.vsctl("del-port", port)
        until(lambda: is_ready(agent, "web1", 1), "web1 is ready again")
    host.vsctl("del-port", port)
    until(lambda: [op["kind"] for op in agent.json("plan")] == ["back-off"],
          "it backs off")
    agent.ask("reconcile")
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready again")


# Rows for bandwidth.


def limit(host, port, vm_id, link=True):
    """What libvirt does for <inbound> of <bandwidth>."""
    ids = f"external_ids={{vm-id=\"{vm_id}\",ifname={port}}}"
    return host.vsctl(*(["set", "port", port, "qos=@q", "--"] if link else []),
                      "--id=@q", "create", "qos", "type=linux-htb",
                      "queues:0=@u", ids, "--",
                      "--id=@u", "create", "queue", ids).splitlines()


def rows(host, table):
    return host.vsctl("--bare", "--columns=_uuid", "list", table).split()


BANDWIDTH = "<bandwidth><inbound average='100' peak='200'/></bandwidth>"


def test_an_unlinked_qos_is_linked_again(host, agent):
    vm_id, mac, port = vm_uuid(1), vm_mac(1), "tap1"
    qos, _ = limit(host, port, vm_id, link=False)
    host.plug(port, vm_id, mac, ["tag=10"])
    host.start_domain("web1", vm_id, (mac, port, access(10) + BANDWIDTH))
    until(lambda: host.column(port, "qos") == qos, "the limit is back")
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    assert drift(agent) == [(port, "qos", "[]", qos, "qos-unlinked")]

    # Also when the port is put back.
    host.vsctl("del-port", port)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready again")
    assert host.column(port, "qos") == qos


def test_a_guest_without_bandwidth_gets_no_limit(host, agent):
    vm_id, mac, port = vm_uuid(1), vm_mac(1), "tap1"
    limit(host, port, vm_id, link=False)
    host.plug(port, vm_id, mac, ["tag=10"])
    host.start_domain("web1", vm_id, (mac, port, access(10)))
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    assert host.column(port, "qos") == "[]"


@pytest.mark.parametrize("setting", ["collect", "report"])
def test_unused_rows_for_bandwidth_are_listed_and_collected(host, setting):
    host.vsctl("set", "open", ".", f"external_ids:vnicd-orphans={setting}")
    domain, vm_id, _, port = host.start_vm("web1", 1, 10)
    used = limit(host, port, vm_id)
    limit(host, "tap9", vm_uuid(9), link=False)
    foreign = host.vsctl("create", "qos", "type=linux-htb")
    agent = host.agent()
    until(lambda: len(agent.json("orphan/list")) == 2, "they are listed")

    listed = agent.json("orphan/list")
    assert {o["table"] for o in listed} == {"QoS", "Queue"}
    assert {o["port"] for o in listed} == {"tap9"}
    assert {o["vm_id"] for o in listed} == {vm_uuid(9)}
    assert all(bool(o["due"]) == (setting == "collect") for o in listed)
    assert agent.json("orphan/collect", "--dry-run") == listed
    assert len(rows(host, "qos")) == 3

    collected = agent.json("orphan/collect")
    assert {(c["kind"], c["reason"]) for c in collected} == {
        ("collect", "orphan")}
    assert agent.json("orphan/list") == []
    assert set(rows(host, "qos")) == {used[0], foreign}
    assert rows(host, "queue") == [used[1]]
    assert domain.isActive()


def test_nothing_is_collected_while_libvirt_is_silent(host, agent):
    limit(host, "tap9", vm_uuid(9), link=False)
    until(lambda: len(agent.json("orphan/list")) == 2, "they are listed")
    host.send("libvirtd", signal.SIGSTOP)
    assert "no orphan is collected" in agent.refuses("orphan/collect")
    assert len(rows(host, "qos")) == 1
    host.send("libvirtd", signal.SIGCONT)
    agent.ask("orphan/collect")
    assert rows(host, "qos") == []


def start_unreadable(host, name, number):
    """Starts a guest whose XML libvirt cannot send: it takes more room escaped
    than it took to send it there."""
    mac, port = vm_mac(number), f"tap{number}"
    host.plug(port, vm_uuid(number), mac, ["tag=10"])
    xml = host.domain_xml(name, vm_uuid(number), (mac, port, access(10)))
    text = f"<description>{'>' * 1500000}</description>"
    host.libvirt.createXML(xml.replace("<memory>", f"{text}<memory>"))


def test_what_cannot_be_read_costs_itself(host):
    """A domain, and a network."""
    start_unreadable(host, "web1", 1)
    text = f"<dns><txt name='x' value='{'>' * 1500000}'/></dns>"
    host.start_network("lan", text)
    host.start_vm("web2", 2, 10)
    limit(host, "tap8", vm_uuid(1), link=False) # It may have a second vNIC.
    limit(host, "tap9", vm_uuid(9), link=False)
    agent = host.agent()
    agent.expect_warning("cannot read")
    until(lambda: agent.status()["libvirt"][0]["state"] == "synced",
          "libvirt has told what it can", timeout=30)
    until(lambda: is_ready(agent, "web2", 2), "the other one is ready")
    web1 = agent.vnics()[None, vm_mac(1)]
    assert web1["state"] == "waiting"
    assert "libvirt cannot tell of this domain" in web1["reason"]
    assert any("synced: cannot read" in warning
               for warning in agent.status()["warnings"])

    assert agent.json("reconcile") == []
    assert {c["kind"] for c in agent.json("orphan/collect")} == {"collect"}
    assert len(rows(host, "qos")) == 1
    assert host.ports() == ["tap1", "tap2"]
