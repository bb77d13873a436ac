# SPDX-License-Identifier: Apache-2.0
"""What a guest must not send does not leave its port; the rest does.

Real frames out of a real guest: vNIC 1 of oracle/frames.py, next to its victim
and an uplink.  Each frame is followed by a harmless one that both of them see:
so nothing is missed because a test looked too early.
"""

import itertools

import pytest

import switch
from hostbox import Nic, Vlan, Wire
from oracle.frames import (ATTACKS, BPDU, HARMLESS, IP4, IP6, MAC, VICTIM,
                           VICTIM4, VICTIM6, VICTIM_LINK_LOCAL, ip4)
from scapy.layers.inet import UDP
from scapy.packet import Raw

URI = "urn:vnicd:domain:1"
TAG = 10
UPLINK, BEYOND = "up0", "up0-peer"
MINIMUM = 60                    # What QEMU makes of shorter frames.

_numbers = itertools.count(1)


def metadata(mac, *addresses, level=""):
    content = "".join(f"<v:address ip='{ip}'/>" for ip in addresses)
    guard = f"<v:guard level='{level}'/>" if level else ""
    return (f"<metadata><v:vnics xmlns:v='{URI}'><v:vnic mac='{mac}'>"
            f"{content}{guard}</v:vnic></v:vnics></metadata>")


@pytest.fixture(scope="module")
def host(box):
    """The box with an uplink, of which the other end is ours alone."""
    box.run(["ip", "link", "add", UPLINK, "type", "veth", "peer", "name",
             BEYOND])
    for device in (UPLINK, BEYOND):
        box.run(["sysctl", "-q", f"net.ipv6.conf.{device}.disable_ipv6=1"])
        box.run(["ip", "link", "set", device, "up"])
    box.vsctl("add-port", "br0", UPLINK)
    return box


@pytest.fixture(scope="module")
def guests(host):
    """The guest, and its victim, whose policies come with their domains."""
    policies = {"guest": metadata(MAC, IP4, IP6),
                "victim": metadata(VICTIM, VICTIM4, VICTIM6,
                                   VICTIM_LINK_LOCAL)}
    running = {name: host.add_guest(
        name, Nic(mac=mac, vlan=Vlan.access(TAG)), wait=False, extra=policy)
        for (name, policy), mac in zip(policies.items(), (MAC, VICTIM))}
    for guest in running.values():
        guest.wait_ready()
        guest.check("ip link set eth0 up")
    return running


@pytest.fixture
def ready_agent(host, agent, guests):
    for guest in guests.values():
        agent.wait_state(guest)
    return agent


def set_guard(box, level):
    box.vsctl("--no-wait", "set", "bridge", "br0",
              f"external_ids:vnicd-guard={level}")


@pytest.fixture(params=("enforce", "monitor", "off"))
def level(host, ready_agent, guests, request):
    """The guard's level, once it is in force."""
    set_guard(host, request.param)
    ready_agent.wait_for(lambda: all(
        row["guard"] == request.param and row["state"] == "ready"
        for row in ready_agent.vnics()), "the level is in force")
    ready_agent.call("reconcile")
    return request.param


class Neighbours:
    """All who may see what the guest sends: its victim and the uplink."""

    def __init__(self, box, guests):
        self.guest = guests["guest"]
        tap, = guests["victim"].taps()
        self._wires = {"victim": Wire(box, tap, is_tap=True),
                       "uplink": Wire(box, BEYOND)}

    def close(self):
        for wire in self._wires.values():
            wire.close()

    def reached_by(self, *frames):
        """Has the guest send 'frames' (bytes), one after the other, and then
        a harmless one; returns who gets which, as a set of (who, index)."""
        marker = b"all-sent-%08d" % next(_numbers)
        control = bytes(ip4(UDP(dport=53) / Raw(marker * 3), dst="10.0.0.255",
                            to="ff:ff:ff:ff:ff:ff"))
        lines = [f"guest-frame send eth0 {frame.hex()}"
                 for frame in (*frames, control)]
        self.guest.check("; ".join(lines))
        return {(who, index) for who, wire in self._wires.items()
                for seen in wire.wait(marker)
                for index, frame in enumerate(frames)
                if _content(seen) == _content(frame)}


def _content(frame):
    """'frame' without tags that say nothing here, and as long as it must
    be."""
    while frame[12:14] == b"\x81\x00" and frame[15] in (0, TAG):
        frame = frame[:12] + frame[16:]
    return frame.ljust(MINIMUM, b"\0")


@pytest.fixture
def neighbours(host, guests):
    neighbours = Neighbours(host, guests)
    yield neighbours
    neighbours.close()


def test_without_an_agent_everything_gets_through(host, guests, neighbours):
    """The fault itself: nothing of what a guest sends is looked at."""
    names = sorted(ATTACKS, key="victims-mac".__eq__)   # It comes last: the
    reached = neighbours.reached_by(        # switch believes it.
        *[bytes(ATTACKS[name][1]) for name in names])
    passed = {names[index] for _, index in reached}
    print(sorted(set(ATTACKS) - passed))
    assert passed >= set(ATTACKS) - NEVER


def test_nothing_that_is_forbidden_gets_through(neighbours, level):
    """Everything of it does with the other levels, but what no level lets
    through: it is the guard that drops it."""
    names = list(ATTACKS)
    reached = neighbours.reached_by(
        *[bytes(frame) for _, frame in ATTACKS.values()])
    passed = {names[index] for _, index in reached}
    if level == "enforce":
        assert not passed
    else:
        assert passed >= set(ATTACKS) - NEVER


# For switches alone; with a tag that the port may not use; from the address of
# somebody whom the switch knows to be elsewhere.
NEVER = {"cdp", "priority-tag-and-vlan", "victims-mac", "multicast-mac"}


def test_everything_that_is_harmless_gets_through(neighbours, level):
    names = list(HARMLESS)
    reached = neighbours.reached_by(
        *[bytes(frame) for frame in HARMLESS.values()])
    assert {names[index] for _, index in reached} == set(HARMLESS)


def test_a_bpdu_does_not_reach_the_switch(host, ready_agent, guests,
                                          neighbours):
    """A bridge with spanning tree looks at it before any flow does."""
    set_guard(host, "enforce")
    host.vsctl("set", "bridge", "br0", "stp_enable=true")
    try:
        ready_agent.call("reconcile")
        better = bytes(BPDU)
        assert not neighbours.reached_by(better)
        tap, = guests["guest"].taps()
        assert "stp_state" not in host.vsctl("get", "port", tap, "status")
    finally:
        host.vsctl("set", "bridge", "br0", "stp_enable=false")


def test_who_sends_too_much_is_counted(ready_agent, neighbours, level):
    """By rule, whatever becomes of it; with "off" nobody looks."""
    rule, frame = ATTACKS["arp-reply-for-victim"]
    neighbours.reached_by(bytes(frame))
    port, = [row["port"] for row in ready_agent.vnics() if row["mac"] == MAC]

    def is_counted():
        return any(row["rule"] == rule and row["packets"]
                   for row in ready_agent.call("why", port))
    if level == "off":
        assert not is_counted()
    else:
        ready_agent.wait_for(is_counted, f"{rule} is counted")


def test_the_switch_still_has_no_more_than_two_ports_of_ours(host):
    assert len(switch.port_names(host)) == 5
