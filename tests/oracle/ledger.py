# SPDX-License-Identifier: Apache-2.0
"""What a test writes down while things happen, so that at any moment it knows
what the agent can have seen, and which VLANs it had any right to write.

The agent works at its own pace: what it does now may follow from what was
meant a moment ago.  At a checkpoint, when everybody is at rest, all doubts
about the past end."""

from collections import defaultdict
from copy import deepcopy
from dataclasses import replace
from itertools import zip_longest

from . import promise
from .facts import Seen
from .switch import MARK, Columns


def _no_values():
    return [set() for _ in Columns._fields]


class Ledger:
    def __init__(self):
        self.seen = Seen()
        # Since the last checkpoint: what was there or was written by others,
        # by Port row and column; whose row it was; and what was meant, by
        # vNIC.
        self._written = {}
        self._owners = defaultdict(set)
        self._meant = defaultdict(set)
        # What the port of a vNIC had: since then, or before it went.
        self._had = defaultdict(_no_values)
        self._was_right = set()     # Port rows, at any time since then.
        self._wrong = {}            # Port rows and vNICs: what they get.
        self._touched = set()       # Names of ports, since the last note().
        # Port rows: columns that were another VM's when they were handed over.
        self._tainted = {}
        # Networks as they were at any time since the last checkpoint: it is
        # for the agent to find out that they are not so any more.
        self._old_networks = []
        # vNICs as they were before they ended or changed since then, likewise.
        self._earlier = defaultdict(list)

    def begin(self, facts):
        """An agent takes its first look."""
        ports = facts.switch.ports.values()
        self.seen = facts.seen = Seen(
            first={(port.uuid, port.vm_id) for port in ports},
            met=set(facts.vnics),
            ports={key: bool(facts.port_of(key)) for key in facts.vnics})
        self.note(facts)

    # What happens.

    def observe(self, before, after, touches, collected=()):
        """The switch was 'before' and is 'after'.  We wrote to ports named in
        'touches', the agent was to remove those in 'collected'; it alone can
        have done the rest."""
        self._touched.update(touches)
        for name in before.ports.keys() - after.ports.keys():
            assert name in touches or name in collected, (
                f"port {name} was removed")
        for port in after.ports.values():
            old = before.ports.get(port.name)
            if port.name in touches:
                self._note_written(old, port)
            elif not old:
                self._check_put_back(port)
            self._owners[port.uuid].add(port.key)
            if port.name not in touches:
                self._check_columns(port)
            self._note_had(port)

    def _note_had(self, port):
        """Should it be removed, its vNIC gets what it had, unless that was
        another VM's."""
        if port.key and not promise.is_another_vms(port):
            self._add_had(port.key, port.columns)

    def _add_had(self, key, columns):
        for had, value in zip(self._had[key], columns):
            had.add(value)

    def _note_written(self, old, port):
        if old and old.vm_id != port.vm_id:
            self._hand_over(old, port)
        if port.uuid not in self._written:
            self._written[port.uuid] = [{value} for value in port.columns]
            return
        if port.columns != old.columns or port.marked_vm_id is None:
            self._tainted.pop(port.uuid, None)  # Nothing tells any more.
        for written, before, now in zip(self._written[port.uuid], old.columns,
                                        port.columns):
            if before != now:
                written.clear()
            written.add(now)

    def _hand_over(self, old, port):
        """'port' goes from one VM, or none, to another, or none."""
        if (old.uuid, old.vm_id) in self.seen.first:
            self.seen.doubtful.add((old.uuid, old.vm_id))
        if old.vm_id and port.vm_id:
            self.seen.handed.add((port.uuid, port.vm_id))
        self._tainted.pop(port.uuid, None)
        if (port.vm_id and promise.is_another_vms(port)
                and port.columns != Columns()):
            self._tainted[port.uuid] = port.columns

    def _check_put_back(self, port):
        assert port.key in self._meant, f"port {port.name} was added"
        self._written[port.uuid] = [set(had) for had in self._had[port.key]]

    def _check_columns(self, port):
        meant = set().union(*(self._meant[key]
                              for key in self._owners[port.uuid]))
        for column, value, written, meant in zip_longest(
                Columns._fields, port.columns, self._written[port.uuid],
                zip(*meant), fillvalue=()):
            assert value in written or value in meant, (
                f"port {port.name}: nobody was to write {column}={value}; "
                f"written: {written}, meant: {set(meant)}")

    # What follows.

    def change_networks(self, old):
        self._old_networks.append(deepcopy(old))

    def end(self, facts, key):
        """A vNIC ends, or goes on as another one."""
        self._earlier[key].append(deepcopy(facts.vnics[key]))
        self.forget_perhaps(key)

    def forget_perhaps(self, key):
        """The agent may have taken a vNIC for gone."""
        self.seen.remembered[key] = (self.seen.remembered.get(key) or set()
                                     ) | {None}
        self.seen.met.discard(key)
        if self.seen.ports.get(key):
            self.seen.ports[key] = None

    def begin_start(self, facts, vm_id):
        """A hook may tell the agent that a guest is about to start."""
        self.seen.starting.update(key for key in facts.vnics
                                  if key[0] == vm_id)
        self.note(facts)

    def is_bad(self, facts, key):
        """What the agent can think of a vNIC that is about to be plugged."""
        return {promise.is_bad(known, key)
                for known in self._all_known(facts, key)}

    def may_start(self, facts, key):
        return any(promise.may_start(known, key)
                   for known in self._all_known(facts, key))

    def _all_known(self, facts, key):
        """'facts' as the agent can know them."""
        old = self._old_networks if facts.vnics[key].network else ()
        return [facts, *(replace(facts, networks=networks)
                         for networks in old)]

    def note(self, facts):
        """What the agent may do and remember from now on."""
        for key in facts.vnics:
            now, *old = self._all_known(facts, key)
            self._note_vnic(now, key)
            self._count_repair(now, key)
            for known in old:
                self._note_vnic(known, key)
        self._note_earlier(facts)
        self._touched.clear()

    def _note_earlier(self, facts):
        """What still happens to those that are no more is no surprise."""
        for key, nics in self._earlier.items():
            for nic in nics:
                self._note_as(facts, key, nic)

    def _note_as(self, facts, key, nic):
        before = replace(facts, vnics={**facts.vnics, key: nic})
        for known in self._all_known(before, key):
            if key in facts.vnics:
                self._note_vnic(known, key)
            else:
                self._meant[key].update(promise.entitlements(
                    known, key, known.port_of(key)))

    def _note_vnic(self, facts, key):
        port = facts.port_of(key)
        self._meant[key].update(promise.entitlements(facts, key, port))
        if port:
            self._note_port(facts, key, port)

    def _note_port(self, facts, key, port):
        if port.uuid in self._was_right and not port.is_marked:
            # It may have been marked before we changed what is meant.
            marked = replace(port, ids={**port.ids, MARK: port.vm_id})
            self._meant[key].update(
                promise.entitlements(facts, key, marked))
        if promise.is_right(facts, key):
            self._was_right.add(port.uuid)
        self.seen.remembered[key] = (facts.memories(key)
                                     | promise.noted(facts, key))
        self.seen.ports[key] = self.seen.ports.get(key) or None

    def _count_repair(self, facts, key):
        """What is wrong is put right once, unless something happens to it
        meanwhile."""
        port = facts.port_of(key)
        meant = promise.entitlements(facts, key, port)
        what = port.uuid if port else key
        if not promise.may_act(facts, key):
            self._wrong.pop(what, None)
        elif (facts.vnics[key].target in self._touched
              or self._wrong.get(what) != meant):
            self._wrong[what] = meant
            self.seen.repairs[what] += 1

    # Checkpoints.

    def settle(self, facts):
        """Everybody is at rest, and the switch is right."""
        for port in facts.switch.ports.values():
            self._check_taint(port)
        self._written = {port.uuid: [{value} for value in port.columns]
                         for port in facts.switch.ports.values()}
        self._settle_had(facts)
        self._meant.clear()
        self._owners = defaultdict(set, {
            port.uuid: {port.key} for port in facts.switch.ports.values()})
        self._was_right.clear()
        self._old_networks.clear()
        self._earlier.clear()
        self._settle_seen(facts)
        self.seen.starting.clear()
        self.note(facts)

    def _settle_had(self, facts):
        """A port that went meanwhile may have had what was meant just before:
        nobody looked at that moment."""
        was_there = set().union(*self._owners.values())
        self._had = defaultdict(_no_values, {
            key: had for key, had in self._had.items()
            if key in facts.vnics and not facts.port_of(key)})
        for key in self._had.keys() & was_there:
            for columns in self._meant[key]:
                self._add_had(key, columns)
        for port in facts.switch.ports.values():
            self._note_had(port)

    def _check_taint(self, port):
        """Our mark says that the columns are not another VM's any more."""
        if port.is_marked and port.uuid in self._tainted:
            tainted = self._tainted.pop(port.uuid)
            assert (tainted != port.columns
                    or port.columns.plain in self._meant[port.key]), (
                f"port {port.name} was marked as it was: {tainted}")

    def _settle_seen(self, facts):
        left = {port.key for port in facts.switch.ports.values()}
        known = left | facts.vnics.keys()
        self.seen.remembered = {key: facts.memories(key) for key in known}
        self.seen.ports = {key: bool(self.seen.ports.get(key))
                           for key in known}
        for key in facts.vnics:
            port = facts.port_of(key)
            if port:
                self.seen.ports[key] = True
                self.seen.remembered[key] = promise.settled(facts, key)
                if not facts.switch.bridges[port.bridge].is_managed:
                    self.seen.first.add((port.uuid, port.vm_id))
                    self._tainted.pop(port.uuid, None)  # No mark is left.
