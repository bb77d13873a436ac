# SPDX-License-Identifier: Apache-2.0
"""Rows that guests leave behind go; those of guests that live stay.

Rows are left in every way that is known, and wait together for their time to
come; next to them, for as long, is everything that only looks dead.
"""

import datetime
import re
import time

import pytest

import switch
from hostbox import HostboxError, Nic, Vlan, until

LIMIT = "<bandwidth><inbound average='1000' peak='2000'/></bandwidth>"

# Seconds: after that a row goes, and so much later at the latest.
AGE, SLACK = 30, 10

COMPLAINTS = r"\|(virt_conn|ovsdb_conn|reconnect|jsonrpc)\|WARN\||vswitchd"


@pytest.fixture(autouse=True)
def clean_switch(box):
    """No test inherits another's rows."""
    yield
    for port in all_ports(box):
        if not port.startswith("up-"):
            box.vsctl("--if-exists", "del-port", port)
    for table in ("qos", "queue"):
        box.vsctl("--all", "destroy", table)


@pytest.fixture
def start_guest(box):
    """A function that starts a guest, of which only the port matters.  All
    are removed with the test."""
    guests = []

    def start(name, target, tag=10, bridge="br0", nic_extra="", **kwargs):
        guest = box.guest(name)
        guest.define([Nic(vlan=Vlan.access(tag), bridge=bridge,
                          target=target, extra=nic_extra)], **kwargs)
        guests.append(guest)
        guest.start(wait=False)
        return guest
    yield start
    for guest in guests:
        guest.remove()


@pytest.fixture
def make_tap(box):
    """A function that makes a tap of somebody else's guest, and its port with
    all that libvirt writes.  Returns a function that closes the tap."""
    taps = set()

    def close(name):
        taps.discard(name)
        box.run(["ip", "link", "del", name])

    def make(name):
        box.run(["ip", "tuntap", "add", name, "mode", "tap"])
        taps.add(name)
        switch.leave_row(box, name, "tag=42")
        return lambda: close(name)
    yield make
    for name in list(taps):
        close(name)


def all_ports(box):
    return {port for bridge in box.vsctl("list-br").split()
            for port in switch.port_names(box, bridge)}


def orphan_ports(agent):
    return {row["port"] for row in agent.orphans() if row["table"] == "Port"}


def wait_noticed(box, port):
    """Waits until the switch knows that there is no such network device.

    With its userspace datapath it leaves the port of one that goes open."""
    until(lambda: switch.ofport(box, port) == -1
          or box.vsctl("get", "interface", port, "ifindex").strip() == "0",
          f"{port} is looked at", timeout=10)


def wait_listed(agent, *ports):
    agent.wait_for(lambda: set(ports) <= orphan_ports(agent),
                   f"all of {sorted(ports)} are listed as orphans")


# The host loses its power.


def test_without_an_agent_the_rows_of_a_crash_stay(box, start_guest):
    """And the next guest whose tap gets the name is in a VLAN that is not its
    own: libvirt's numbers begin anew."""
    start_guest("dead", None, tag=42)
    box.lose_power()
    box.regain_power()
    wait_noticed(box, "vnet0")

    newcomer = start_guest("newcomer", None, tag=10)
    assert newcomer.taps() == ["vnet0"]
    assert switch.columns(box, "vnet0") == switch.vlan(None, 42)


# All orphans, and all that are none.


def crash(box, agent, start_guest):
    """The host's power fails while guests run, one of them on a bridge whose
    orphans are left to operators; the agent, too, comes back."""
    box.add_bridge("br1")
    box.vsctl("set", "bridge", "br1", "external_ids:vnicd-orphans=report")
    start_guest("dead", "dead0", tag=42, nic_extra=LIMIT)
    start_guest("reported", "dead1", bridge="br1")
    agent.wait_for(lambda: {"dead0", "dead1"} <= {
        row["port"] for row in agent.vnics()}, "the vNICs are listed")
    box.lose_power(box.process("vnicd"))
    box.regain_power()
    agent.start()
    agent.wait_connected()


def end_without_database(box, agent, start_guest):
    agent.wait_state(start_guest("unlucky", "nodb0"))
    database = box.daemon("ovsdb-server")
    database.kill()
    box.guest("unlucky").destroy()
    database.start()
    agent.wait_connected()


def start_without_switch(box, start_guest):
    """libvirt gives up on its own ovs-vsctl, which has done its part.
    Returns the name that it chose for the port, and has forgotten."""
    vswitchd = box.daemon("ovs-vswitchd")
    vswitchd.stop_signal()
    try:
        with pytest.raises(HostboxError, match="Unable to add port") as error:
            start_guest("unlucky2", None)
    finally:
        vswitchd.cont()
    return re.search(r"Unable to add port (\S+)", str(error.value))[1]


def start_paused(box, start_guest):
    start_guest("paused", "paused0")
    box.virsh("suspend", "paused")


def start_preserved(box, start_guest):
    """Its kernel panics, as far as QEMU is told."""
    guest = start_guest("panicked", "panic0",
                        extra="<on_crash>preserve</on_crash>",
                        extra_devices="<panic model='isa'/>")
    box.virsh("qemu-monitor-command", "panicked", "--hmp", "o /b 0x505 1")
    until(lambda: guest.state() == "crashed", "the guest has crashed",
          timeout=10)


@pytest.fixture
def migration(box, make_box):
    """A guest on its way from another host to this one; so slowly that it
    does not arrive before it is told to."""
    there = make_box()
    there.join(box)
    there.add_guest("moving", Nic(vlan=Vlan.access(10), target="moving0"))
    migration = Migration(box, there)
    yield migration
    migration.end().remove()


class Migration:
    def __init__(self, box, there):
        self._box, self._there = box, there
        self._process = None

    def start(self):
        self._process = self._there.start_migration("moving", self._box,
                                                    mib_per_second=1)
        until(lambda: "moving0" in switch.port_names(self._box),
              "the guest is expected", timeout=20)

    def is_running(self):
        return self._process.is_running()

    def end(self):
        """Lets the guest arrive; returns it."""
        if self.is_running():
            self._there.virsh("migrate-setspeed", "moving", "1000")
        assert self._process.wait() == 0
        return self._box.guest("moving")


def seen_at(row):
    return datetime.datetime.fromisoformat(row["seen"]).timestamp()


def due_after(row):
    """Seconds from when it was seen."""
    return datetime.datetime.fromisoformat(row["due"]).timestamp() - seen_at(
        row)


def wait_collected(box, ports):
    """Waits until 'ports' are gone; returns when each of them was, seconds
    since the epoch."""
    gone = {}

    def all_are_gone():
        for port in ports - set(gone) - all_ports(box):
            gone[port] = time.time()
        return len(gone) == len(ports)
    until(all_are_gone, f"{ports} go by themselves", timeout=AGE + 3 * SLACK,
          interval=0.5)
    return gone


def check_listed(agent, orphans, reported):
    """Returns what is said of each, by port."""
    wait_listed(agent, *orphans, *reported)
    listed = {row["port"]: row for row in agent.orphans()}
    assert set(listed) == orphans | reported
    assert {round(due_after(listed[port])) for port in orphans} == {AGE}
    assert {listed[port]["due"] for port in reported} == {None}
    return listed


def check_left_to_operators(box, agent):
    """What is on a bridge that says so, and, as it is not due yet, what was
    closed a moment ago, and the limits of a port, which become orphans when
    that has gone."""
    left = {"dead1", "open0"}
    limits = {"qos": ["dead0"], "queue": ["dead0"]}
    for words, status in ((["orphans"], 1), (["collect", "--dry-run"], 0)):
        said = agent.ctl(*words, status=status)
        assert re.search(r"^Port +dead1 +br1 .* - +domain reported is not "
                         r"running$", said, re.MULTILINE), said
    assert left < all_ports(box) and switch.limit_rows(box) == limits

    said = agent.ctl("collect")
    assert re.search(r"^collect +orphan .* Port dead1 +on br1, VLAN 10 "
                     r"+removed$", said, re.MULTILINE), said
    assert not left & all_ports(box)
    assert switch.limit_rows(box) == {"qos": [], "queue": []}
    assert agent.orphans() == agent.plan() == []


def test_orphans_go_and_the_living_stay(box, agent, start_guest, make_tap,
                                        migration):
    agent.expect(COMPLAINTS)
    end_without_database(box, agent, start_guest)
    unswitched = start_without_switch(box, start_guest)
    make_tap("closed0")()
    crash(box, agent, start_guest)
    orphans = {"dead0", "nodb0", "closed0", unswitched}

    close_late = make_tap("open0")
    start_paused(box, start_guest)
    start_preserved(box, start_guest)
    migration.start()
    living = {"open0", "paused0", "panic0", "moving0"}

    listed = check_listed(agent, orphans, {"dead1"})
    gone = wait_collected(box, orphans)
    for port, gone_at in gone.items():
        assert AGE <= gone_at - seen_at(listed[port]) < AGE + SLACK, port
    assert {entry["cause"] for entry in agent.drift()} == {"orphan"}
    assert migration.is_running(), "the guest came too soon"
    assert all_ports(box) >= living | {"dead1"}
    moved = migration.end()
    assert agent.wait_state(moved)["port"] == "moving0"

    close_late()
    wait_listed(agent, "open0")
    check_left_to_operators(box, agent)
    assert {"paused0", "panic0", "moving0"} < all_ports(box)


def test_nothing_goes_while_libvirt_is_silent(box, agent, start_guest):
    """Neither the port of a guest whose end libvirt did not notice yet, nor
    one that is an orphan for sure, nor at an operator's command."""
    agent.expect(COMPLAINTS)
    guest = start_guest("killed", "killed0")
    agent.wait_state(guest)
    switch.leave_row(box, "left0", "tag=42")
    wait_listed(agent, "left0")
    libvirtd = box.daemon("libvirtd")
    libvirtd.stop_signal()
    try:
        box.run(["kill", "-9", str(guest.pid())])
        wait_noticed(box, "killed0")
        assert "libvirt has not told" in agent.ctl("collect", status=2)
        assert {"killed0", "left0"} < all_ports(box)
        assert orphan_ports(agent) == {"left0"}
    finally:
        libvirtd.cont()
    until(lambda: "killed0" not in all_ports(box), "libvirt has noticed",
          timeout=10)
    agent.call("orphan/collect")
    assert "left0" not in all_ports(box)
    entry, = agent.drift()
    assert (entry["port"], entry["cause"]) == ("left0", "orphan")


# Limits that libvirt forgets.


@pytest.fixture
def limited(start_guest):
    """A guest with a limit, in its second start under the same name."""
    guest = start_guest("limited", "limit0", nic_extra=LIMIT)
    guest.destroy()
    guest.start(wait=False)
    return guest


def linked_qos(box, port):
    return switch.plug(box, port)["qos"]


def test_without_an_agent_the_second_start_has_no_limit(box, limited):
    """The fault itself: libvirt finds its own rows and does not link them."""
    assert limited.taps() == ["limit0"]
    assert switch.limit_rows(box) == {"qos": ["limit0"], "queue": ["limit0"]}
    assert linked_qos(box, "limit0") is None


def test_the_second_start_has_its_limit(box, agent, limited):
    agent.wait_state(limited)
    entry, = agent.drift()
    assert (entry["port"], entry["column"], entry["cause"]) == (
        "limit0", "qos", "qos-unlinked")
    assert entry["restored"] == linked_qos(box, "limit0")
    assert switch.limit_rows(box) == {"qos": ["limit0"], "queue": ["limit0"]}

    limited.destroy()
    agent.wait_for(lambda: len(agent.orphans()) == 2, "the rows are left")
    assert {(row["table"], row["port"]) for row in agent.orphans()} == {
        ("QoS", "limit0"), ("Queue", "limit0")}
    agent.call("orphan/collect")
    assert switch.limit_rows(box) == {"qos": [], "queue": []}


def test_a_limit_may_be_changed_and_taken_away(box, agent, start_guest):
    """libvirt unlinks what it is about to remove: not to be put right."""
    guest = start_guest("tuned", "tuned0", nic_extra=LIMIT)
    agent.wait_state(guest)
    n_transactions = agent.transactions()
    qos = linked_qos(box, "tuned0")
    box.virsh("domiftune", "tuned", "tuned0", "--inbound", "500,700",
              "--live")
    assert linked_qos(box, "tuned0") == qos
    box.virsh("domiftune", "tuned", "tuned0", "--inbound", "0", "--live")
    agent.call("reconcile")
    assert linked_qos(box, "tuned0") is None
    assert switch.limit_rows(box) == {"qos": [], "queue": []}
    assert agent.transactions() == n_transactions
    assert agent.drift() == agent.plan() == []
