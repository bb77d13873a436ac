# SPDX-License-Identifier: Apache-2.0
"""What can happen to a host, as operations of oracle/history.py."""

import signal
from dataclasses import replace

import libvirt
import plugger
from hostbox import Nic, Vlan
from oracle import facts, switch as ovs
from oracle.history import Operations
from world import FAKE_BRIDGE, FAKE_TAG, Vm

BRIDGES = ("br0", "br1")
NETWORKS = ("lan", "dmz")
GROUPS = ("red", "blue", "bare")
N_VMS = 10
N_PORTS = 14
MAX_NICS = 3
TAGS = tuple(range(2, FAKE_TAG + 1))
BAD_TAGS = (0, 4095)


OPERATIONS = Operations()
operation = OPERATIONS.add


# Choices.


def pick(rng, candidates):
    """One of 'candidates', None if there are none."""
    return rng.choice(candidates) if candidates else None


def draw_vlan(rng, may_be_bad=False):
    """A <vlan> of any kind, or None."""
    kind = rng.choices(("none", "access", "trunk", "native", "bad"),
                       (15, 45, 15, 20, 5 if may_be_bad else 0))[0]
    tags = tuple(sorted(rng.sample(TAGS, rng.randint(2, 3))))
    if kind == "native":
        return Vlan(tags, True, rng.choice(tags),
                    rng.choice(("tagged", "untagged")))
    return {"none": None,
            "access": Vlan.access(tags[0]),
            "trunk": Vlan.trunk(*tags),
            "bad": Vlan.access(rng.choice(BAD_TAGS))}[kind]


def draw_nic(world, rng, vm):
    """A new interface for 'vm', not yet plugged; None if no port is free."""
    vlan = draw_vlan(rng, may_be_bad=True)
    network = pick(rng, sorted(world.networks)) if rng.random() < .5 else None
    group, bridge = None, pick(rng, (*BRIDGES * 2, FAKE_BRIDGE))
    if network:
        group = pick(rng, (None, *world.networks[network].groups))
        bridge = world.networks[network].bridge
        vlan = pick(rng, (None, None, vlan))
    target = _draw_target(world, rng, vm, bridge)
    mac, interface_id = vm.new_identity()
    return target and Nic(mac, vlan, bridge, network, group, target,
                          interface_id=interface_id)


def _draw_target(world, rng, vm, bridge):
    """The name of a tap that is free; rarely one that another bridge has."""
    used = {nic.target for other in (*world.vms.values(), vm)
            for nic in other.nics}
    free = [f"tp{i}" for i in range(N_PORTS) if f"tp{i}" not in used]
    ports = world.switch.ports
    fitting = [name for name in free if name not in ports
               or plugger.bridge_of(world.switch, ports[name]) == bridge]
    return pick(rng, free if rng.random() < .1 else fitting)


def draw_vm(world, rng):
    """A guest that does not run, None if all do."""
    number = pick(rng, [n for n in range(N_VMS) if n not in world.vms])
    if number is None:
        return None
    vm = Vm(number, is_persistent=rng.random() < .5)
    for _ in range(rng.randint(1, MAX_NICS)):
        nic = draw_nic(world, rng, vm)
        if nic:
            vm.nics.append(nic)
    return vm


def pick_vm(world, rng):
    return world.vms.get(pick(rng, sorted(world.vms)))


def pick_vnic(world, rng, network=False):
    """(VM, interface) of a running guest that the agent is not tired of."""
    known = world.facts()
    found = pick(rng, [
        (number, nic) for number, vm in sorted(world.vms.items())
        for nic in vm.nics if (nic.network or not network)
        and not _is_tired(world, known, (vm.uuid, nic.mac))])
    return (world.vms[found[0]], found[1]) if found else (None, None)


def _is_tired(world, known, key):
    """One more repair, and it would be left alone."""
    port = known.port_of(key)
    repairs = world.ledger.seen.repairs
    return max(repairs[key], repairs[port.uuid] if port else 0) >= (
        facts.MAX_REPAIRS)


def pick_port(world, rng):
    """A running guest's port that is there."""
    _, nic = pick_vnic(world, rng)
    return nic and world.switch.ports.get(nic.target)


# Guests.


def say_vm(vm):
    return f"{vm.name} [{'; '.join(map(say_nic, vm.nics))}]"


def say_nic(nic):
    where = (f"{nic.network}/{nic.portgroup}" if nic.network else nic.bridge)
    return f"{nic.target} {nic.mac[-5:]} on {where} {ovs.columns_of(nic.vlan)}"


@operation(14)
def start(world, rng):
    vm = draw_vm(world, rng)
    if not vm or not vm.nics:
        return None
    said = say_vm(vm)
    error = world.start_vm(vm)
    return f"{said}: {error}" if error else said


@operation(4)
def stop(world, rng):
    vm = pick_vm(world, rng)
    if vm:
        world.stop_vm(vm)
    return vm and vm.name


@operation(4)
def crash(world, rng):
    """Everything of a guest vanishes, its ports' rows stay."""
    vm = pick_vm(world, rng)
    if vm:
        world.stop_vm(vm, leaves_ports=True)
    return vm and vm.name


@operation(4)
def plug(world, rng):
    vm = pick_vm(world, rng)
    nic = vm and len(vm.nics) < MAX_NICS and draw_nic(world, rng, vm)
    if not nic:
        return None
    world.note_nic(nic, "port-created")
    try:
        world.plug(vm, nic)
    except plugger.Refused as e:
        world.unplug(nic.target)
        world.note_nic(nic, "port-deleted")
        return f"{vm.name} {say_nic(nic)}: {e}"
    world.change_domain(vm, lambda: vm.nics.append(nic))
    return f"{vm.name} {say_nic(nic)}"


@operation(3)
def unplug(world, rng):
    vm = pick_vm(world, rng)
    nic = vm and pick(rng, vm.nics)
    if not nic:
        return None
    world.forget_perhaps(vm)
    world.change_domain(vm, lambda: vm.nics.remove(nic))
    world.unplug(nic.target)
    world.note_nic(nic, "port-deleted")
    return f"{vm.name} {nic.target}"


@operation(5)
def update_vlan(world, rng):
    """A legal live change: libvirt writes the port, then the XML."""
    vm, nic = pick_vnic(world, rng)
    if not nic or nic.network:
        return None
    new = replace(nic, vlan=draw_vlan(rng, may_be_bad=True))
    return _update(world, vm, nic, new)


@operation(4)
def update_group(world, rng):
    """libvirt writes the interface's own VLAN to the port, which has none,
    and not that of its port group."""
    vm, nic = pick_vnic(world, rng, network=True)
    network = nic and world.networks.get(nic.network)
    if not network:
        return None
    group = pick(rng, (None, *network.groups))
    return _update(world, vm, nic, replace(nic, portgroup=group))


def _update(world, vm, old, new):
    world.note_nic(new, "port-created")
    if new.target in world.switch.ports:
        world.commit(*plugger.update_vlan(new.target, new.vlan),
                     touches=[new.target])
        world.note()            # The agent may take it for an operator's.

    def change():
        vm.nics[vm.nics.index(old)] = new
        world.merge(vm, new)
    world.change_domain(vm, change)
    world.note_nic(old, "port-deleted")
    return f"{vm.name} {say_nic(new)}"


# Networks.


@operation(4)
def edit_group(world, rng):
    name = pick(rng, sorted(world.networks))
    groups = dict(world.networks[name].groups) if name else {}
    group = pick(rng, sorted(groups))
    if not group or not _may_edit(world, name):
        return None
    groups[group] = draw_vlan(rng)
    world.update_groups(name, groups,
                        libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
                        _group_xml(world, name, group, groups[group]))
    return f"{name}/{group} {ovs.columns_of(groups[group])}"


@operation(1)
def add_or_remove_group(world, rng):
    """Guests may use it: libvirt does not care."""
    name, group = pick(rng, sorted(world.networks)), rng.choice(GROUPS)
    if not name or not _may_edit(world, name):
        return None
    groups = dict(world.networks[name].groups)
    if group in groups:
        command = libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE
        vlan = groups.pop(group)
    else:
        command = libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST
        vlan = groups[group] = draw_vlan(rng)
    world.update_groups(name, groups, command,
                        _group_xml(world, name, group, vlan))
    return f"{name}/{group}: {sorted(groups)}"


@operation(1)
def restart_network(world, rng):
    """The only way to another VLAN, or none, of the network itself."""
    name = rng.choice(NETWORKS)
    if not _may_edit(world, name):
        return None
    network = world.networks.get(name) or _new_network(name, rng)
    if name in world.networks:
        world.stop_network(name)
        world.note()            # Somebody may look just now.
    world.start_network(name, replace(network, vlan=draw_vlan(rng)))
    return f"{name} {ovs.columns_of(world.networks[name].vlan)}"


@operation(.3)
def stop_network(world, rng):
    name = pick(rng, sorted(world.networks))
    if name:
        world.stop_network(name)
    return name


def _new_network(name, rng):
    groups = {group: draw_vlan(rng) for group in GROUPS[:2]}
    return facts.Network(BRIDGES[NETWORKS.index(name)],
                          groups={**groups, "bare": None},
                          default=pick(rng, (None, "red")))


def _may_edit(world, name):
    """An edit is a repair of each port on the network."""
    known = world.facts()
    return not any(nic.network == name and _is_tired(world, known, key)
                   for key, nic in known.vnics.items())


def _group_xml(world, name, group, vlan):
    default = (" default='yes'" if group == world.networks[name].default
               else "")
    return (f"<portgroup name='{group}'{default}>"
            f"{vlan.xml() if vlan else ''}</portgroup>")


# Operators with ovs-vsctl.


@operation(14)
def edit_columns(world, rng):
    port = pick_port(world, rng)
    if not port:
        return None
    tags = tuple(sorted(rng.sample(TAGS, 2)))
    new = {"tag": rng.choice((None, *tags)),
           "trunks": rng.choice(((), tags)),
           "vlan_mode": rng.choice((None, "access", "trunk", "native-tagged",
                                    "native-untagged", "dot1q-tunnel")),
           "cvlans": rng.choice(((), tags))}
    columns = rng.sample(sorted(new), rng.choice((1, 1, 1, 2, 4)))
    new = {column: new[column] for column in columns}
    world.commit(plugger.set_columns(port.name, **new), touches=[port.name])
    return f"{port.name} {new}"


@operation(4)
def clear_columns(world, rng):
    port = pick_port(world, rng)
    if not port:
        return None
    world.commit(plugger.set_columns(port.name, tag=None, trunks=(),
                                     vlan_mode=None), touches=[port.name])
    return port.name


@operation(4)
def edit_marks(world, rng):
    port = pick_port(world, rng)
    if not port:
        return None
    ids = rng.choice(({ovs.MARK: None}, {ovs.READY: None},
                      {ovs.READY: "nonsense"}, {ovs.MARK: "nonsense"},
                      {ovs.MARK: None, ovs.READY: None}))
    world.commit(plugger.set_ids(port, ids), touches=[port.name])
    return f"{port.name} {ids}"


@operation(1)
def take_keys(world, rng):
    """Without libvirt's keys a port is its guest's only as long as libvirt
    names it."""
    port = pick_port(world, rng)
    if not port:
        return None
    ids = {rng.choice(("vm-id", "attached-mac")): None}
    world.commit(plugger.set_ids(port, ids), touches=[port.name])
    return f"{port.name} {ids}"


@operation(3)
def delete_port(world, rng):
    port = pick_port(world, rng)
    if not port:
        return None
    world.commit(*plugger.del_port(world.switch, port.name),
                 touches=[port.name])
    return port.name


@operation(2, is_calm=True)
def set_setting(world, rng):
    key, values = rng.choice((("vnicd-drift", ("report", "fix", None)),
                              ("vnicd-manage", ("yes", "auto")),
                              ("vnicd-follow", ("no", "yes")),
                              ("vnicd-default-vlan", ("7", "8"))))
    return _set(world, rng.choice(("host", *BRIDGES)), key,
                rng.choice((*values, None)))


def _set(world, where, key, value):
    bridge = world.switch.bridges.get(where)
    world.commit(plugger.set_setting("Bridge" if bridge else "Open_vSwitch",
                                     bridge and bridge.uuid, key, value))
    world.note()
    world.checkpoint()
    return f"{where} {key}={value}"


@operation(.5, is_calm=True)
def disown_bridge(world, rng):
    """What happens meanwhile is at first contact later."""
    bridge = rng.choice(BRIDGES)
    _set(world, bridge, "vnicd-manage", "no")
    _do_some(world, rng)
    world.checkpoint()
    _set(world, bridge, "vnicd-manage", None)
    return bridge


def _do_some(world, rng):
    """A few operations of others."""
    names = ("crash", "start", "stop", "plug", "edit_columns", "update_vlan",
             "edit_marks", "delete_port", "edit_group")
    for name in rng.choices(names, k=8):
        world.told.append(f"    {name}: {OPERATIONS[name].run(world, rng)}")
        world.note()


# Daemons.


@operation(.4)
def restart_agent(world, rng):
    number = rng.choice((signal.SIGTERM, signal.SIGKILL))
    world.stop_agent(number)
    world.start_agent()
    return number.name


@operation(.5)
def change_while_agent_is_away(world, rng):
    world.stop_agent()
    _do_some(world, rng)
    world.start_agent()
    return "done"


@operation(.3)
def restart_libvirtd(world, rng):
    """Its guests are made of memory: they are there again before anybody can
    ask.  With this datapath it plugs every port anew."""
    world.checkpoint()
    world.stop("libvirtd", rng.choice((signal.SIGTERM, signal.SIGKILL)))
    said = world.sweep()
    world.freeze("vnicd")
    world.host.start("libvirtd")
    for name, network in sorted(world.networks.items()):
        world.start_network(name, network)
    world.commit()
    for vm in world.vms.values():
        world.replug(vm)
        world.start_domain(vm)
    world.thaw("vnicd")
    return said


@operation(.5)
def restart_vswitchd(world, rng):
    world.stop("ovs-vswitchd", rng.choice((signal.SIGTERM,
                                           *[signal.SIGKILL] * 4)))
    world.host.start("ovs-vswitchd")
    return "done"


@operation(.06)
def restart_ovsdb(world, rng):
    world.stop("ovsdb-server", rng.choice((signal.SIGTERM, signal.SIGKILL)))
    world.host.start("ovsdb-server")
    return "done"


@operation(.1)
def crash_host(world, rng):
    """Power fails: rows are all that is left."""
    for name in ("ovs-vswitchd", "ovsdb-server", "libvirtd"):
        world.stop(name, signal.SIGKILL)
    world.stop_agent(signal.SIGKILL)
    world.host.remove_taps()
    world.vms.clear()
    for name in ("ovsdb-server", "ovs-vswitchd"):
        world.host.start(name)
    world.launch_agent()
    said = world.sweep()
    world.host.start("libvirtd")
    for name, network in sorted(world.networks.items()):
        world.start_network(name, network)
    world.await_agent()
    return said


@operation(3)
def freeze(world, rng):
    """It goes on when it is needed, at the next checkpoint at the latest."""
    name = rng.choice(("vnicd", "libvirtd", "ovs-vswitchd", "ovsdb-server"))
    world.freeze(name)
    return name


@operation(3)
def thaw(world, rng):
    names = " ".join(sorted(world.frozen))
    for name in names.split():
        world.thaw(name)
    return names or None


@operation(.7)
def collect(world, rng):
    return world.collect()


@operation(2)
def checkpoint(world, rng):
    world.checkpoint()
    return "right"
