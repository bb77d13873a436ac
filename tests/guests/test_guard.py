# SPDX-License-Identifier: Apache-2.0
"""What a guest must not send does not leave its port; the rest does.

Real frames out of a real guest: vNIC 1 of oracle/frames.py, next to its victim
and an uplink.  Each frame is followed by a harmless one that both of them see:
so nothing is missed because a test looked too early.
"""

import itertools

import pytest

from hostbox import HostboxError, Nic, Vlan, Wire, until
from oracle.frames import (ATTACKS, BPDU, HARMLESS, IP4, IP6, MAC, VICTIM,
                           VICTIM4, VICTIM6, VICTIM_LINK_LOCAL, arp, ip4)
from policy import addresses, isolated, metadata
from scapy.layers.inet import UDP
from scapy.packet import Raw

TAG = 10
UPLINK, BEYOND = "up0", "up0-peer"
THIRD, LONER = "52:54:00:00:00:03", "52:54:00:00:00:04"
MINIMUM = 60                    # What QEMU makes of shorter frames.

_numbers = itertools.count(1)


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
    """The guest, and its victim, whose policies come with their domains.  The
    victim has an interface of whose addresses nobody told, too, and one that
    needs our flows whatever the level is."""
    access = Vlan.access(TAG)
    host.add_guest("guest", Nic(mac=MAC, vlan=access), wait=False,
                   extra=metadata(**{MAC: addresses(IP4, IP6)}))
    host.add_guest(
        "victim", Nic(mac=VICTIM, vlan=access), Nic(mac=THIRD, vlan=access),
        Nic(mac=LONER, vlan=Vlan.access(TAG + 20)), wait=False,
        extra=metadata(**{
            VICTIM: addresses(VICTIM4, VICTIM6, VICTIM_LINK_LOCAL),
            LONER: isolated()}))
    running = {name: host.guest(name) for name in ("guest", "victim")}
    for guest in running.values():
        guest.wait_ready()
        guest.check("ip link set eth0 up")
    return running


@pytest.fixture
def ready_agent(host, agent, guests):
    agent.wait_for(lambda: {"ready"} == {
        row["state"] for row in agent.vnics()}, "all are ready")
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
        tap = guests["victim"].taps()[0]
        self._wires = {"victim": Wire(box, tap, is_tap=True),
                       "uplink": Wire(box, BEYOND)}
        # Where its address is, whoever used it last.
        alive = bytes(arp(psrc=VICTIM4, hwsrc=VICTIM, src=VICTIM)).hex()
        guests["victim"].check(f"guest-frame send eth0 {alive}")

    def close(self):
        for wire in self._wires.values():
            wire.close()

    def wait_forwarding(self):
        """Waits until spanning tree lets frames out."""
        def is_forwarding():
            try:
                return self.reached_by() == set()
            except HostboxError:
                return False
        until(is_forwarding, "the uplink forwards", timeout=30)

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


# The address of another comes last, since the switch believes it where nobody
# enforces: what is for him goes elsewhere then.
LAST_THE_BELIEVED = sorted(ATTACKS, key="victims-mac".__eq__)


def test_without_an_agent_everything_gets_through(host, guests, neighbours):
    """The fault itself: nothing of what a guest sends is looked at."""
    names = LAST_THE_BELIEVED
    reached = neighbours.reached_by(
        *[bytes(ATTACKS[name][1]) for name in names])
    assert {names[index] for _, index in reached} == set(ATTACKS) - {"cdp"}


def test_nothing_that_is_forbidden_gets_through(neighbours, level):
    """Everything of it does with the other levels, but what no level lets
    through: it is the guard that drops it."""
    names = LAST_THE_BELIEVED
    reached = neighbours.reached_by(
        *[bytes(ATTACKS[name][1]) for name in names])
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


# Spanning tree.


@pytest.fixture
def spanning_tree(host):
    """The bridge runs STP, and is its root: there is nobody else.

    Afterwards Open vSwitch 3.1 does not flood to the uplink any more, with our
    flows or without: so these tests come last."""
    host.vsctl("set", "bridge", "br0", "other_config:stp-forward-delay=4",
               "other_config:stp-max-age=6", "other_config:stp-hello-time=1",
               "stp_enable=true")
    yield
    host.vsctl("set", "bridge", "br0", "stp_enable=false")


def is_root(host):
    return "This bridge is the root" in host.appctl("stp/show", "br0")


def send_bpdu(guests):
    """One that is better than those of the bridge."""
    guests["guest"].send_frame(bytes(BPDU).hex(), count=3, interval_ms=100)


def test_without_an_agent_a_guest_becomes_the_root(host, stopped_agent, guests,
                                                   spanning_tree):
    host.run([stopped_agent.path, "--cleanup"])
    until(lambda: is_root(host), "the bridge is the root", timeout=30)
    send_bpdu(guests)
    until(lambda: not is_root(host), "the guest is the root", timeout=10)


def test_no_guest_becomes_the_root(host, ready_agent, guests, neighbours,
                                   spanning_tree):
    """A bridge with spanning tree looks at a BPDU before any flow does."""
    set_guard(host, "enforce")
    until(lambda: is_root(host), "the bridge is the root", timeout=30)
    send_bpdu(guests)
    neighbours.wait_forwarding()
    assert is_root(host)
