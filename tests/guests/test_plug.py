# SPDX-License-Identifier: Apache-2.0
"""Ports come back if they are missed, and stay away if they are not.

One host with three guests, booted once, of which "one" has all that a port can
have.  Interfaces that libvirt does not plug at all are at the end.
"""

import re
import socket
import struct
import threading

import pytest

import switch
from hostbox import Nic, Vlan, make_mac, until

LIMITS = ("<bandwidth><inbound average='1000' peak='2000' burst='64'/>"
          "<outbound average='1000' burst='64'/></bandwidth>")

# Addresses of "two" and of "other".
IN_VLAN_10 = "192.0.2.2"
IN_VLAN_20_UNTAGGED = "192.0.2.3"
IN_VLAN_20 = "198.51.100.3"

REMOVALS = {
    "del-port": [["del-port", "{port}"]],
    "del-br": [["del-br", "br0"], ["add-br", "br0", "--", "set", "bridge",
                                   "br0", "datapath_type=netdev"]],
}


@pytest.fixture(scope="module")
def guests(boot):
    guests = boot({
        "one": Nic(vlan=Vlan.native_untagged(10, 10, 20), extra=LIMITS),
        "two": Nic(vlan=Vlan.access(10)),
        "other": Nic(vlan=Vlan.access(20))})
    guests["one"].set_address("198.51.100.1/24",
                              guests["one"].add_vlan_device(20))
    guests["other"].set_address(f"{IN_VLAN_20}/24")
    return guests


@pytest.fixture(params=REMOVALS)
def remove(box, port, request):
    """A function that removes the port, alone or with its bridge."""
    def remove():
        for command in REMOVALS[request.param]:
            box.vsctl("--no-wait",
                      *[word.format(port=port) for word in command])
    return remove


def check_wire(guest):
    """Guest 'one' is in its VLANs again and in no other."""
    assert guest.can_ping(IN_VLAN_10, tries=5)
    assert guest.can_ping(IN_VLAN_20, tries=5)
    assert not guest.can_ping(IN_VLAN_20_UNTAGGED)


def wait_put_back(agent, guest, port):
    agent.wait_for(lambda: [entry for entry in agent.drift()
                            if (entry["port"], entry["cause"])
                            == (port, "port-deleted")],
                   f"{port} is put back")
    return agent.wait_state(guest)


# Ports that somebody removes.


def test_without_an_agent_a_removed_port_stays_away(box, stopped_agent, one,
                                                    port, remove):
    """The fault itself: whatever the guest does, libvirt plugs it only once.
    An agent that comes after the fact leaves it to the operator."""
    before = switch.plug(box, port)
    remove()
    for verb in ("suspend", "resume"):
        box.virsh(verb, one.name)
    assert not one.can_ping(IN_VLAN_10)
    assert port not in switch.port_names(box)

    stopped_agent.start()
    row = stopped_agent.wait_state(one, "drifted")
    assert row["reason"] == "first-contact: no port for it on bridge br0"
    assert port not in switch.port_names(box)
    stopped_agent.call("reconcile")
    stopped_agent.wait_state(one)
    after = switch.plug(box, port)
    assert after["external_ids"].pop("vnicd-vm-id") == one.uuid()
    before["external_ids"].pop("vnicd-vm-id", None)
    assert after == before
    check_wire(one)


def test_a_removed_port_comes_back_completely(box, agent, one, port, remove):
    agent.wait_state(one)
    check_plug(box, one, port)
    before = switch.plug(box, port)
    remove()
    row = wait_put_back(agent, one, port)
    assert row["ofport"] > 0
    assert switch.plug(box, port) == before
    check_wire(one)
    assert agent.plan() == []


def check_plug(box, guest, port):
    """What comes back is worth something: it is what the live XML says."""
    plug = switch.plug(box, port)
    xml = guest.xml()
    assert (plug["vlan_mode"], plug["tag"], plug["trunks"]) == (
        "native-untagged", 10, [10, 20])
    assert plug["external_ids"] == {
        "attached-mac": guest.macs()[0],
        "iface-id": re.search("interfaceid='([^']*)'", xml)[1],
        "vm-id": guest.uuid(), "iface-status": "active",
        "vnicd-vm-id": guest.uuid()}
    assert plug["ingress_policing_rate"] == 8 * 1000
    assert plug["ingress_policing_burst"] == 8 * 64
    assert box.vsctl("get", "qos", plug["qos"], "other_config:max-rate"
                     ).strip() == '"16000000"'
    assert switch.ofport(box, port) > 0


def test_everybodys_port_comes_back(box, agent, guests):
    ports = {name: guest.taps()[0] for name, guest in guests.items()}
    for guest in guests.values():
        agent.wait_state(guest)
    before = {name: switch.plug(box, ports[name]) for name in guests}
    for command in REMOVALS["del-br"]:
        box.vsctl("--no-wait", *command)
    for name, guest in guests.items():
        wait_put_back(agent, guest, ports[name])
    assert {name: switch.plug(box, ports[name])
            for name in guests} == before


def test_operators_read_what_happened(box, agent, one, port):
    """While libvirt is silent, that it is waited for; then what was done."""
    agent.expect(r"\|virt_conn\|WARN\|")
    agent.wait_state(one)
    libvirtd = box.daemon("libvirtd")
    libvirtd.stop_signal()
    try:
        box.vsctl("--no-wait", "del-port", port)
        agent.wait_for(agent.plan, "the port is missed")
        said = agent.ctl("plan", status=1)
        assert re.search(rf"^confirm +port-deleted +one/\S+ +Port {port} +"
                         r"missing +on br0, VLAN native-untagged 10 of 10,20$",
                         said, re.MULTILINE), said
        assert port not in switch.port_names(box)
    finally:
        libvirtd.cont()
    wait_put_back(agent, one, port)
    said = agent.ctl("drift", status=1)
    assert re.search(rf" one +\S+ +{port} +row +missing +on br0, VLAN "
                     r"native-untagged 10 of 10,20 +port-deleted$", said,
                     re.MULTILINE), said
    check_wire(one)


# Ports that libvirt removes.


def kill_qemu(box, guest):
    box.run(["kill", "-9", str(guest.pid())])


def wait_shut_off(guest):
    until(lambda: guest.state() == "shut off", "libvirt noticed", timeout=10)


ENDS = {
    "destroy": lambda box, guest: guest.destroy(),
    "kill": kill_qemu,
    "managedsave": lambda box, guest: box.virsh("managedsave", guest.name,
                                                timeout=60),
}


@pytest.fixture
def check_plugs(box, agent):
    """A function that checks that libvirt, and nobody else, has plugged 'n'
    times in this test, and that all of that is gone."""
    inserts_before = switch.port_inserts(box)
    ports_before = switch.port_names(box)

    def check(n):
        agent.call("reconcile")
        inserts = switch.port_inserts(box)[len(inserts_before):]
        assert len(inserts) == n
        assert all("(invoked by libvirtd)" in comment for comment in inserts)
        assert switch.port_names(box) == ports_before
        assert agent.drift() == agent.plan() == agent.orphans() == []
    return check


@pytest.mark.parametrize("end", ENDS)
def test_the_port_goes_with_its_guest(box, agent, brief, check_plugs, end):
    for _ in range(3):
        brief.start(wait=False)
        agent.wait_state(brief)
        ENDS[end](box, brief)
        wait_shut_off(brief)
        agent.wait_gone(brief)
    check_plugs(3)


def test_ten_starts_and_ends_without_a_pause(agent, brief, check_plugs):
    """The agent is always behind, and never brings back what has gone."""
    for _ in range(10):
        brief.start(paused=True)
        brief.destroy()
    agent.wait_gone(brief)
    check_plugs(10)


def test_a_guest_that_shuts_itself_down(agent, brief, check_plugs):
    brief.start()
    agent.wait_state(brief)
    brief.check("(usleep 300000; poweroff -f) &")
    wait_shut_off(brief)
    agent.wait_gone(brief)
    check_plugs(1)


def test_an_interface_that_is_detached(box, agent, guests, check_plugs):
    """libvirt takes its limit away first, step by step, then the port."""
    guest = guests["two"]
    nic = Nic(vlan=Vlan.access(20), mac=make_mac("detached"), extra=LIMITS)
    path = box.put_file("detached.xml", nic.xml())
    limits = switch.limit_rows(box)
    for _ in range(3):
        box.virsh("attach-device", guest.name, path, "--live")
        row = agent.wait_ready_mac(nic.mac)
        assert row["port"] in switch.limit_rows(box)["qos"]
        box.virsh("detach-device", guest.name, path, "--live")
        agent.wait_for(lambda: not agent.vnic_by_mac(nic.mac),
                       "the NIC is gone from the list")
    assert switch.limit_rows(box) == limits
    check_plugs(3)


# Ports that are ours to plug.


def metadata(mac, tag):
    return (f'<metadata><v:vnics xmlns:v="urn:vnicd:domain:1">'
            f'<v:vnic mac="{mac}"><v:plug bridge="br0"/>'
            f'<v:vlan mode="access" tag="{tag}"/></v:vnic></v:vnics>'
            f'</metadata>')


@pytest.fixture
def tapped(box):
    """A guest on a tap of libvirt's that its metadata puts into VLAN 10;
    defined and not started."""
    guest = box.guest("tapped")
    nic = Nic(bridge=None, mac=make_mac("tapped"), target="tapped0")
    guest.define([nic], extra=metadata(nic.mac, 10))
    yield guest
    guest.remove()


def wait_unplugged(agent, guest, port):
    agent.wait_for(lambda: port not in switch.port_names(agent.box),
                   f"{port} goes")
    agent.wait_gone(guest)
    assert agent.plan() == agent.drift() == []


def test_a_tap_that_nobody_else_plugs(box, agent, guests, tapped):
    tapped.start()
    agent.wait_state(tapped, tag=10)
    assert switch.plug(box, "tapped0") == {
        **switch.vlan(None, 10), "trunks": None, "cvlans": None,
        "bridge": "br0", "qos": None, "type": "", "options": {},
        "ingress_policing_rate": 0, "ingress_policing_burst": 0,
        "external_ids": {"attached-mac": tapped.macs()[0],
                         "vm-id": tapped.uuid(), "iface-status": "active",
                         "vnicd-plugged": "true",
                         "vnicd-vm-id": tapped.uuid()}}
    tapped.set_address("192.0.2.9/24")
    assert tapped.can_ping(IN_VLAN_10, tries=5)
    assert not tapped.can_ping(IN_VLAN_20_UNTAGGED)

    box.vsctl("--no-wait", "del-port", "tapped0")
    wait_put_back(agent, tapped, "tapped0")
    assert tapped.can_ping(IN_VLAN_10, tries=5)
    assert not tapped.can_ping(IN_VLAN_20_UNTAGGED)


@pytest.mark.parametrize("away", [False, True], ids=["", "while-away"])
@pytest.mark.parametrize("end", ENDS)
def test_the_port_that_we_plugged_goes_with_its_guest(box, agent, tapped, end,
                                                      away):
    """At once, also where the agent was restarted meanwhile."""
    tapped.start(wait=False)
    agent.wait_state(tapped)
    if away:
        agent.stop()
    ENDS[end](box, tapped)
    if away:
        assert "tapped0" in switch.port_names(box)
        agent.start()
    wait_unplugged(agent, tapped, "tapped0")


class VhostUserNic(Nic):
    """An interface that is a socket which QEMU serves."""

    socket = "/run/hostbox/vhost0"

    def xml(self):
        return (f"<interface type='vhostuser'><mac address='{self.mac}'/>"
                f"<source type='unix' path='{self.socket}' mode='server'/>"
                f"<model type='virtio'/></interface>")


class VhostUserPeer(threading.Thread):
    """Connects to QEMU's socket in the place of a switch that has DPDK: QEMU
    does not start before somebody does.  Can do nothing."""

    REQUEST = struct.Struct("<III")     # request, flags, size
    GET_FEATURES = 1
    VERSION_1 = 1 << 32
    NEEDS_REPLY, IS_REPLY = 1 << 3, 1 << 2 | 1

    def __init__(self, path):
        super().__init__(daemon=True)
        self._path = path

    def run(self):
        with socket.socket(socket.AF_UNIX) as peer:
            until(lambda: not peer.connect_ex(self._path),
                  "QEMU serves its socket", timeout=30)
            while header := peer.recv(self.REQUEST.size, socket.MSG_WAITALL):
                request, flags, size = self.REQUEST.unpack(header)
                if size:        # Otherwise it would wait for a byte.
                    peer.recv(size, socket.MSG_WAITALL)
                if request == self.GET_FEATURES:
                    self._reply(peer, request, self.VERSION_1)
                elif flags & self.NEEDS_REPLY:
                    self._reply(peer, request, 0)

    def _reply(self, peer, request, value):
        peer.sendall(self.REQUEST.pack(request, self.IS_REPLY, 8)
                     + value.to_bytes(8, "little"))


def test_a_vhost_user_port(box, agent):
    """The row is right; a switch without DPDK cannot open it, and says so."""
    guest = box.guest("vhost")
    nic = VhostUserNic(mac=make_mac("vhost"))
    guest.define([nic], extra=metadata(nic.mac, 10)
                 + "<memoryBacking><source type='memfd'/>"
                   "<access mode='shared'/></memoryBacking>")
    peer = VhostUserPeer(box.outside(nic.socket))
    peer.start()
    try:
        guest.start(paused=True)
        agent.wait_for(lambda: "could not open" in
                       ((agent.vnic(guest) or {}).get("reason") or ""),
                       "the switch has tried to open the port")
        row = agent.vnic(guest)
        assert (row["state"], row["port"], row["tag"]) == (
            "waiting", "vhost0", 10)
        plug = switch.plug(box, "vhost0")
        assert plug["type"] == "dpdkvhostuserclient"
        assert plug["options"] == {"vhost-server-path": nic.socket}
        assert plug["tag"] == 10
        guest.destroy()
        wait_unplugged(agent, guest, "vhost0")
    finally:
        guest.remove()
        peer.join(timeout=10)
    assert not peer.is_alive()
