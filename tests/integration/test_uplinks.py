# SPDX-License-Identifier: Apache-2.0
"""What leads out of a bridge, and which VLANs it carries."""

import csv
import io
import json

from host import until, vm_mac


def wait_ready(agent, *names):
    until(lambda: [agent.states().get((f"web{n}", vm_mac(n)))
                   for n in names] == ["ready"] * len(names),
          "the vNICs are ready")


def wait_open(host, *ports):
    until(lambda: all(host.column(port, "ofport", "interface") not in
                      ("[]", "-1") for port in ports), "the ports are open")


def uplinks(agent, vlan, bridge="br0"):
    """The uplinks of a VLAN: whether they carry it, and tagged."""
    return {row["port"]: (row["carried"], row["tagged"])
            for row in agent.json("vlan/show", bridge)
            if row["vlan"] == vlan and row["role"] == "uplink"}


def roles(agent):
    return {row["port"]: row["role"] for row in agent.json("vlan/show")}


def add_uplinks(host):
    """A device, a bond, a tunnel and a patch to another bridge."""
    host.add_bridge("core")
    host.vsctl(
        "--", "add-port", "br0", "eth1", "tag=10",
        "--", "add-bond", "br0", "bond0", "slave0", "slave1", "trunks=10,20",
        "--", "add-port", "br0", "vx0", "--", "set", "interface", "vx0",
        "type=vxlan", "options:remote_ip=192.0.2.1",
        "--", "add-port", "br0", "to-core", "tag=20", "trunks=20,30",
        "vlan_mode=native-untagged", "--", "set", "interface", "to-core",
        "type=patch", "options:peer=to-br0",
        "--", "add-port", "core", "to-br0", "--", "set", "interface",
        "to-br0", "type=patch", "options:peer=to-core")
    wait_open(host, "eth1", "slave0", "slave1", "vx0", "to-core", "to-br0")


def test_every_uplink_is_shown_for_every_vlan(host, agent):
    host.start_vm("web1", 1, 10)
    host.start_vm("web2", 2, 30)
    wait_ready(agent, 1, 2)
    add_uplinks(host)
    until(lambda: len(uplinks(agent, 10)) == 4, "the uplinks are seen")
    assert uplinks(agent, 10) == {"eth1": (True, False),
                                  "bond0": (True, True),
                                  "vx0": (True, True),
                                  "to-core": (False, None)}
    assert uplinks(agent, 30) == {"eth1": (False, None),
                                  "bond0": (False, None),
                                  "vx0": (True, True),
                                  "to-core": (True, True)}
    assert uplinks(agent, None) == {"vx0": (True, True)}
    bridges = {b["bridge"]: b["uplinks"] for b in agent.json("bridge/list")}
    assert bridges == {"br0": ["bond0", "eth1", "to-core", "vx0"],
                       "core": ["to-br0"]}


def test_a_vlan_that_no_uplink_carries_is_a_warning(host, agent):
    """A bridge without uplinks is private by design."""
    host.start_vm("web1", 1, 10)
    host.start_vm("web2", 2, 30)
    wait_ready(agent, 1, 2)
    assert agent.status()["ok"]

    host.vsctl("add-port", "br0", "eth1", "trunks=10,20")
    warning, = until(lambda: agent.status()["warnings"], "there is a warning")
    assert warning == ("bridge br0: vNICs are on VLAN 30, which no uplink "
                       "carries: eth1")
    check = [host.program("vnicctl"), "status", "--check"]
    result = host.run(*check, check=False)
    assert result.returncode == 1 and warning in result.stdout

    host.vsctl("add", "port", "eth1", "trunks", "30")
    until(lambda: agent.status()["ok"], "all is well again")
    assert host.run(*check).returncode == 0


def test_formats_agree(host, agent):
    host.start_vm("web1", 1, 10)
    wait_ready(agent, 1)
    add_uplinks(host)
    until(lambda: len(uplinks(agent, 10)) == 4, "the uplinks are seen")
    vnicctl = [host.program("vnicctl"), "vlan", "br0"]
    rows = json.loads(host.run(*vnicctl, "--format=json").stdout)
    texts = list(csv.DictReader(
        io.StringIO(host.run(*vnicctl, "--format=csv").stdout)))
    table = host.run(*vnicctl).stdout.splitlines()
    assert set(rows[0]) == set(texts[0]) == {
        "bridge", "vlan", "port", "domain", "role", "vlan_mode", "tagged",
        "carried"}
    words = {True: "yes", False: "no", None: ""}
    assert ([(row["port"], words[row["tagged"]], words[row["carried"]])
             for row in rows]
            == [(text["port"], text["tagged"], text["carried"])
                for text in texts])
    assert len(table) == len(rows) + 2
    assert table[0].split()[-2:] == ["TAGGED", "CARRIED"]
    line, = [line for line in table if " 10 " in line and "to-core" in line]
    assert line.split()[-2:] == ["-", "no"]


def test_hosts_and_guests_are_no_uplinks(host, agent):
    """A VLAN with an address of the host, a fake bridge, and a guest of
    somebody else, whose keys are not libvirt's or do not make sense."""
    host.vsctl(
        "add-port", "br0", "mgmt", "tag=10", "--", "set", "interface", "mgmt",
        "type=internal",
        "--", "add-br", "br0v10", "br0", "10",
        "--", "add-port", "br0", "tapx", "tag=10", "--", "set", "interface",
        "tapx", "external_ids:iface-id=x",
        "--", "add-port", "br0", "tapy", "tag=10", "--", "set", "interface",
        "tapy", "external_ids:vm-id=garbled", "external_ids:attached-mac=?")
    host.start_vm("web1", 1, 10)
    wait_ready(agent, 1)
    assert roles(agent) == {"tap1": "vnic", "mgmt": "host", "br0v10": "host",
                            "tapx": "guest", "tapy": "guest", "br0": "host"}
    bridge, = agent.json("bridge/list")
    assert bridge["uplinks"] == []


def test_an_uplink_that_is_not_open_carries_nothing(host, agent):
    """A bond carries VLANs as long as one of its devices is there."""
    host.vsctl("add-bond", "br0", "bond0", "slave0", "slave1")
    wait_open(host, "slave0", "slave1")
    host.start_vm("web1", 1, 10)
    wait_ready(agent, 1)
    until(lambda: uplinks(agent, 10) == {"bond0": (True, True)},
          "the bond carries the VLAN")
    for gone, carried in (("slave0", True), ("slave1", False)):
        host.vsctl("set", "interface", gone, "type=patch")  # Without a peer.
        until(lambda: host.column(gone, "error", "interface") != "[]",
              f"{gone} cannot be opened")
        until(lambda: uplinks(agent, 10) == {"bond0": (carried, True)},
              "the bond follows")
