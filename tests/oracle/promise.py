# SPDX-License-Identifier: Apache-2.0
"""The manual page as functions: is this switch, at rest, as vnicd(8) promises?

In a few places the agent's work depends on what it has seen.  A test cannot
always know that; where the agent may have seen one thing or another, each
outcome that follows from one of them is right.  Pure."""

from itertools import product
from typing import NamedTuple, Optional

from hostbox import Vlan

from .facts import Memory
from .switch import Columns, columns_of, matches


class Intent(NamedTuple):
    """What is meant for a vNIC."""

    vlan: Optional[Vlan]
    is_usable: bool = True      # False: quarantined; the last good one.
    is_from_network: bool = False
    is_default: bool = False


class Outcome(NamedTuple):
    """What the agent makes of one port."""

    vlan: Optional[Vlan] = None
    is_written: bool = False    # The columns are to say 'vlan'.
    is_left_alone: bool = False     # Not now: an operator has to decide.
    mark: str = "as found"      # or "ready", "not ready", "none"

    def __str__(self):
        columns = columns_of(self.vlan) if self.is_written else "as found"
        or_not = " or left alone" if self.is_left_alone else ""
        return f"{columns}, mark {self.mark}{or_not}"


# WHERE VLANS COME FROM.


def _is_valid(vlan):
    return all(1 <= tag <= 4094 for tag in vlan.tags)


def _unusable(memory):
    return Intent(memory.vlan if memory else None, is_usable=False)


def _said(facts, nic, kept):
    """(VLAN, is it the network's) by interface, port group or network."""
    network = facts.networks.get(nic.network)
    if nic.network and not network:
        return kept or nic.vlan, False
    if nic.vlan or not nic.network:
        return nic.vlan, False
    vlan = network.says(nic.portgroup)
    return vlan, vlan is not None


def intent_of(facts, key, memory):
    """What is meant for a running vNIC, if that is what the agent
    remembers."""
    nic, bridge = facts.vnics[key], facts.bridge_of(key)
    kept = memory.vlan if memory and not memory.is_default else None
    network = facts.networks.get(nic.network)
    if network and nic.portgroup and nic.portgroup not in network.groups:
        return _unusable(memory)
    vlan, is_from_network = _said(facts, nic, kept)
    if vlan and not _is_valid(vlan):
        return _unusable(memory)

    fake_tag = facts.switch.fake_tag(facts.bridge_name(nic))
    if not vlan and fake_tag:
        vlan = Vlan.access(fake_tag)
    if not vlan and nic.network:
        vlan = kept             # Nothing widens a running guest's VLANs.
    default = bridge and bridge.settings.get("vnicd-default-vlan")
    if not vlan and default:
        return Intent(Vlan.access(int(default)), is_default=True)
    return Intent(vlan, is_from_network=is_from_network)


def _intents(facts, key):
    return [intent_of(facts, key, memory) for memory in facts.memories(key)]


# FIRST CONTACT, DRIFT AND CAUSES.


def is_another_vms(port):
    """Does the mark say that the columns were meant for another VM?"""
    return port.marked_vm_id is not None and not port.is_marked


class Past(NamedTuple):
    """What the agent has seen of a port and its vNIC."""

    memory: Optional[Memory]
    is_first: bool              # The port was there before the agent.
    is_handed: bool             # It had another VM.
    is_starting: bool           # Its guest was just about to start.


def _pasts(facts, key, port):
    """All that can have been."""
    owned = port.uuid, port.vm_id
    seen = facts.seen
    firsts = ((False, True) if owned in seen.doubtful
              else (owned in seen.first,))
    handeds = (False, True) if owned in seen.handed else (False,)
    pasts = [Past(*past, is_starting=False) for past in product(
        facts.memories(key), firsts, handeds)]
    if key in seen.starting:        # What it remembers is of another life.
        pasts += [Past(None, *past, is_starting=True)
                  for past in product(firsts, handeds)]
    return pasts


def _is_stale(port, past):
    """Are the columns of 'port' what was meant for another VM?"""
    return is_another_vms(port) or (past.is_handed and not port.is_marked)


def _is_left_alone(facts, port, intent, past):
    """Does an operator have to decide about columns of 'port' that are not as
    meant?"""
    settings = facts.switch.bridges[port.bridge].settings
    drift = settings.get("vnicd-drift")
    if facts.is_forced or past.is_starting:
        return False
    if _is_stale(port, past):
        return drift == "report"
    if not port.is_marked:
        if past.is_first:
            return drift != "fix"
        is_libvirts = intent.is_default and port.columns == Columns()
        return drift == "report" and not is_libvirts
    if past.memory and past.memory.vlan != intent.vlan:  # The intent is new.
        return intent.is_from_network and settings.get("vnicd-follow") == "no"
    return drift == "report"


def _outcome(facts, key, port, past):
    if not facts.switch.bridges[port.bridge].is_managed:
        return Outcome(mark="none")
    intent = intent_of(facts, key, past.memory)
    is_written = intent.vlan is not None
    if not is_written and _is_stale(port, past):
        is_written = intent.is_usable or past.memory is not None
    return Outcome(intent.vlan, is_written,
                   _is_left_alone(facts, port, intent, past),
                   "ready" if intent.is_usable else "not ready")


def _outcomes(facts, key, port):
    """What may become of 'port', which is that of a running vNIC."""
    return [_outcome(facts, key, port, past)
            for past in _pasts(facts, key, port)]


# GUESTS THAT START.


def is_bad(facts, key):
    """Is it known that a vNIC which is about to be plugged must not be?"""
    bridge = facts.bridge_of(key)
    return bool(bridge and bridge.is_managed
                and not intent_of(facts, key, None).is_usable)


def may_start(facts, key):
    """Is the port of a vNIC as it has to be before its guest starts?"""
    port = facts.port_of(key)
    outcomes = [_outcome(facts, key, port, past)
                for past in _pasts(facts, key, port) if past.is_starting]
    return any(not outcome.is_written or matches(port.columns, outcome.vlan)
               for outcome in outcomes)


# MISSING PORTS.


def _may_be_missing(facts, key):
    """May this vNIC, which has no port, go without?  One of its name that is
    nobody's has lost its keys."""
    bridge, nic = facts.bridge_of(key), facts.vnics[key]
    port = facts.switch.ports.get(nic.target)
    if not bridge or not bridge.is_managed or (port and port.key):
        return True
    if any(memory is None and not intent_of(facts, key, memory).is_usable
           for memory in facts.memories(key)):
        return True             # Quarantined, and nothing good is known.
    drift = bridge.settings.get("vnicd-drift")
    had_port = facts.seen.ports.get(key, False)
    if facts.is_forced:
        return False
    if had_port or port:
        return drift == "report"
    return had_port is None or key not in facts.seen.met or drift != "fix"


# ORPHANS.


def orphans(facts, has_netdev):
    """The names of ports that 'orphan/collect' removes, if the switch knows
    that their network devices are gone; 'has_netdev' tells it of the host."""
    claimed = {nic.target for nic in facts.vnics.values()}
    return {port.name for port in facts.switch.ports.values()
            if port.key and "iface-id" in port.ids
            and not has_netdev(port.name)
            and port.name not in claimed
            and facts.switch.bridges[port.bridge].is_managed}


# Judgement.


def _has_mark(port, mark):
    if mark == "ready" and port.is_open:
        return port.is_marked and port.is_ready
    if mark == "not ready":
        return not port.is_ready
    if mark == "none":
        return port.marked_vm_id is None and not port.is_ready
    return True


def _is_as(port, outcome):
    if outcome.is_written and not matches(port.columns, outcome.vlan):
        return outcome.is_left_alone
    return _has_mark(port, outcome.mark)


def complaint(facts, key):
    """Why the port of a running vNIC is not as promised, or None."""
    nic, port = facts.vnics[key], facts.port_of(key)
    if not facts.is_forced and facts.is_tired(key):
        return None
    if not port:
        return (None if _may_be_missing(facts, key)
                else f"{key} has no port {nic.target}")

    possible = _outcomes(facts, key, port)
    keys = {"iface-id": nic.interface_id, "iface-status": "active"}
    if (keys.items() <= port.ids.items()
            and any(_is_as(port, outcome) for outcome in possible)):
        return None
    return (f"port {port.name} of {key} is {port.columns} {dict(port.ids)} "
            f"ofport {port.ofport}; remembered: {facts.memories(key)}; wanted: "
            + " or ".join(sorted(set(map(str, possible)))))


def may_act(facts, key):
    """May the agent have something to put right?"""
    port = facts.port_of(key)
    return complaint(facts, key) is not None or port is not None and any(
        outcome.is_written and not outcome.is_left_alone
        and not matches(port.columns, outcome.vlan)
        for outcome in _outcomes(facts, key, port))


def complaints(facts):
    """A sentence for each vNIC whose port is not as promised."""
    return [sentence for key in facts.vnics
            if (sentence := complaint(facts, key))]


def _is_right(port, outcome):
    """Are the columns as meant, so that the port is to be marked?"""
    return outcome.mark == "ready" and (
        not outcome.is_written or matches(port.columns, outcome.vlan))


def is_right(facts, key):
    """May the agent find a vNIC's port right?"""
    port = facts.port_of(key)
    return any(_is_right(port, outcome)
               for outcome in _outcomes(facts, key, port))


def entitlements(facts, key, port):
    """All columns that the agent may give to the port of a vNIC now, be it
    'port' or, if that is None, one that is to come."""
    if not port:
        return {columns_of(intent.vlan) for intent in _intents(facts, key)}
    return {columns_of(outcome.vlan)
            for outcome in _outcomes(facts, key, port)
            if outcome.is_written and (not outcome.is_left_alone
                                       or _is_right(port, outcome))}


def noted(facts, key):
    """What the agent may remember of a vNIC with a port, once it has done
    what it may."""
    port = facts.port_of(key)
    found = set()
    for past in _pasts(facts, key, port):
        outcome = _outcome(facts, key, port, past)
        if outcome.mark == "ready" and (_is_right(port, outcome)
                                        or not outcome.is_left_alone):
            intent = intent_of(facts, key, past.memory)
            found.add(Memory(intent.vlan, intent.is_default))
    return found


def settled(facts, key):
    """What the agent remembers of a vNIC whose port it need not touch now:
    what is in force or, where an operator has to decide, what was."""
    port = facts.port_of(key)
    found = set()
    for past in _pasts(facts, key, port):
        outcome = _outcome(facts, key, port, past)
        if _is_right(port, outcome):
            intent = intent_of(facts, key, past.memory)
            found.add(Memory(intent.vlan, intent.is_default))
        elif _is_as(port, outcome):
            found.add(past.memory)
    return found or facts.memories(key)
