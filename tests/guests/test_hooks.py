# SPDX-License-Identifier: Apache-2.0
"""A guest does not start before its ports are right: real libvirt hooks.

Guests are started without running ("paused"): what counts has happened when
QEMU is there.
"""

import os
import time

import pytest

import hooks
import switch
from agent import Agent
from hostbox import HostboxError, Nic, Vlan, until
from policy import URI

STALE_TAG = 42


@pytest.fixture(scope="module")
def box(make_box):
    """The file's own KVM host, where libvirt runs the hooks."""
    box = make_box(bridges=("br0", "br1"))
    hooks.install(box)
    return box


@pytest.fixture(autouse=True)
def settings(box):
    """Those of an operator who has not touched them."""
    hooks.configure(box)


@pytest.fixture
def define(box):
    """A function that defines guests, which end with the test."""
    guests = []

    def define(name, *nics, **kwargs):
        guests.append(box.guest(name))
        guests[-1].define(nics, **kwargs)
        return guests[-1]

    yield define
    left = box.guest_names()
    for guest in guests:
        if guest.name in left:
            guest.remove()


@pytest.fixture
def networks(box):
    """Three networks on two bridges, with port groups."""
    names = {"lan": "br0", "dmz": "br1", "wan": "br1"}
    for name, bridge in names.items():
        box.add_network(name, bridge, vlan=Vlan.access(100),
                        portgroups={"web": Vlan.access(20)})
    yield list(names)
    for name in names:
        box.remove_network(name)


@pytest.fixture
def watch(box):
    """What a port's tag was when the agent's hook was done and QEMU was not
    there: read by a hook that comes after it."""
    seen = box.outside("/run/hostbox/seen")
    path = hooks.add_script(
        box, "60-watch",
        '[ "$2" != start ] || { pgrep -f "guest=$1," > /dev/null && '
        'echo QEMU; ovs-vsctl --no-wait get port late0 tag; } '
        '>> /run/hostbox/seen')

    def read():
        with open(seen, encoding="ascii") as f:
            return f.read().split()

    yield read
    os.remove(path)


def refusal(guest):
    """What virsh says when 'guest' does not start."""
    with pytest.raises(HostboxError) as error:
        guest.start(paused=True)
    assert guest.state() == "shut off"
    return str(error.value)


# The gate.


def test_stale_row_is_right_before_qemu_starts(box, agent, define, watch):
    guest = define("web1", Nic(vlan=Vlan.access(10), target="late0"))
    switch.leave_row(box, "late0", f"tag={STALE_TAG}")
    guest.start(paused=True)
    assert watch() == ["10"]
    agent.wait_state(guest)
    assert [(row["port"], row["found"], row["restored"], row["cause"])
            for row in agent.drift()] == [
                ("late0", str(STALE_TAG), "10", "stale-row")]


def test_without_hooks_it_is_right_after_that(box, stopped_agent, define,
                                              watch):
    """The fault itself."""
    hooks.configure(box, fail="open", deadline_ms=10)
    guest = define("web1", Nic(vlan=Vlan.access(10), target="late0"))
    switch.leave_row(box, "late0", f"tag={STALE_TAG}")
    guest.start(paused=True)
    assert watch()[-1] == str(STALE_TAG)


def test_flows_are_there_before_qemu_starts(box, agent, define):
    """Those of the guest's port, counted by a hook that comes after ours."""
    box.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    seen = box.outside("/run/hostbox/flows")
    path = hooks.add_script(
        box, "60-flows",
        '[ "$2" != start ] || ovs-ofctl --names dump-flows br0 '
        '| grep -c "in_port=late0" > /run/hostbox/flows')
    try:
        define("web1", Nic(vlan=Vlan.access(10), target="late0")).start(
            paused=True)
        with open(seen, encoding="ascii") as f:
            assert int(f.read()) > 0
    finally:
        os.remove(path)
        box.vsctl("remove", "bridge", "br0", "external_ids", "vnicd-guard")


def test_eight_vnics_are_one_transaction(box, agent, define, networks):
    """And one bundle for each bridge: those have guests already."""
    for bridge in ("br0", "br1"):
        neighbour = define(f"at-{bridge}", Nic(bridge=bridge))
        neighbour.start(paused=True)
        agent.wait_state(neighbour)
    nics = [Nic(network=networks[n % 3], target=f"big{n}",
                portgroup="web" if n % 2 else None) for n in range(6)]
    nics += [Nic(bridge=bridge, vlan=Vlan.access(10), target=f"big-{bridge}")
             for bridge in ("br0", "br1")]
    guest = define("big", *nics)
    agent.wait_for(lambda: not agent.plan(), "nothing is to be done")
    transactions, bundles = agent.transactions(), agent.bundles()
    guest.start(paused=True)
    agent.wait_for(lambda: {row["state"] for row in agent.vnics()}
                   == {"ready"}, "all are ready")
    assert agent.transactions() == transactions + 1
    assert agent.bundles() == {bridge: n + 1 for bridge, n in bundles.items()}
    assert [switch.columns(box, port)["tag"] for port in guest.taps()] == [
        20 if n % 2 else 100 for n in range(6)] + [10, 10]


def test_edited_port_group_is_followed_at_once(box, agent, define, networks):
    guest = define("web1", Nic(network="lan", portgroup="web"))
    guest.start(paused=True)
    agent.wait_state(guest)
    port, = guest.taps()
    began = time.monotonic()
    box.virsh("net-update", "lan", "modify", "portgroup",
              "<portgroup name='web'><vlan><tag id='30'/></vlan>"
              "</portgroup>", "--live")
    agent.wait_for(lambda: switch.columns(box, port)["tag"] == 30,
                   "the port follows")
    assert time.monotonic() - began < 5     # Not the poll, every 10 s.


# Refusals.


def test_virsh_shows_what_is_wrong(box, agent, define, networks):
    guest = define("web1", Nic(network="lan", portgroup="db"))
    mac, = guest.macs()
    said = refusal(guest)
    assert (f"vnicd: domain web1, interface {mac}: network lan has no port "
            "group db") in said
    assert agent.status()["hooks"]["refused"] == 1
    agent.wait_gone(guest)
    assert switch.port_names(box) == []


def test_bridge_that_is_not_there(agent, define):
    guest = define("web1", Nic(bridge="br7"))
    assert "bridge br7 does not exist" in refusal(guest)
    agent.wait_gone(guest)


def test_metadata_whose_wrapper_was_forgotten(box, agent, define):
    """Whoever wrote that believes that the guest is isolated."""
    guest = define("web1", Nic(vlan=Vlan.access(10)))
    mac, = guest.macs()
    box.virsh("metadata", "web1", "--config", "--uri", URI, "--key", "vnicd",
              "--set", f"<vnic mac='{mac}'><isolation class='isolated'/>"
              "</vnic>")
    assert (f"vnicd: domain web1, interface {mac}: metadata: element <vnic> is "
            "in the place of <vnics>") in refusal(guest)
    agent.wait_gone(guest)


# Without the agent.


@pytest.mark.parametrize("nic", [
    Nic(vlan=Vlan.access(10)), Nic(network="lan", portgroup="web")],
    ids=["bridge", "network"])
def test_absent_agent_fails_closed(box, define, networks, nic):
    """It is libvirt who says at this point that a network is on Open
    vSwitch."""
    hooks.configure(box, deadline_ms=500)
    guest = define("web1", nic)
    said = refusal(guest)
    assert ("vnicd: the agent at /run/vnicd/hook.sock cannot be asked: "
            in said)
    assert "guest web1 may not start (fail = closed in" in said
    assert switch.port_names(box) == []
    assert "vnet" not in box.run(["ls", "/sys/class/net"])
    assert box.run(["sh", "-c", "pgrep -c qemu || :"]).strip() == "0"


def test_absent_agent_fails_open(box, define):
    hooks.configure(box, fail="open", deadline_ms=500)
    guest = define("web1", Nic(vlan=Vlan.access(10)))
    guest.start(paused=True)
    assert guest.state() == "paused"


def test_guest_elsewhere_needs_no_agent(box, define):
    hooks.configure(box, deadline_ms=60000)
    guest = define("web1", Nic(bridge=None))
    began = time.monotonic()
    guest.start(paused=True)
    assert time.monotonic() - began < 30


def test_restarts_of_the_agent_refuse_nobody(box, agent, define):
    hooks.configure(box, deadline_ms=20000)
    guests = [define(f"web{n}", Nic(vlan=Vlan.access(10)))
              for n in range(10)]
    starts = [box.spawn(f"start-{guest.name}",
                        ["virsh", "start", guest.name, "--paused"])
              for guest in guests]
    for _ in range(4):
        agent.kill()
        agent.start()
    assert [start.wait(timeout=120) for start in starts] == [0] * 10
    for guest in guests:
        agent.wait_state(guest)
    for guest in guests:
        assert switch.is_access(switch.columns(box, guest.taps()[0]), 10)


def test_flows_of_running_guests_are_not_waited_for(box, agent, define):
    """A new agent leaves them as they are until libvirt has told of all
    guests, which it does not while the hook of one waits."""
    neighbour = define("neighbour", Nic(vlan=Vlan.access(10)))
    neighbour.start(paused=True)
    agent.wait_state(neighbour)
    agent.stop()

    guest = define("web1", Nic(vlan=Vlan.access(10)))
    start = box.spawn("start-web1", ["virsh", "start", "web1", "--paused"])
    until(lambda: len(switch.port_names(box)) == 2,
          "its hook waits", timeout=10)
    agent.start()
    assert start.wait(timeout=30) == 0, agent.log()
    agent.wait_state(guest)
    agent.wait_state(neighbour)


# libvirt hangs, and boots.


def test_libvirt_that_hangs_in_a_hook_delays_no_operator(box, agent, define):
    """It holds the lock of a domain: whoever lists them waits, also the pool
    thread of the agent."""
    guest = define("web1", Nic(vlan=Vlan.access(10)))
    box.run(["mkfifo", "/run/hostbox/gate"])
    path = hooks.add_script(
        box, "60-block",
        '[ "$2" != start ] || { echo in > /run/hostbox/inside; '
        'cat /run/hostbox/gate; } > /dev/null')
    start = box.spawn("start-web1", ["virsh", "start", "web1", "--paused"])
    inside = box.outside("/run/hostbox/inside")
    until(lambda: os.path.exists(inside), "the hook runs", timeout=30)
    libvirtd = box.daemon("libvirtd")
    libvirtd.stop_signal()
    try:
        for command in ("status", "vnic/list", "plan", "drift/list") * 5:
            began = time.monotonic()
            agent.call(command)
            assert time.monotonic() - began < 1
        row = agent.vnic(guest)
        assert row["tag"] == 10
        box.vsctl("--no-wait", "set", "port", row["port"], "tag=20")
        agent.wait_repaired(row["port"],
                            lambda found: switch.is_access(found, 10))
    finally:
        libvirtd.cont()
        os.remove(path)
        box.run(["sh", "-c", "echo > /run/hostbox/gate"])
    assert start.wait(timeout=60) == 0
    agent.wait_state(guest)


def test_autostart_at_boot(box, stopped_agent, define, networks):
    """Five guests that the host starts by itself.  A power cut has left their
    own rows, and others with the names that their taps will have."""
    agent = stopped_agent
    for name in networks:
        box.virsh("net-autostart", name)
    agent.start()
    agent.wait_connected()
    guests = [define(f"auto{n}", Nic(network="lan", portgroup="web"))
              for n in range(5)]
    for guest in guests:
        guest.start(paused=True)
        box.virsh("autostart", guest.name)
    taps = [guest.taps()[0] for guest in guests]
    for guest in guests:
        agent.wait_state(guest)
    agent.expect(r"libvirt|connection|receive error|send error")
    box.lose_power(box.process("vnicd"))
    for daemon in ("ovsdb-server", "ovs-vswitchd"):
        box.daemon(daemon).start()
    taps += [f"vnet{n}" for n in range(5)]  # libvirt's numbers begin anew.
    switch.leave_rows(box, taps[5:], f"tag={STALE_TAG}")
    until(lambda: all("No such device" in box.vsctl(
        "--no-wait", "get", "interface", tap, "error") for tap in taps),
        "the switch has noticed", timeout=30)
    agent.start()
    box.daemon("libvirtd").start()
    for guest in guests:
        until(lambda: guest.state() == "running",  # noqa: B023
              f"{guest.name} runs", timeout=60)
        agent.wait_state(guest)
    assert {switch.columns(box, guest.taps()[0])["tag"]
            for guest in guests} == {20}
    assert sorted(tap for guest in guests for tap in guest.taps()) == (
        taps[5:])
    assert switch.port_names(box) == taps[5:]
    assert {entry["cause"] for entry in agent.drift()} == {"orphan"}
    assert agent.status()["hooks"]["refused"] == 0
    for name in networks:
        box.virsh("net-autostart", name, "--disable")


# Another host.


def test_migration(box, agent, define, networks, make_box):
    """The destination refuses what it knows to be wrong there, or cannot know
    when the guest is to start, and the guest stays; otherwise it is in the VLAN
    of the destination's port group."""
    there = make_box()
    hooks.install(there)
    box.join(there)
    agent_there = Agent(there)
    agent_there.start()
    there.add_network("lan", portgroups={"db": Vlan.access(30)})
    agent_there.wait_connected()
    moving = define("moving", Nic(network="lan", portgroup="web"))
    moving.start()

    with pytest.raises(HostboxError, match="network lan has no port group "
                                           "web"):
        box.migrate("moving", there)
    assert moving.state() == "running"
    assert agent_there.status()["hooks"]["refused"] == 1

    there.remove_network("lan")
    there.add_network("lan", portgroups={"web": Vlan.access(30)})
    agent_there.stop()
    with pytest.raises(HostboxError, match="guest moving may not start"):
        box.migrate("moving", there)
    assert moving.state() == "running"

    agent_there.start()
    moved = box.migrate("moving", there)
    assert agent_there.wait_state(moved)["tag"] == 30
    assert switch.is_access(switch.columns(there, moved.taps()[0]), 30)
    agent.wait_gone(moving)
    assert agent.drift() == agent_there.drift() == []
    agent_there.check_settled()
    agent_there.stop()
    agent_there.check_log()
