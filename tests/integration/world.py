# SPDX-License-Identifier: Apache-2.0
"""A host with its agent, its guests and its operators.

Whoever changes the host in a test goes through here, so that at any moment it
is known which guests run and what libvirt means.  What was promised for that
is oracle/promise.py's business."""

import json
import re
import signal
import uuid
from dataclasses import dataclass, field, replace

import libvirt

import hookline
import plugger
from hostbox import HostboxError, network_xml, until
from host import domain_xml, vm_mac, vm_uuid
from oracle import promise, switch as ovs
from oracle.facts import MAX_REPAIRS, Facts
from oracle.jsonrpc import Conflict, Database, JsonRpc
from oracle.ledger import Ledger

FAKE_BRIDGE, FAKE_TAG = "br0v9", 9
WAIT_SECONDS = 15
HURRY_SECONDS = 5               # To see once more what was seen before.
POLL_SECONDS = 0.003
PROBE = "vnicd-probe"
N_LAST_WORDS = 20               # Lines of its log.
PLUGGED = re.compile("tp[0-9]+")


@dataclass
class Vm:
    """A guest that runs, or is about to."""

    number: int
    is_persistent: bool
    nics: list = field(default_factory=list)
    # By MAC: bridge and VLAN that libvirt has plugged.
    actual: dict = field(default_factory=dict)

    @property
    def name(self):
        return f"vm{self.number}"

    @property
    def uuid(self):
        return vm_uuid(self.number)

    def new_identity(self):
        """A MAC address and the interface id that goes with it."""
        used = {nic.mac for nic in self.nics}
        macs = (vm_mac(self.number << 4 | i) for i in range(16))
        mac = next(mac for mac in macs if mac not in used)
        return mac, str(uuid.uuid5(uuid.UUID(self.uuid), mac))

    def xml(self):
        return domain_xml(self.name, self.uuid,
                          "".join(nic.xml() for nic in self.nics))


class World:
    def __init__(self, host):
        self.host = host
        self.vms = {}               # Those that run, by number.
        self.networks = {}          # oracle.facts.Network by name.
        self.agent = None
        self.frozen = set()         # Daemons that got SIGSTOP.
        self.comment = None         # Of our own transactions.
        self.told = []              # What was done so far, in words.
        self.switch = ovs.Switch()  # As last seen.
        self.ledger = Ledger()
        self.collected = set()      # Port rows that were to go.
        self._database = None
        self._operator = None       # The agent's control socket.
        self._n_probes = 0
        self.is_in_a_hurry = False
        self._has_edited_networks = False
        self.hooks = hookline.HookLine(host)
        self._ghosts = {}           # Guests that did not start, by number.
        self._is_blind = False      # The agent may have lost the database.

    def facts(self, is_forced=False):
        vnics = {(vm.uuid, nic.mac): nic
                 for vm in self.vms.values() for nic in vm.nics}
        return Facts(self.switch, vnics, self.networks, self.ledger.seen,
                     is_forced)

    def wait(self, condition, what):
        return until(condition, what, interval=POLL_SECONDS,
                     timeout=(HURRY_SECONDS if self.is_in_a_hurry
                              else WAIT_SECONDS))

    def note(self, is_forced=False):
        self.ledger.note(self.facts(is_forced))

    # The switch.

    @property
    def database(self):
        self.thaw("ovsdb-server")
        if not self._database:
            self._database = Database(self.host.rundir / "db.sock")
        return self._database

    def commit(self, *operations, touches=(), collected=()):
        """Changes the database, and looks at what became of it; only ports
        named in 'touches' change by that."""
        before = self.switch
        self.switch = ovs.read(self.database, *operations,
                               comment=operations and self.comment)
        self.ledger.observe(before, self.switch, touches, collected)

    # The agent.

    def ask(self, command, *words):
        self.thaw("vnicd")
        if not self._operator:
            self._operator = JsonRpc(self.agent.control_socket())
        return json.loads(self._operator.call(command, *words,
                                              "--format=json"))

    def start_agent(self):
        """Nothing happens before it knows everything."""
        self.thaw("libvirtd")
        self.launch_agent()
        self.await_agent()

    def launch_agent(self):
        self.commit()
        self.ledger.begin(self.facts())
        self._hang_up()
        if self.agent:
            self.agent.start()
        else:
            self.agent = self.host.agent()

    def await_agent(self):
        self.wait(lambda: all(c["state"] == "synced"
                              for c in self.ask("status")["libvirt"]),
                  "the agent knows libvirt")
        self._probe()

    def stop_agent(self, number=signal.SIGTERM):
        self.stop("vnicd", number)
        self._hang_up()

    def _hang_up(self):
        if self._operator:
            self._operator.close()
            self._operator = None

    def describe_agent(self):
        """Whether it lives, and its last words."""
        if not self.agent:
            return "there is no agent"
        said = self.agent.text().splitlines()[-N_LAST_WORDS:]
        return "\n".join([f"the agent's status: {self.agent.process.poll()}",
                          *said])

    # Daemons.

    def freeze(self, name):
        self.host.send(name, signal.SIGSTOP)
        self.frozen.add(name)

    def thaw(self, name):
        if name in self.frozen:
            self.frozen.remove(name)
            self.host.send(name, signal.SIGCONT)

    def stop(self, name, number):
        self.frozen.discard(name)
        self.host.stop(name, number)
        if name == "ovsdb-server":
            self._is_blind = True
            if self._database:
                self._database.close()
                self._database = None

    @property
    def libvirt(self):
        self.thaw("libvirtd")
        return self.host.libvirt

    # Guests, as libvirt makes them.

    def merge(self, vm, nic):
        """What libvirt makes of it: an unknown port group counts for
        nothing."""
        network = self.networks.get(nic.network)
        vlan = nic.vlan
        if network and not vlan:
            vlan = network.says(nic.portgroup if nic.portgroup
                                in network.groups else None)
        vm.actual[nic.mac] = network.bridge if network else nic.bridge, vlan

    def plug(self, vm, nic):
        """Raises plugger.Refused after a fruitless attempt."""
        self.host.add_tap(nic.target)
        self.merge(vm, nic)
        self.write_port(vm, nic)

    def write_port(self, vm, nic):
        bridge, vlan = vm.actual[nic.mac]
        ids = {"attached-mac": nic.mac, "iface-id": nic.interface_id,
               "vm-id": vm.uuid, "iface-status": "active"}
        self.commit_again(lambda: plugger.add_port(
            self.switch, nic.target, bridge, vlan, ids), nic.target)

    def unplug(self, name):
        if self.host.has_tap(name):
            self.host.remove_tap(name)
        self.commit()           # The agent may just have put it back.
        self.commit(*plugger.del_port(self.switch, name), touches=[name])

    def commit_again(self, plan, name):
        """Changes port 'name' as ovs-vsctl does: if the agent was quicker,
        'plan' is made anew."""
        while True:
            try:
                return self.commit(*plan(), touches=[name])
            except Conflict:
                self.commit()

    def start_domain(self, vm):
        if vm.is_persistent:
            self.libvirt.defineXML(vm.xml()).create()
        else:
            self.libvirt.createXML(vm.xml())

    def stop_domain(self, vm):
        domain = self.libvirt.lookupByUUIDString(vm.uuid)
        domain.destroy()
        if vm.is_persistent:
            domain.undefine()

    def change_domain(self, vm, change):
        """A live change, of which the test driver knows none: to the agent
        the domain is never gone, only different."""
        was_frozen = "vnicd" in self.frozen
        self.freeze("vnicd")
        for nic in vm.nics:
            self.ledger.end(self.facts(), (vm.uuid, nic.mac))
        self.stop_domain(vm)
        change()
        self.start_domain(vm)
        if not was_frozen:
            self.thaw("vnicd")
        self.forget_perhaps(vm)

    def forget_perhaps(self, vm):
        """For a moment libvirt may have said that there is no such guest."""
        for nic in vm.nics:
            self.ledger.forget_perhaps((vm.uuid, nic.mac))

    def start_vm(self, vm):
        """As QEMU's driver does it: plugged first, then running.  Returns a
        sentence if it does not start."""
        self.vms[vm.number] = vm
        error = (self._prepare(vm) or self._plug_all(vm)
                 or self._ask_to_start(vm))
        if error:
            self._give_up(vm)
            return error
        self.start_domain(vm)
        self.hooks.note("qemu", vm.name, "started", hookline.live_xml(vm))
        return None

    def _prepare(self, vm):
        found = self._ask_hook(vm, "prepare", hookline.config_xml(vm, True))
        for nic in vm.nics:
            self.note_nic(nic, "port-created")
        return None if found in (None, hookline.PASSED) else f"prepare {found}"

    def note_nic(self, nic, operation):
        """What a network's hook is told of an interface on it."""
        if nic.network in self.networks:
            self.hooks.note_network(nic.network, operation,
                                    self.networks[nic.network])

    def _plug_all(self, vm):
        try:
            for nic in vm.nics:
                self.plug(vm, nic)
        except plugger.Refused as e:
            return str(e)
        return None

    def _ask_to_start(self, vm):
        """Once the agent has agreed, the ports are as meant."""
        self.ledger.begin_start(self.facts(), vm.uuid)
        found = self._ask_hook(vm, "start", hookline.live_xml(vm))
        if found == hookline.PASSED:
            self.commit()
            self._check_start(vm)
        return (f"start {found}" if found in (hookline.REFUSED,
                                              hookline.CLOSED) else None)

    def _check_start(self, vm):
        facts = self.facts()
        for nic in vm.nics:
            key = (vm.uuid, nic.mac)
            assert self.ledger.may_start(facts, key), (
                f"{nic.target} of {vm.name} was let start as "
                f"{facts.port_of(key)}; remembered: {facts.memories(key)}")

    def _ask_hook(self, vm, operation, xml):
        can_answer = (self.agent.is_running() and not self.is_tired(vm)
                      and not self._is_blind
                      and not self.frozen - {"libvirtd"})
        found = self.hooks.ask(vm.name, operation, xml, can_answer)
        if found:
            self._ghosts[vm.number] = vm
            self._judge_answer(vm, found, can_answer)
        return found

    def _judge_answer(self, vm, found, can_answer):
        """Who starts is not bad, and who does not is."""
        doubts = [self.ledger.is_bad(self.facts(), (vm.uuid, nic.mac))
                  for nic in vm.nics]
        if found == hookline.REFUSED:
            assert any(True in doubt for doubt in doubts), doubts
        elif can_answer:
            assert found == hookline.PASSED
            assert all(False in doubt for doubt in doubts), doubts

    def is_tired(self, vm):
        """Was a port that 'vm' has, or inherits, put right too often?"""
        ports = [self.switch.ports.get(nic.target) for nic in vm.nics]
        repairs = self.ledger.seen.repairs
        return any(max(repairs[(vm.uuid, nic.mac)],
                       repairs[port.uuid] if port else 0) >= MAX_REPAIRS
                   for nic, port in zip(vm.nics, ports))

    def _give_up(self, vm):
        """What libvirt does after a start that has failed, whether anything
        was plugged or not."""
        self._end(vm)
        self.hooks.note("qemu", vm.name, "stopped", hookline.config_xml(vm))
        for nic in vm.nics:
            if self.host.has_tap(nic.target):
                self.unplug(nic.target)     # A foreign port, too.
        self.hooks.note("qemu", vm.name, "release", hookline.config_xml(vm))

    def _end(self, vm):
        for nic in vm.nics:
            self.ledger.end(self.facts(), (vm.uuid, nic.mac))
        del self.vms[vm.number]

    def stop_vm(self, vm, leaves_ports=False):
        self._end(vm)
        for nic in vm.nics:
            self.host.remove_tap(nic.target)
        self.hooks.note("qemu", vm.name, "stopped", hookline.config_xml(vm))
        self.stop_domain(vm)
        if not leaves_ports:
            for nic in vm.nics:
                self.unplug(nic.target)
                self.note_nic(nic, "port-deleted")
        self.hooks.note("qemu", vm.name, "release", hookline.config_xml(vm))

    def replug(self, vm):
        """libvirtd does so when it finds the guest at its start."""
        for nic in vm.nics:
            try:
                self.write_port(vm, nic)
            except plugger.Refused:
                pass                # It logs that, and goes on.
        self.hooks.note("qemu", vm.name, "reconnect", hookline.live_xml(vm))

    def forget_guests(self):
        """Nothing is left of any guest or network, nor of settings."""
        for domain in self.libvirt.listAllDomains():
            is_persistent = domain.isPersistent()
            if domain.isActive():
                domain.destroy()
            if is_persistent:
                domain.undefine()
        for name in list(self.networks):
            self.stop_network(name)
        self.vms.clear()
        self.host.remove_taps()
        self.ledger = Ledger()
        self.switch = ovs.read(self.database)
        names = list(filter(PLUGGED.fullmatch, self.switch.ports))
        for name in names:
            self.database.transact(*plugger.del_port(self.switch, name))
        self.switch = ovs.read(self.database)
        self.ledger.settle(self.facts())
        self.clear_settings(*ovs.SETTINGS)

    def clear_settings(self, *keys):
        rows = [("Open_vSwitch", None)]
        rows += [("Bridge", b.uuid) for b in self.switch.bridges.values()]
        self.commit(*(plugger.set_setting(table, row, key, None)
                      for table, row in rows for key in keys))

    # Networks.

    def start_network(self, name, network):
        self.ledger.change_networks(self.networks)
        self.networks[name] = network
        self.libvirt.networkCreateXML(hookline.network_xml(name, network))
        self._has_edited_networks = True
        self.hooks.note_network(name, "started", network)

    def stop_network(self, name):
        self.libvirt.networkLookupByName(name).destroy()
        self.ledger.change_networks(self.networks)
        network = self.networks.pop(name)
        self._has_edited_networks = True
        self.hooks.note_network(name, "stopped", network)

    def update_groups(self, name, groups, command, xml):
        """'virsh net-update' of the port group 'xml', after which the network
        has 'groups'."""
        self.libvirt.networkLookupByName(name).update(
            command, libvirt.VIR_NETWORK_SECTION_PORTGROUP, -1, xml,
            libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE)
        self.ledger.change_networks(self.networks)
        self.networks[name] = replace(self.networks[name], groups=groups)
        self._has_edited_networks = True
        self.hooks.note_network(name, "updated", self.networks[name])

    # Judgement.

    def checkpoint(self, is_forced=False):
        """Lets everybody work and settle; then the switch is right."""
        for name in list(self.frozen):
            self.thaw(name)
        self._nudge_libvirt()
        self._probe_libvirt()
        self._probe()
        found = []

        def is_right():
            is_at_rest = self._is_at_rest()
            self.commit()
            found[:] = promise.complaints(self.facts(is_forced))
            unopened = self._unopened()
            if unopened:
                self._touch_switch()
            found.extend(unopened)
            return is_at_rest and not found
        try:
            self.wait(is_right, "the switch is right")
        except HostboxError:
            raise AssertionError("\n".join(found)
                                 or f"no rest: {self.ask('plan')}") from None
        self._is_blind = False
        self.ledger.settle(self.facts())

    def _is_at_rest(self):
        """Is there nothing that the agent is about to do, of which it knows?
        What is right is not its to say."""
        return (all(op["kind"] in ("report", "back-off")
                    or op["reason"] == "orphan" for op in self.ask("plan"))
                and all(bridge["state"] in ("installed", "removed")
                        for bridge in self.ask("status")["openflow"]))

    def _unopened(self):
        """A sentence for each port that the switch has yet to open."""
        return [f"port {name}: not open in the switch: {port.error}"
                for name, port in self.switch.ports.items()
                if self.host.has_tap(name) and not port.is_open]

    def _touch_switch(self):
        """The switch may have found a device that was just going, under the
        name of one that has come: it tries again when anything changes that
        it looks at, which the host's external_ids are not."""
        self._n_probes += 1
        self.commit(plugger.set_setting("Open_vSwitch", None, "touched",
                                        str(self._n_probes),
                                        column="other_config"))

    def _nudge_libvirt(self):
        """Nothing announces the edit of a network; the event of another one
        has the agent look.  Nor does anything announce that a guest does not
        start, except hooks."""
        if self._has_edited_networks:
            self.libvirt.networkDefineXML(network_xml("nudge")).undefine()
            self._has_edited_networks = False
        for number, vm in self._ghosts.items():
            if number not in self.vms:
                self.libvirt.defineXML(vm.xml()).undefine()
        self._ghosts.clear()

    def _probe_libvirt(self):
        """Waits until the agent knows all that libvirt has told so far."""
        self._n_probes += 1
        name = f"probe{self._n_probes}"
        domain = self.libvirt.createXML(domain_xml(
            name, str(uuid.uuid4()), "<interface type='user'/>"))
        self.wait(lambda: any(vnic["domain"] == name
                              for vnic in self.ask("vnic/list")),
                  "the agent knows the newest of libvirt")
        domain.destroy()

    def _probe(self):
        """Waits for a pass of the agent that knows all that we have written
        so far: it complains about a setting that it does not know."""
        old, new = (f"{PROBE}-{self._n_probes + i}" for i in (0, 1))
        self._n_probes += 1
        self.commit(plugger.set_setting("Open_vSwitch", None, old, None),
                    plugger.set_setting("Open_vSwitch", None, new, "1"))
        self.wait(lambda: any(new in warning for warning
                              in self.ask("status")["warnings"]),
                  "the agent knows the newest of the switch")

    def collect(self):
        """An operator has the orphans collected, and nothing else goes."""
        self.checkpoint()
        return self._collect(lambda: self.ask("orphan/collect"))

    def sweep(self):
        """libvirt's daemon starts, and has the agent do the same."""
        host = "Open_vSwitch", None, "vnicd-orphans"
        self.commit(plugger.set_setting(*host, "collect"))
        self._probe()
        said = self._collect(self.hooks.sweep)
        self.commit(plugger.set_setting(*host, "report"))
        self._probe()
        return said

    def _collect(self, act):
        """'act' returns whether it had the agent collect orphans."""
        names = promise.orphans(self.facts(), self.host.has_tap)
        # The switch may have yet to notice that a device is gone.
        known = {name for name in names
                 if self.switch.ports[name].lacks_netdev}
        self.collected.update(self.switch.ports[name].uuid for name in names)
        was_told = act() is not False
        self.commit(collected=names)
        left = known & self.switch.ports.keys()
        assert not (was_told and left), f"not collected: {left}"
        return f"{sorted(known)} of {sorted(names)}"
