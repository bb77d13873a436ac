# SPDX-License-Identifier: Apache-2.0
"""Not one frame of a guest passes before its flows are there.

A guest that spoofs from the moment it boots, a tap that does so from the moment
it exists, an interface that does so once it is plugged in; a neighbour and an
uplink that must not see any of it.
"""

import contextlib
import itertools
import os
import signal
import threading

import pytest

from hostbox import Nic, Vlan, Wire, open_tap, until

N_STARTS = int(os.environ.get("VNICD_STARTS", "10"))
TAG = 10
UPLINK, BEYOND = "up0", "up0-far"
BROADCAST, STRANGER = "f" * 12, "525400009999"
SPOOF, HONEST = b"spoofed-", b"honest--"

_numbers = itertools.count(1)


def frame(source, payload):
    """IPv4 in a broadcast, in hex."""
    header = "4500003000000000" "40fd0000" "c0000263" "c00002ff"
    return (BROADCAST + source.replace(":", "") + "0800" + header
            + (payload * 4).hex())


SPOOFED = frame(STRANGER, SPOOF)


def spoof(device):
    """A shell's loop that never ends; the device may be missing."""
    return (f"while :; do guest-frame send {device} {SPOOFED} 20 5 "
            "2>/dev/null || usleep 1000; done")


@pytest.fixture(scope="module")
def neighbour(box):
    """A guest that is there already, and hears everything."""
    box.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    box.run(["ip", "link", "add", UPLINK, "type", "veth", "peer", "name",
             BEYOND])
    for device in (UPLINK, BEYOND):
        box.run(["ip", "link", "set", device, "up"])
    box.vsctl("add-port", "br0", UPLINK)
    guest = box.add_guest("neighbour", Nic(vlan=Vlan.access(TAG)))
    guest.check("ip link set eth0 up")
    return guest


@pytest.fixture
def wires(box, agent, neighbour):
    agent.wait_state(neighbour)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Wire(box, neighbour.taps()[0],
                                        is_tap=True)),
               stack.enter_context(Wire(box, BEYOND))]


def check_unseen(wires, send_honest):
    """Nobody has seen anything but what was sent by 'send_honest', last of
    all."""
    marker = HONEST[:-2] + b"%02d" % (next(_numbers) % 100)
    send_honest(marker)
    for wire in wires:
        seen = wire.wait(marker, timeout=20)
        assert not [f for f in seen if SPOOF in f]


@pytest.fixture
def spoofer(box):
    """A guest that spoofs all its life; it starts in the test."""
    guest = box.guest("spoofer")
    guest.define([Nic(vlan=Vlan.access(TAG))],
                 do=f"ip link set eth0 up; {spoof('eth0')}")
    yield guest
    guest.remove()


@pytest.mark.parametrize("number", range(N_STARTS))
def test_a_start(agent, wires, spoofer, number):
    spoofer.start()
    agent.wait_state(spoofer)
    check_unseen(wires, lambda marker: spoofer.send_frame(
        frame(spoofer.macs()[0], marker)))


def test_without_an_agent_it_gets_through(box, wires, agent, spoofer):
    """The fault itself: that the guest spoofs is part of the test."""
    agent.stop()
    box.run([agent.path, "--cleanup"])
    spoofer.start()
    for wire in wires:
        wire.wait(SPOOF)
    spoofer.destroy()
    agent.start()


def test_hot_plug(box, agent, wires):
    """An interface that spoofs as soon as the guest sees it."""
    guest = box.add_guest("plugged", Nic(vlan=Vlan.access(TAG)))
    try:
        guest.check(f"({spoof('eth1')}) > /dev/null 2>&1 &")
        nic = Nic(mac="52:54:00:00:aa:01", vlan=Vlan.access(TAG))
        box.virsh("attach-device", guest.name,
                  box.put_file("second.xml", nic.xml()), "--live")
        agent.wait_state(guest, number=1)
        guest.check("until ip link set eth1 up; do usleep 10000; done")
        check_unseen(wires, lambda marker: guest.send_frame(
            frame(nic.mac, marker), "eth1"))
    finally:
        guest.remove()


@contextlib.contextmanager
def spoofing_tap(box, name):
    """A tap like those of guests, written to without a pause."""
    fd = open_tap(box, name)
    is_over = threading.Event()

    def write():
        while not is_over.wait(0.001):
            with contextlib.suppress(OSError):  # Not up yet.
                os.write(fd, bytes.fromhex(SPOOFED))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield fd
    finally:
        is_over.set()
        writer.join()
        os.close(fd)


def plug(box, name):
    """As libvirt does."""
    box.run(["ip", "link", "set", name, "up"])
    box.vsctl("--", "--may-exist", "add-port", "br0", name, f"tag={TAG}",
              *[word for key, value in (
                  ("attached-mac", "52:54:00:00:bb:01"),
                  ("iface-id", "00000000-bbbb-4000-8000-000000000001"),
                  ("vm-id", "00000000-bbbb-4000-8000-000000000002"),
                  ("iface-status", "active"))
                for word in ("--", "set", "Interface", name,
                             f'external-ids:{key}="{value}"')])


@pytest.mark.parametrize("agents_state", ("running", "stopped"))
def test_a_tap_of_nobody(box, agent, wires, neighbour, agents_state):
    """libvirt says nothing of it, perhaps not yet; with the agent stopped,
    nobody can.  Those who are there go on as before."""
    if agents_state == "stopped":
        box.process("vnicd").signal(signal.SIGSTOP)
    try:
        with spoofing_tap(box, "spoof0") as fd:
            plug(box, "spoof0")
            until(lambda: _n_received(box, "spoof0") > 100,
                  "the switch has seen it all", timeout=20)
            os.write(fd, bytes.fromhex(frame("52:54:00:00:bb:01", SPOOF)))
            for wire in wires[1:]:
                check_unseen([wire], lambda marker: neighbour.send_frame(
                    frame(neighbour.macs()[0], marker)))
            assert not [f for f in wires[0].frames() if SPOOF in f]
    finally:
        box.process("vnicd").signal(signal.SIGCONT)
        box.vsctl("del-port", "spoof0")


def _n_received(box, port):
    return int(box.vsctl("get", "interface", port,
                         "statistics:rx_packets").strip('"\n') or 0)
