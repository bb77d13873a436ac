# SPDX-License-Identifier: Apache-2.0
"""A bridge that somebody else built goes on as before, with our flows on it.

Two real guests with an enforcing guard; next to them, one after the other,
whatever operators have on their bridges.  The fault would be silence, or a
frame that comes twice.
"""

import contextlib
import itertools

import pytest

import switch
from hostbox import Nic, Vlan, Wire, until

TAG = 10
GUESTS = {"one": "192.0.2.1", "two": "192.0.2.2"}
HOST, OUTSIDER = "192.0.2.100", "52:54:00:00:77:77"
ETHERTYPE = "0800"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def guests(box, boot):
    box.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    return boot({name: Nic(vlan=Vlan.access(TAG)) for name in GUESTS})


@pytest.fixture(autouse=True)
def ready(agent, guests):
    for guest in guests.values():
        agent.wait_state(guest)


# Cables, containers, and what is said over them.


@contextlib.contextmanager
def cable(box, device, plug=True, options=()):
    """A veth pair; 'device' is a port of br0, its peer is what is outside."""
    peer = f"{device}-far"
    box.run(["ip", "link", "add", device, "type", "veth", "peer", "name",
             peer])
    for end in (device, peer):
        box.run(["sysctl", "-q", f"net.ipv6.conf.{end}.disable_ipv6=1"])
        box.run(["ethtool", "-K", end, "tx", "off"])
        box.run(["ip", "link", "set", end, "up"])
    if plug:
        box.vsctl("add-port", "br0", device, *options)
    try:
        yield peer
    finally:
        box.vsctl("--if-exists", "del-port", device)
        box.run(["ip", "link", "del", device])


@pytest.fixture
def uplink(box):
    """The far end of a plain uplink."""
    with cable(box, "up0") as peer:
        yield peer


@pytest.fixture
def wires(box, guests):
    """A function that opens wires: the guests' taps, and devices."""
    with contextlib.ExitStack() as stack:
        def open_wires(*devices):
            found = {name: stack.enter_context(
                Wire(box, guest.taps()[0], is_tap=True))
                for name, guest in guests.items()}
            found.update({device: stack.enter_context(Wire(box, device))
                          for device in devices})
            return found
        yield open_wires


def frame(payload, source, tag=None):
    """A broadcast of IPv4, in hex, that no table knows by its addresses."""
    tag = f"8100{tag:04x}" if tag else ""
    header = "4500003000000000" "40fd0000" "c0000201" "c00002ff"
    return ("f" * 12 + source.replace(":", "") + tag + ETHERTYPE + header
            + payload)


def next_payload():
    return f"b0a7{next(_numbers):08x}" * 5


def count(wires, payload):
    """How often each has got 'payload' by now, those that have."""
    counts = {}
    for name, wire in wires.items():
        n = sum(bytes.fromhex(payload) in seen for seen in wire.frames())
        if n:
            counts[name] = n
    return counts


def flush(wires, sender):
    """Waits until all that was sent before is where it goes."""


def from_guest(guests, wires):
    """Who gets a broadcast of guest "one", as often as it comes."""
    payload, last = next_payload(), next_payload()
    one = guests["one"]
    source = one.macs()[0]
    seen = {name: [] for name in wires}
    one.check("; ".join(f"guest-frame send eth0 {frame(p, source)}"
                        for p in (payload, last)))

    def has_last():
        for name, wire in wires.items():
            seen[name].extend(wire.frames())
        return any(bytes.fromhex(last) in f for f in seen["two"])
    until(has_last, "the last frame arrives", timeout=10)
    return {name: n for name, frames in seen.items()
            if (n := sum(bytes.fromhex(payload) in f for f in frames))}
