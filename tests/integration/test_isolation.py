# SPDX-License-Identifier: Apache-2.0
"""Who reaches whom, by traffic: frames through real taps and a running agent.

Six vNICs of all classes in one VLAN, on ports of each mode, and an uplink.
What is expected is RFC 5517's table, written down here once more."""

import itertools
import os
import re
import struct

import pytest

from conftest import BUILD
from host import access, domain_xml, until, vm_mac, vm_uuid
from taphost import TapHost

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: real taps, in a network namespace")

URI = "urn:vnicd:domain:1"
VLAN, UPLINK = 10, "up0"
CLASSES = {1: "promiscuous", 2: "promiscuous", 3: "isolated", 4: "isolated",
           5: "community a", 6: "community b", 7: "community a"}
# libvirt's columns, and the tag with which a guest sends in VLAN.
MODES = {
    "access": ([f"tag={VLAN}"], f"<vlan><tag id='{VLAN}'/></vlan>", False),
    "trunk": ([f"trunks={VLAN},20"], f"<vlan trunk='yes'><tag id='{VLAN}'/>"
              "<tag id='20'/></vlan>", True),
    "native-untagged": (
        [f"tag={VLAN}", f"trunks={VLAN},20", "vlan_mode=native-untagged"],
        f"<vlan trunk='yes'><tag id='{VLAN}' nativeMode='untagged'/>"
        "<tag id='20'/></vlan>", False),
}
BROADCAST, MULTICAST = "ff:ff:ff:ff:ff:ff", "01:00:5e:01:02:03"
NOBODY, STRANGER = "52:54:00:00:99:99", "52:54:00:00:88:88"
OUTSIDE, OUTSIDER = "outside", "52:54:00:00:77:77"
ETH_P_IP = 0x0800
FRAME_MAX = 2000

_numbers = itertools.count(1)


def mac(number):
    return f"52:54:00:00:01:{number:02x}"


def may_talk(sender, receiver):
    """Everybody outside is promiscuous."""
    a, b = (CLASSES.get(port, "promiscuous") for port in (sender, receiver))
    return sender != receiver and (
        "promiscuous" in (a, b) or a == b != "isolated")


def metadata(number):
    kind, _, group = CLASSES[number].partition(" ")
    group = f" group='{group}'" if group else ""
    return (f"<metadata><v:vnics xmlns:v='{URI}'>"
            f"<v:vnic mac='{mac(number)}'>"
            f"<v:isolation class='{kind}'{group}/></v:vnic></v:vnics>"
            f"</metadata>")


class Wires:
    """The ports' other ends, where guests and the uplink's switch are."""

    def __init__(self, host, is_tagged):
        self._host = host
        self._is_tagged = is_tagged
        self.got = []               # (port, number of the frame)

    def send(self, port, dst, src):
        """Sends a frame, in VLAN; returns its number."""
        number = next(_numbers)
        tagged = port == OUTSIDE or self._is_tagged
        tag = struct.pack("!HH", 0x8100, VLAN) if tagged else b""
        frame = (_bytes(dst) + _bytes(src) + tag
                 + struct.pack("!H", ETH_P_IP) + _ip(number))
        os.write(self._host.tap(_tap(port)), frame)
        return number

    def wait_all(self, port, dst, src):
        """Waits until a frame has reached everybody who is to get it, and so
        all that were sent before have."""
        number = self.send(port, dst, src)
        everybody = {other for other in (*CLASSES, OUTSIDE)
                     if may_talk(port, other)}
        until(lambda: everybody <= {who for who, n in self._read()
                                    if n == number}, "all frames are through")

    def _read(self):
        for port in (*CLASSES, OUTSIDE):
            while True:
                try:
                    frame = os.read(self._host.tap(_tap(port)), FRAME_MAX)
                except BlockingIOError:
                    break
                at = 12
                tagged = frame[at:at + 2] == b"\x81\x00"
                if tagged:
                    assert int.from_bytes(frame[14:16], "big") & 0xfff == VLAN
                    at += 4
                assert tagged == (port == OUTSIDE or self._is_tagged)
                if frame[at:at + 2] == b"\x08\x00":
                    self.got.append((port, _number(frame[at + 2:])))
        return self.got

    def receivers(self, number):
        """Who got the frame, as often as it came."""
        return sorted((str(who) for who, n in self.got if n == number))


def _tap(port):
    return UPLINK if port == OUTSIDE else f"tap{port}"


def _bytes(address):
    return bytes.fromhex(address.replace(":", ""))


def _ip(number):
    """An IPv4 packet that nothing in the guard knows by its addresses."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 48, 0, 0, 64, 253, 0,
                         bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    header = header[:10] + struct.pack("!H", ~total & 0xffff) + header[12:]
    return header + struct.pack("!I", number) * 7


def _number(packet):
    return struct.unpack("!I", packet[20:24])[0]


@pytest.fixture(scope="module")
def bare_host(tmp_path_factory):
    with TapHost(tmp_path_factory.mktemp("isolation"), BUILD) as host:
        host.add_bridge()
        host.add_tap(UPLINK)
        host.bring_up(UPLINK)
        host.vsctl("add-port", "br0", UPLINK)
        yield host


@pytest.fixture(scope="module", params=MODES)
def wires(bare_host, request):
    """All vNICs on ports of one mode, with an agent that made them ready."""
    host = bare_host
    columns, vlan, is_tagged = MODES[request.param]
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    for number in CLASSES:
        host.add_tap(f"tap{number}")
        host.bring_up(f"tap{number}")
        host.plug(f"tap{number}", vm_uuid(number), mac(number), columns)
        interface = (
            f"<interface type='bridge'><mac address='{mac(number)}'/>"
            f"<source bridge='br0'/>{vlan}<virtualport type='openvswitch'/>"
            f"<target dev='tap{number}'/></interface>")
        host.libvirt.createXML(domain_xml(
            f"vm{number}", vm_uuid(number), interface).replace(
                "<memory>", metadata(number) + "<memory>"))
    agent = host.agent()
    until(lambda: set(agent.states().values()) == {"ready"}
          and len(agent.states()) == len(CLASSES), "all are ready")
    yield Wires(host, is_tagged)
    assert not agent.complaints()
    agent.stop()
    for number in CLASSES:
        host.libvirt.lookupByName(f"vm{number}").destroy()
        host.vsctl("del-port", f"tap{number}")
        host.remove_tap(f"tap{number}")


def expect(sender, others):
    return sorted(str(port) for port in others if may_talk(sender, port))


@pytest.mark.parametrize("sender", CLASSES)
def test_who_reaches_whom(wires, sender):
    """Exactly once, whatever kind of frame it is."""
    expected = {}
    for receiver in CLASSES:
        number = wires.send(sender, mac(receiver), mac(sender))
        expected[number] = expect(sender, [receiver])
    for dst in (BROADCAST, MULTICAST):
        number = wires.send(sender, dst, mac(sender))
        expected[number] = expect(sender, (*CLASSES, OUTSIDE))
    expected[wires.send(sender, NOBODY, mac(sender))] = [OUTSIDE]
    expected[wires.send(sender, STRANGER, NOBODY)] = []
    expected[wires.send(sender, BROADCAST, NOBODY)] = []
    wires.wait_all(sender, BROADCAST, mac(sender))
    wires.wait_all(OUTSIDE, BROADCAST, OUTSIDER)
    assert {n: wires.receivers(n) for n in expected} == expected


def test_outside_reaches_all(wires):
    expected = {}
    for receiver in CLASSES:
        number = wires.send(OUTSIDE, mac(receiver), OUTSIDER)
        expected[number] = [str(receiver)]
    for dst in (BROADCAST, MULTICAST):
        number = wires.send(OUTSIDE, dst, OUTSIDER)
        expected[number] = expect(OUTSIDE, CLASSES)
    wires.wait_all(OUTSIDE, BROADCAST, OUTSIDER)
    assert {n: wires.receivers(n) for n in expected} == expected


def test_the_agent_says_the_same(bare_host, wires):
    """Its own proof finds nothing, of every pair."""
    agent = bare_host.daemons["vnicd"]
    assert agent.json("isolation/verify", "--all") == []


N_MANY = 1000


@pytest.fixture
def crowd(host):
    """A thousand vNICs in one VLAN, and an uplink, with the dummy datapath."""
    host.vsctl("add-port", "br0", UPLINK)
    words = []
    for number in range(1, N_MANY + 1):
        words += host.plug_args(f"tap{number}", vm_uuid(number),
                                vm_mac(number), [f"tag={VLAN}"])
    host.vsctl("--no-wait", *words[1:])
    for number in range(1, N_MANY + 1):
        host.start_domain(f"vm{number}", vm_uuid(number),
                          (vm_mac(number), f"tap{number}", access(VLAN)))
    agent = host.agent()
    until(lambda: agent.status()["vnics"]["ready"] == N_MANY,
          "all are ready", timeout=120)
    return host


def test_a_broadcast_reaches_a_thousand(crowd):
    """Each of them once, and outside; nothing comes back."""
    ofport = crowd.column("tap1", "ofport", table="interface")
    text = crowd.run("ovs-appctl", "ofproto/trace", "--names", "br0",
                     f"in_port={ofport},dl_src={vm_mac(1)},dl_dst={BROADCAST},"
                     "dl_type=0x0800,nw_src=10.0.0.1").stdout
    actions = re.search("Datapath actions: (.*)", text)[1]
    outputs = re.findall(r"\b(?:tap\d+|up0)\b", actions)
    assert sorted(outputs) == sorted(
        [UPLINK, *(f"tap{n}" for n in range(2, N_MANY + 1))])
