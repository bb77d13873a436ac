# SPDX-License-Identifier: Apache-2.0
"""What a switch is judged by: what libvirt means, what the switch has, and
what the agent can have seen of both."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from hostbox import Vlan

from .switch import Switch

# Beyond so many repairs of one thing within a minute the agent leaves it alone.
MAX_REPAIRS = 5


@dataclass
class Network:
    """A libvirt network: VLANs by port group, None where there is none."""

    bridge: str
    vlan: Optional[Vlan] = None
    groups: dict = field(default_factory=dict)
    default: Optional[str] = None

    def says(self, group):
        """The VLAN of an interface that has none itself; KeyError if there
        is no such port group."""
        of_group = self.groups[group] if group else self.groups.get(
            self.default)
        return of_group or self.vlan


class Memory(NamedTuple):
    """What the agent remembers as in force for a vNIC."""

    vlan: Optional[Vlan]
    is_default: bool = False    # vnicd-default-vlan said so.


@dataclass
class Seen:
    """What an agent can have seen since it was started.  vNICs are told by
    (VM, MAC), ports by their row."""

    # Ports that were there at its first look, with the VM they had.
    first: set = field(default_factory=set)
    # Those of them that nobody's port was for a while, or another VM's: it
    # may take them for new.
    doubtful: set = field(default_factory=set)
    # Ports that went to another VM before its eyes, perhaps.
    handed: set = field(default_factory=set)
    # vNICs that ran when it had read all of libvirt for the first time.
    met: set = field(default_factory=set)
    # vNICs: has it seen a port of theirs?  None: perhaps.
    ports: dict = field(default_factory=dict)
    # vNICs: what it may remember; None is among it if perhaps nothing.
    remembered: dict = field(default_factory=dict)
    # vNICs of guests of which a hook has said, since all were at rest, that
    # they are about to start: for a while the agent may take them for that.
    starting: set = field(default_factory=set)
    # Ports, and vNICs without one: how often it may have put them right.
    repairs: Counter = field(default_factory=Counter)


@dataclass
class Facts:
    switch: Switch
    vnics: dict                 # (VM, MAC) of those that run: Nic
    networks: dict              # name: Network
    seen: Seen
    is_forced: bool = False     # Right after 'vnicctl reconcile'.

    def port_of(self, key):
        """The port of a running vNIC, or None."""
        port = self.switch.ports.get(self.vnics[key].target)
        return port if port and port.key == key else None

    def bridge_name(self, nic):
        """Of the bridge that 'nic' is to be on, fake or not; None if only a
        network knows that is not there."""
        if not nic.network:
            return nic.bridge
        network = self.networks.get(nic.network)
        return network and network.bridge

    def bridge_of(self, key):
        """The real bridge where the port of a vNIC is, or is to be."""
        port = self.port_of(key)
        name = port.bridge if port else self.switch.real_bridge(
            self.bridge_name(self.vnics[key]))
        return self.switch.bridges.get(name)

    def memories(self, key):
        return self.seen.remembered.get(key) or {None}

    def is_tired(self, key):
        """Was it put right too often already?"""
        port = self.port_of(key)
        return (self.seen.repairs[key] > MAX_REPAIRS
                or (port and self.seen.repairs[port.uuid] > MAX_REPAIRS))
