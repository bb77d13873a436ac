# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to a host, its switch ends as vnicd(8) promises.

Long random histories of guests, networks, operators and daemons, on real taps
in a network namespace, judged by what the manual page says.  A history is its
seed:

    VNICD_SEED=17 pytest test_histories.py      that one alone
    VNICD_SEEDS=50 pytest test_histories.py     so many of them
    VNICD_OPERATIONS='start:1 crash:7 ...'      one that was written down
"""

import os
import random
import time

import pytest

import operations
import plugger
from conftest import BUILD
from oracle import dblog, facts, history
from host import SANITIZER_WORDS
from taphost import TapHost
from world import FAKE_BRIDGE, FAKE_TAG, World

N_OPERATIONS = history.length(1000)
SHRINK_SECONDS = 60
# What the library says when ovs-vswitchd is killed while it is talked to.
KILLED_SWITCH = "|vconn_stream|ERR|send: "

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: real taps, in a network namespace")


def run_history(world, steps):
    """Returns, or raises AssertionError, what was done put into words."""
    reset(world)
    for number, (name, seed) in enumerate(steps):
        perform(world, number, name, seed)
    finish(world)


def perform(world, number, name, seed):
    operation = operations.OPERATIONS[name]
    if operation.is_calm:
        world.checkpoint()
    world.comment = f"{number} {name}"
    world.hooks.begin_step(seed)
    world.told.append(world.comment)
    said = operation.run(world, random.Random(seed))
    world.told.append(f"    {said}")
    world.note()


def reset(world):
    """A host with two bridges, two networks and a fresh agent."""
    for name in list(world.frozen):
        world.thaw(name)
    if world.agent and world.agent.is_running():
        world.stop_agent()
    for name in ("ovsdb-server", "ovs-vswitchd", "libvirtd"):
        if not world.host.daemons[name].is_running():
            world.host.start(name)
    world.forget_guests()
    # Orphans go when somebody says so, and not when the machine is slow.
    world.commit(plugger.set_setting("Open_vSwitch", None, "vnicd-orphans",
                                     "report"))
    world.told.clear()
    for name, bridge in zip(operations.NETWORKS, operations.BRIDGES):
        world.start_network(name, facts.Network(
            bridge, groups={"red": None, "blue": None}))
    world.start_agent()


def finish(world):
    """An operator has the last word; after that there is nothing to do, for
    this agent and for the next one."""
    world.checkpoint()
    world.clear_settings("vnicd-default-vlan")
    world.checkpoint()
    world.note(is_forced=True)
    world.ask("reconcile")
    world.checkpoint(is_forced=True)
    done = world.ask("status")["ovsdb_transactions"]
    assert world.ask("reconcile") == []
    assert world.ask("status")["ovsdb_transactions"] == done
    world.stop_agent()
    world.start_agent()
    world.checkpoint()
    status = world.ask("status")
    assert status["ovsdb_transactions"] == 0, world.ask("drift/list")


@pytest.fixture(name="world")
def world_fixture(tmp_path):
    """A host for each history: the database's log, which is read and replayed,
    grows with every transaction."""
    with TapHost(tmp_path, BUILD) as host:
        for bridge in operations.BRIDGES:
            host.add_bridge(bridge)
        host.vsctl("add-br", FAKE_BRIDGE, "br0", str(FAKE_TAG))
        host.vsctl("add-port", "br0", "eth9", "tag=5", "--", "set",
                   "interface", "eth9", "type=internal",
                   "external-ids:owner=me")
        yield World(host)


@pytest.mark.parametrize("seed", history.seeds(5))
def test_history(world, seed):
    steps = history.told() or operations.OPERATIONS.draw(seed, N_OPERATIONS)
    _, start = dblog.transactions(world.host.database)
    try:
        run_history(world, steps)
    except Exception as e:
        report_failure(world, steps, e)
    records, _ = dblog.transactions(world.host.database, start)
    check_transactions(world, dblog.agents_own(records))
    check_log(world)


def check_transactions(world, records):
    for record in records:
        assert not dblog.excess(record), record
    everything, _ = dblog.transactions(world.host.database)
    assert (dblog.removed(records) - dblog.patch_ports(everything)
            <= world.collected)


def check_log(world):
    text = world.agent.text()
    bad = [line for line in text.splitlines()
           if any(word in line for word in SANITIZER_WORDS)
           or ("|ERR|" in line and KILLED_SWITCH not in line)
           or "|EMER|" in line
           or "|reconcile|WARN|" in line]
    assert not bad, "\n".join(bad)


def shrink(world, steps, told, kind):
    """Cuts the history 'steps' as long as it goes on to fail with an exception
    of this kind, and time allows.  Returns what is left, and what was told of
    it."""
    deadline = time.monotonic() + SHRINK_SECONDS
    size = len(steps) // 2
    while size:
        for start in reversed(range(0, len(steps), size)):
            shorter = steps[:start] + steps[start + size:]
            if time.monotonic() > deadline:
                return steps, told
            error = failure(world, shorter)
            if type(error) is kind:
                steps, told = shorter, [*world.told, str(error)]
        size //= 2
    return steps, told


def failure(world, steps):
    try:
        run_history(world, steps)
    except Exception as e:      # Whatever it is.
        return e
    return None


def report_failure(world, steps, error):
    """Fails with the shortest history that fails, too."""
    told = [*world.told, str(error), world.describe_agent()]
    world.is_in_a_hurry = True
    shortest, last = shrink(world, steps, told, type(error))
    world.is_in_a_hurry = False
    pytest.fail("\n".join(["", *last, "", f"The first time: {told[-2]}",
                           told[-1],
                           history.write_down(shortest)]))
