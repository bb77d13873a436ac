# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to real guests, their ports end in their VLANs.

Short random histories of one host, with nothing pretended: libvirt writes the
ports, QEMU holds the taps.  Who wrote what in which order is not known here,
so the host is judged when everybody is at rest.  The long histories, whose
every transaction is judged, are in tests/integration.
"""

import random
import uuid
from dataclasses import replace

import pytest

import switch
from hostbox import HostboxError, Nic, Vlan, make_mac, until
from oracle import dblog, facts, history, promise
from oracle.facts import Facts, Network
from oracle.jsonrpc import Database
from oracle.switch import read

N_OPERATIONS = history.length(100)
N_GUESTS = 5
MAX_NICS = 2
REST_SECONDS = 60
TAGS = (10, 20, 30)
GROUPS = ("red", "blue")
EXPECTED = r"\|(virt_conn|ovsdb_conn|reconnect|jsonrpc|ovsdb_idl)\|WARN\|"

OPERATIONS = history.Operations()
operation = OPERATIONS.add


class Host:
    """What runs in the box, and what it is meant to be."""

    def __init__(self, box, agent):
        self.box = box
        self.agent = agent
        self.network = Network("br0", groups={
            group: Vlan.access(tag) for group, tag in zip(GROUPS, TAGS)})
        self.defined = {}           # The first interface, by name of a guest.
        self.running = {}           # All interfaces, by name of a guest.
        self.uuids = {}
        self.edits = {}             # Of a guest's ports, since it started.
        self.told = []

    def define(self, number, nic):
        guest = self.box.guest(f"vm{number}")
        nic = _identify(nic, guest.name, 0)
        guest.define([nic])
        self.defined[guest.name] = nic
        self.uuids[guest.name] = guest.uuid()

    def write_nic(self, name, nic):
        return self.box.put_file(f"{name}-nic.xml", nic.xml())

    def pick(self, rng, is_running=True):
        """The name of a guest; None if there is none."""
        names = [name for name in sorted(self.defined)
                 if (name in self.running) == is_running]
        return rng.choice(names) if names else None

    def pick_port(self, rng):
        """A port, if it was not deleted, that the agent will not be tired of;
        None if there is none."""
        name = self.pick(rng)
        if not name or self.edits.get(name, 0) >= facts.MAX_REPAIRS - 1:
            return None
        self.edits[name] = self.edits.get(name, 0) + 1
        return rng.choice(self.box.guest(name).taps())

    def restart_agent(self, end):
        end()
        self.agent.start()
        self.agent.wait_connected()
        self.edits.clear()

    # Judgement.

    def facts(self):
        """Of each running vNIC, with the name that its tap has now."""
        vnics = {(self.uuids[name], nic.mac): replace(nic, target=tap)
                 for name, nics in self.running.items()
                 for nic, tap in zip(nics, self.box.guest(name).taps(),
                                     strict=True)}
        database = Database(self.box.outside("/run/openvswitch/db.sock"))
        try:
            return Facts(read(database), vnics, {"lan": self.network},
                         facts.Seen())
        finally:
            database.close()

    def check_rest(self):
        """Waits until each port is as meant, and says so."""
        found = []

        def is_right():
            now = self.facts()
            found[:] = [f"{key}: {now.port_of(key)}" for key in now.vnics
                        if not _is_right(now, key)]
            return not found and all(op["reason"] == "orphan"
                                     for op in self.agent.plan())
        try:
            until(is_right, "the host is right", timeout=REST_SECONDS,
                  interval=.1)
        except HostboxError:
            pytest.fail("\n".join([*self.told, *found,
                                   str(self.agent.plan())]))


def _identify(nic, name, number):
    """Interface 'number' of guest 'name', so that an update means it."""
    mac = make_mac(name, number)
    return replace(nic, mac=mac,
                   interface_id=str(uuid.uuid5(uuid.NAMESPACE_OID, mac)))


def _is_right(now, key):
    port = now.port_of(key)
    return (port is not None and port.is_open and port.is_marked
            and port.is_ready
            and promise.matches(port.columns,
                                promise.intent_of(now, key, None).vlan))


# Guests.


@operation(12)
def start(host, rng):
    name = host.pick(rng, is_running=False)
    if name:
        host.box.guest(name).start(wait=False)
        host.running[name] = [host.defined[name]]
        host.edits.pop(name, None)
    return name


def _end(host, rng, end):
    name = host.pick(rng)
    if name:
        end(host.box.guest(name))
        del host.running[name]
    return name


@operation(4)
def destroy(host, rng):
    return _end(host, rng, lambda guest: guest.destroy())


@operation(3)
def crash(host, rng):
    def kill(guest):
        host.box.run(["kill", "-9", str(guest.pid())])
        until(lambda: guest.state() == "shut off", "libvirt notices",
              timeout=20)
    return _end(host, rng, kill)


@operation(1)
def save_and_restore(host, rng):
    name = host.pick(rng)
    if not name or len(host.running[name]) > 1:
        return None
    host.box.virsh("managedsave", name, timeout=60)
    host.box.guest(name).start(wait=False)
    return name


@operation(4)
def attach(host, rng):
    name = host.pick(rng)
    nics = host.running.get(name, [])
    if not name or len(nics) >= MAX_NICS:
        return None
    nic = _identify(Nic(vlan=_draw_vlan(rng)), name, len(nics))
    host.box.virsh("attach-device", name, host.write_nic(name, nic), "--live")
    nics.append(nic)
    return f"{name} {nic.vlan}"


@operation(8)
def update_vlan(host, rng):
    name = host.pick(rng)
    old = name and host.running[name][0]
    if not old or old.network:
        return None
    new = replace(old, vlan=_draw_vlan(rng))
    host.box.virsh("update-device", name, host.write_nic(name, new),
                   "--live", "--config")
    host.running[name][0] = host.defined[name] = new
    return f"{name} {new.vlan}"


@operation(4)
def update_link(host, rng):
    """Nothing about its VLAN; but libvirt writes that anew, out of the
    interface alone."""
    name = host.pick(rng)
    if not name:
        return None
    nic = host.running[name][0]
    link = f"<link state='{rng.choice(('up', 'down'))}'/>"
    host.box.virsh("update-device", name, host.write_nic(
        name, replace(nic, extra=link)), "--live")
    return f"{name} {link}"


def _draw_vlan(rng):
    return rng.choice((Vlan.access(rng.choice(TAGS)), Vlan.trunk(*TAGS[:2]),
                       Vlan.native_untagged(TAGS[0], *TAGS[:2]),
                       Vlan.native_tagged(TAGS[1], *TAGS)))


@operation(6)
def edit_group(host, rng):
    group, vlan = rng.choice(GROUPS), _draw_vlan(rng)
    host.box.virsh("net-update", "lan", "modify", "portgroup",
                   f"<portgroup name='{group}'>{vlan.xml()}</portgroup>",
                   "--live", "--config")
    host.network.groups[group] = vlan
    return f"{group} {vlan}"


# Operators.


@operation(14)
def edit_columns(host, rng):
    port = host.pick_port(rng)
    settings = rng.sample(("tag=40", "trunks=10,40", "vlan_mode=trunk",
                           "vlan_mode=native-tagged", "cvlans=7"), 2)
    if port:
        host.box.vsctl("--no-wait", "--if-exists", "set", "port", port,
                       *settings)
    return f"{port} {settings}"


@operation(6)
def clear_columns(host, rng):
    port = host.pick_port(rng)
    if port:
        host.box.vsctl("--no-wait", "--if-exists", "clear", "port", port,
                       "tag", "trunks", "vlan_mode")
    return port


@operation(4)
def delete_port(host, rng):
    port = host.pick_port(rng)
    if port:
        host.box.vsctl("--no-wait", "--if-exists", "del-port", port)
    return port


# Daemons.


@operation(3)
def restart_agent(host, rng):
    host.box.process("vnicd").cont()
    host.restart_agent(rng.choice((host.agent.stop, host.agent.kill)))
    return "done"


@operation(4)
def freeze_or_thaw_agent(host, rng):
    process = host.box.process("vnicd")
    choice = rng.choice((process.stop_signal, process.cont))
    choice()
    return choice.__name__


@operation(2)
def restart_daemon(host, rng):
    name = rng.choice(("libvirtd", "ovs-vswitchd", "ovsdb-server"))
    host.box.daemon(name).kill()
    host.box.daemon(name).start()
    return name


@operation(.5)
def lose_power(host, rng):
    """Rows stay, and the taps' names begin anew."""
    def end():
        host.box.lose_power(host.box.process("vnicd"))
        host.box.regain_power()
    host.running.clear()
    host.restart_agent(end)
    return "done"


@operation(4)
def rest(host, rng):
    host.box.process("vnicd").cont()
    host.check_rest()
    return "right"


# The test.


@pytest.fixture
def host(box, agent):
    """Guests of each kind, none of which runs."""
    agent.expect(EXPECTED)
    box.vsctl("set", "Open_vSwitch", ".", "external-ids:vnicd-drift=fix",
              "external-ids:vnicd-orphans=report")
    host = Host(box, agent)
    box.add_network("lan", portgroups=host.network.groups)
    box.virsh("net-autostart", "lan")
    for number in range(N_GUESTS):
        host.define(number, Nic(network="lan", portgroup=GROUPS[number % 2])
                    if number < N_GUESTS // 2
                    else Nic(vlan=Vlan.access(TAGS[0])))
    yield host
    box.process("vnicd").cont()
    for name in host.defined:
        box.guest(name).remove()
    box.remove_network("lan")
    for port in switch.port_names(box):         # Orphans.
        box.vsctl("del-port", port)


@pytest.mark.parametrize("seed", history.seeds(2))
def test_history(box, host, seed):
    path = box.outside(switch.DATABASE)
    _, began = dblog.transactions(path)
    steps = history.told() or OPERATIONS.draw(seed, N_OPERATIONS)
    for number, (name, seed_of_step) in enumerate(steps):
        said = OPERATIONS[name].run(host, random.Random(seed_of_step))
        host.told.append(f"{number} {name}: {said}")
    rest(host, None)

    ours = dblog.agents_own(dblog.transactions(path, began)[0])
    assert ours
    for record in ours:
        assert not dblog.excess(record), record
    assert not dblog.removed(ours) - dblog.patch_ports(
        dblog.transactions(path)[0])
