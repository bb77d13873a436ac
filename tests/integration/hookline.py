# SPDX-License-Identifier: Apache-2.0
"""libvirt's hooks in a history: runs of the real vnicd-hook, in the order in
which libvirt makes them.  Some are lost and some come twice; while the agent
hangs they come late."""

import random
import uuid

import hostbox
from hooks import Hooks, domain_xml, interface_xml

PATIENCE_MS = 15000
HASTE_MS = 100                  # Where nobody can be expected to answer.
N_RUNS, WEIGHTS = (1, 0, 2), (84, 8, 8)

PASSED, REFUSED, OPEN, CLOSED = "passed", "refused", "fail=open", "fail=closed"


class HookLine:
    """The hooks of a host; 'rng' says what becomes of them."""

    def __init__(self, host):
        self._hooks = Hooks(host)
        self._rng = random.Random()
        self._is_cut = True

    def begin_step(self, seed):
        """Begins a step of a history: now and then there are no hooks."""
        self._rng = random.Random(f"hooks {seed}")
        self._is_cut = self._rng.random() < .15

    def _n_runs(self):
        return (0 if self._is_cut
                else self._rng.choices(N_RUNS, WEIGHTS)[0])

    def note(self, driver, name, operation, xml=""):
        """libvirt goes on whatever becomes of it; a failure would cost a
        guest its life."""
        for _ in range(self._n_runs()):
            self._hooks.passes(driver, name, operation, xml)

    def note_network(self, name, operation, network):
        self.note("network", name, operation,
                  f"<hookData>{network_xml(name, network)}</hookData>")

    def ask(self, name, operation, xml, can_answer):
        """What becomes of a guest: PASSED and so on; None if nobody has asked
        the agent."""
        self._hooks.configure(
            deadline_ms=PATIENCE_MS if can_answer else HASTE_MS,
            fail=self._rng.choices(("open", "closed"), (70, 30))[0])
        found = None
        for _ in range(self._n_runs()):
            found = _outcome(self._hooks.run("qemu", name, operation, xml))
            if found in (REFUSED, CLOSED):
                break
        return found

    def sweep(self):
        """libvirt's daemon starts.  Returns whether the agent was told."""
        self._hooks.configure(deadline_ms=PATIENCE_MS)
        n_runs = self._n_runs()
        for _ in range(n_runs):
            self._hooks.passes("daemon", "-", "start")
        return n_runs > 0


def _outcome(result):
    if result.status:
        return CLOSED if "may not start" in result.stderr else REFUSED
    return OPEN if "may start" in result.stderr else PASSED


# What hooks are told.


def network_xml(name, network):
    """An oracle.facts.Network called 'name'."""
    return hostbox.network_xml(
        name, network.bridge, vlan=network.vlan, portgroups=network.groups,
        default=network.default,
        uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, name)))


def live_xml(vm):
    """A guest whose interfaces are plugged: what counts for them is merged
    into one element."""
    return domain_xml(vm.name, vm.uuid, [_live_nic(vm, nic)
                                         for nic in vm.nics])


def _live_nic(vm, nic):
    bridge, vlan = vm.actual[nic.mac]
    return interface_xml(nic.mac, nic.target, vlan.xml() if vlan else "",
                         bridge, nic.network, nic.portgroup,
                         nic.interface_id)


def config_xml(vm, is_live=False):
    """A guest as it was defined; 'is_live': it is about to be plugged."""
    return domain_xml(vm.name, vm.uuid, [nic.xml() for nic in vm.nics],
                      is_live=is_live)
