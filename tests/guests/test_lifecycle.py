# SPDX-License-Identifier: Apache-2.0
"""Guests come and go, and so does the agent: every way of both."""

import signal

import pytest

import switch
from agent import Agent
from hostbox import Nic, Vlan, make_mac, until

VLAN = switch.vlan(None, 10)


def check_ready(agent, guest):
    """Its vNIC is ready, and its port is what its XML says."""
    row = agent.wait_state(guest)
    assert switch.columns(agent.box, row["port"]) == VLAN
    return row


# Guests.


def test_start_and_destroy(agent, brief):
    brief.start(wait=False)
    check_ready(agent, brief)
    brief.destroy()
    agent.wait_gone(brief)
    brief.start(wait=False)
    check_ready(agent, brief)
    assert agent.drift() == []


def test_one_start_is_one_transaction(agent, guest, brief):
    """libvirt writes the row, we add our mark: nothing else, since there is a
    patch pair already."""
    check_ready(agent, guest)
    n_transactions = agent.transactions()
    brief.start(wait=False)
    check_ready(agent, brief)
    assert agent.transactions() == n_transactions + 1


def test_pause_and_resume(box, agent, guest):
    row = check_ready(agent, guest)
    n_transactions = agent.transactions()
    for verb in ("suspend", "resume"):
        box.virsh(verb, guest.name)
        agent.call("reconcile")
        assert agent.vnic(guest) == row
    assert agent.transactions() == n_transactions


def test_reset(box, agent, brief):
    brief.start(wait=False)
    row = check_ready(agent, brief)
    n_transactions = agent.transactions()
    box.virsh("reset", brief.name)
    agent.call("reconcile")
    assert agent.vnic(brief) == row
    assert agent.transactions() == n_transactions


@pytest.mark.parametrize("save, restore", [
    (("save", "brief", "/run/hostbox/brief.saved"),
     ("restore", "/run/hostbox/brief.saved")),
    (("managedsave", "brief"), ("start", "brief")),
], ids=["save", "managedsave"])
def test_save_and_restore(box, agent, brief, save, restore):
    brief.start()
    check_ready(agent, brief)
    box.virsh(*save, timeout=60)
    agent.wait_gone(brief)
    box.virsh(*restore, timeout=60)
    check_ready(agent, brief)
    assert agent.drift() == []


def test_power_off_from_inside(box, agent, brief):
    brief.start()
    check_ready(agent, brief)
    brief.check("(sleep 1; poweroff -f) &")
    agent.wait_gone(brief)
    until(lambda: brief.state() == "shut off", "libvirt noticed, too",
          timeout=10)


def test_a_crash_of_qemu(box, agent, brief):
    brief.start(wait=False)
    row = check_ready(agent, brief)
    box.run(["kill", "-9", str(brief.pid())])
    agent.wait_gone(brief)
    until(lambda: row["port"] not in switch.port_names(box),
          "libvirt takes the port away", timeout=10)
    brief.start(wait=False)
    check_ready(agent, brief)


def test_plug_and_unplug(box, agent, guest):
    """A second NIC, on another VLAN, while the guest runs.  libvirt tells
    nobody before the port is there."""
    check_ready(agent, guest)
    nic = Nic(vlan=Vlan.access(20), mac=make_mac("plugged"))
    path = box.put_file("plugged.xml", nic.xml())
    box.virsh("attach-device", guest.name, path, "--live")
    row = agent.wait_ready_mac(nic.mac)
    assert (row["domain"], row["tag"]) == (guest.name, 20)
    assert switch.columns(box, row["port"]) == switch.vlan(None, 20)
    assert agent.vnic_by_mac(guest.macs()[0])["state"] == "ready"

    box.virsh("detach-device", guest.name, path, "--live")
    agent.wait_for(lambda: not agent.vnic_by_mac(nic.mac),
                   "the NIC is gone from the list")
    assert agent.drift() == []


def test_many_guests_at_once(box, agent):
    """Started in one go, each ends with its own VLAN."""
    names = [f"many{number}" for number in range(8)]
    for tag, name in enumerate(names, 100):
        box.guest(name).define([Nic(vlan=Vlan.access(tag))])
    try:
        starts = " & ".join(f"virsh -q start {name} --paused"
                            for name in names)
        box.run(["sh", "-c", f"{starts} & wait"], timeout=60)
        for tag, name in enumerate(names, 100):
            row = agent.wait_state(box.guest(name), tag=tag)
            assert switch.columns(box, row["port"])["tag"] == tag
    finally:
        for name in names:
            box.guest(name).remove()
    assert agent.drift() == []


# Ports that outlive the agent's watch.


def test_a_guest_started_while_we_were_away(agent, brief):
    agent.stop()
    brief.start(wait=False)
    agent.start()
    check_ready(agent, brief)
    assert agent.drift() == []


def test_a_row_with_our_mark_for_another_guest(box, agent, brief):
    """Even at first contact: what we marked for another VM was not meant
    for this one."""
    agent.stop()
    brief.start(wait=False)
    tap = brief.taps()[0]
    box.vsctl("--no-wait", "set", "port", tap, "tag=42", "--", "set",
              "interface", tap, "external_ids:vnicd-ready=1700000000000",
              'external_ids:vnicd-vm-id='
              '"00000000-dead-4000-8000-000000000002"')
    agent.start()
    check_ready(agent, brief)
    assert {entry["cause"] for entry in agent.drift()} == {"stale-row"}
    assert switch.external_ids(box, tap)["vnicd-vm-id"] == brief.uuid()


def test_drift_while_we_were_away(box, agent, guest):
    """Our mark says that we have looked after this vNIC before: what
    happened to it since is drift, not somebody's intent."""
    row = check_ready(agent, guest)
    agent.stop()
    switch.set_port(box, row["port"], "tag=20")
    agent.start()
    agent.wait_repaired(row["port"], lambda found: found == VLAN)
    assert [entry["cause"] for entry in agent.drift()] == ["operator"]


# The agent.


def end_by_signal(number):
    def end(agent):
        agent.box.process("vnicd").signal(number)
        return 0 if number == signal.SIGTERM else 128 + number
    return end


def end_by_command(agent):
    agent.appctl("exit")
    return 0


@pytest.mark.parametrize("end", [
    end_by_signal(signal.SIGTERM), end_by_signal(signal.SIGKILL),
    end_by_command], ids=["SIGTERM", "SIGKILL", "exit"])
def test_its_end_changes_nothing(box, agent, guests, end):
    for guest in guests:
        check_ready(agent, guest)
    before = switch.snapshot(box)
    status = end(agent)
    assert agent.wait_end() == status
    assert switch.snapshot(box) == before
    assert guests[0].can_ping("192.0.2.2", tries=5)

    agent.start()
    agent.wait_connected()
    for guest in guests:
        check_ready(agent, guest)
    assert agent.transactions() == 0
    assert switch.snapshot(box) == before


def test_a_second_agent_names_the_first(box, agent):
    second = box.spawn("second", [agent.path])
    assert second.wait() != 0
    with open(second.log, encoding="utf-8") as f:
        said = f.read()
    assert f"{agent.status()['pid']}" in said, said


# Two hosts.


def test_a_guest_is_reached_while_it_migrates(box, agent, guests, make_box):
    """Its port is here long before it is: whoever is here already goes on
    talking to where it runs."""
    there = make_box()
    there.join(box)
    agent_there = Agent(there)
    agent_there.start()
    coming = there.add_guest("coming", Nic(vlan=Vlan.access(10)))
    coming.set_address("192.0.2.8/24")
    check_ready(agent_there, coming)

    assert guests[0].can_ping("192.0.2.8", tries=10)
    migration = there.start_migration("coming", box, mib_per_second=1)
    come = box.guest("coming")
    check_ready(agent, come)
    until(lambda: "migrating" in box.virsh("domstate", "coming", "--reason"),
          "libvirt says that it migrates", timeout=20)
    assert guests[0].can_ping("192.0.2.8", tries=10)
    for _ in range(3):
        assert guests[0].can_ping("192.0.2.8")
    assert migration.is_running(), "the guest came too soon"
    agent.ctl("verify")

    there.virsh("migrate-setspeed", "coming", "1000")
    assert migration.wait() == 0
    check_ready(agent, come)
    assert guests[0].can_ping("192.0.2.8", tries=10)
    agent.ctl("verify")
    agent_there.wait_gone(coming)
    come.remove()
    agent_there.stop()
    agent_there.check_log()


def test_a_live_migration(box, agent, make_box):
    """An agent on each host; the guest is ready wherever it is."""
    there = make_box()
    box.join(there)
    agent_there = Agent(there)
    agent_there.start()
    moving = box.add_guest("moving", Nic(vlan=Vlan.access(10)))
    moving.set_address("192.0.2.9/24")
    check_ready(agent, moving)

    moved = box.migrate("moving", there)
    check_ready(agent_there, moved)
    agent.wait_gone(moving)
    assert agent.drift() == agent_there.drift() == []
    assert moved.can_ping("192.0.2.2", tries=10)
    agent_there.check_settled()
    agent_there.stop()
    agent_there.check_log()
