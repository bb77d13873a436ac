# SPDX-License-Identifier: Apache-2.0
"""What Open vSwitch's database holds of bridges and ports, as plain facts."""

import re
import uuid
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Mapping, NamedTuple, Optional

MARK = "vnicd-vm-id"
READY = "vnicd-ready"
PATCH = "vnicd-patch"
SETTINGS = ("vnicd-manage", "vnicd-drift", "vnicd-follow",
            "vnicd-default-vlan", "vnicd-orphans")


class Columns(NamedTuple):
    """The VLAN columns of a port; lists are sorted tuples."""

    vlan_mode: Optional[str] = None
    tag: Optional[int] = None
    trunks: tuple = ()
    cvlans: tuple = ()

    def __str__(self):
        said = [f"{name}={list(value) if isinstance(value, tuple) else value}"
                for name, value in zip(self._fields, self)
                if value not in (None, ())]
        return " ".join(said) or "no VLAN"

    @property
    def plain(self):
        """Without a mode that only names what follows from the others."""
        implied = "trunk" if self.trunks else "access"
        is_implied = (self.vlan_mode == implied
                      and (self.tag is None) == bool(self.trunks))
        return self._replace(vlan_mode=None) if is_implied else self


def columns_of(vlan):
    """The columns that say the <vlan> 'vlan' to a switch; None: no VLAN."""
    if vlan is None:
        return Columns()
    if vlan.native is not None:
        return Columns(f"native-{vlan.native_mode}", vlan.native,
                       tuple(sorted(vlan.tags)))
    if vlan.is_trunk or len(vlan.tags) > 1:
        return Columns(trunks=tuple(sorted(vlan.tags)))
    return Columns(tag=vlan.tags[0])


def matches(columns, vlan):
    """Do 'columns' say 'vlan'?"""
    return columns.plain == columns_of(vlan)


@dataclass(frozen=True)
class Port:
    """A Port with its first Interface."""

    uuid: str
    interface_uuid: str
    name: str
    bridge: str
    columns: Columns
    ids: Mapping[str, str]      # Interface:external_ids
    ofport: Optional[int]
    ifindex: Optional[int]
    error: Optional[str]

    @cached_property
    def key(self):
        """(VM, MAC) of the vNIC whose port it says it is; None if it says
        nothing of use."""
        vm_id = _as_uuid(self.ids.get("vm-id"))
        mac = self.ids.get("attached-mac", "").lower()
        return (vm_id, mac) if vm_id and MAC_PATTERN.fullmatch(mac) else None

    @property
    def vm_id(self):
        return self.key and self.key[0]

    @cached_property
    def marked_vm_id(self):
        """The VM that the agent's mark names, if there is a mark."""
        return _as_uuid(self.ids.get(MARK))

    @property
    def is_marked(self):
        return self.vm_id is not None and self.marked_vm_id == self.vm_id

    @cached_property
    def is_ready(self):
        """Does the mark say a time since when it is?"""
        value = self.ids.get(READY, "")
        return bool(re.fullmatch("[1-9][0-9]{0,14}", value))

    @property
    def is_open(self):
        return (self.ofport or 0) > 0 and not self.error

    @property
    def lacks_netdev(self):
        """Does the switch know that there is no such network device?  With
        the userspace datapath a port stays open when its device goes."""
        return bool(self.error) or self.ifindex == 0


MAC_PATTERN = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True)
class Bridge:
    """A real bridge and the settings that are in force on it."""

    name: str
    uuid: str
    has_controller: bool
    settings: Mapping[str, str]

    @property
    def is_managed(self):
        mode = self.settings.get("vnicd-manage", "auto")
        return mode == "yes" or (mode == "auto" and not self.has_controller)


@dataclass
class Switch:
    """All of it, at one moment."""

    bridges: dict = field(default_factory=dict)
    fakes: dict = field(default_factory=dict)   # name: (real bridge, tag)
    ports: dict = field(default_factory=dict)   # by name
    ids: dict = field(default_factory=dict)     # Open_vSwitch:external_ids

    def real_bridge(self, name):
        return self.fakes[name][0] if name in self.fakes else name

    def fake_tag(self, name):
        return self.fakes[name][1] if name in self.fakes else None


def _select(table, *columns):
    return {"op": "select", "table": table, "where": [],
            "columns": list(columns)}


# What Switch.parse() needs, as the last operations of a transaction.
SELECT = (
    _select("Open_vSwitch", "external_ids"),
    _select("Bridge", "_uuid", "name", "ports", "controller", "external_ids"),
    _select("Port", "_uuid", "name", "interfaces", "fake_bridge",
            *Columns._fields),
    _select("Interface", "_uuid", "external_ids", "ofport", "ifindex",
            "error"),
)


def read(database, *operations, comment=None):
    """Commits 'operations' and returns the switch as it is right after
    that."""
    results = database.transact(*operations, *SELECT, comment=comment)
    end = len(operations) + len(SELECT)
    return _parse(*(result["rows"]
                    for result in results[len(operations):end]))


def _parse(hosts, bridges, ports, interfaces):
    switch = Switch(ids=_map(hosts[0]["external_ids"]))
    interfaces = {row["_uuid"][1]: row for row in interfaces}
    ports = {row["_uuid"][1]: row for row in ports}
    for row in bridges:
        bridge = _parse_bridge(row, switch.ids)
        switch.bridges[bridge.name] = bridge
        for port_uuid in _set(row["ports"]):
            port = ports[port_uuid]
            if port["fake_bridge"]:
                switch.fakes[port["name"]] = (bridge.name,
                                              _scalar(port["tag"]))
            if port["name"] != bridge.name and not port["fake_bridge"]:
                interface = interfaces[_set(port["interfaces"])[0]]
                if PATCH in _map(interface["external_ids"]):
                    continue    # The agent's own business.
                switch.ports[port["name"]] = _parse_port(port, interface,
                                                         bridge.name)
    return switch


def _parse_bridge(row, host_ids):
    own = _map(row["external_ids"])
    settings = {key: ids[key] for ids in (host_ids, own)
                for key in SETTINGS if key in ids}
    return Bridge(row["name"], row["_uuid"][1], bool(_set(row["controller"])),
                  settings)


def _parse_port(row, interface, bridge):
    columns = Columns(_scalar(row["vlan_mode"]), _scalar(row["tag"]),
                      tuple(sorted(_set(row["trunks"]))),
                      tuple(sorted(_set(row["cvlans"]))))
    return Port(row["_uuid"][1], interface["_uuid"][1], row["name"], bridge,
                columns, _map(interface["external_ids"]),
                _scalar(interface["ofport"]), _scalar(interface["ifindex"]),
                _scalar(interface["error"]))


# OVSDB's JSON: a set of one looks like its only element.


def _set(value):
    if isinstance(value, list) and value[0] == "set":
        return [_atom(atom) for atom in value[1]]
    return [_atom(value)]


def _atom(value):
    return value[1] if isinstance(value, list) else value


def _scalar(value):
    content = _set(value)
    return content[0] if content else None


def _map(value):
    return dict(value[1])


@lru_cache(maxsize=1000)
def _as_uuid(text):
    """'text' in canonical form, None if it is no UUID."""
    try:
        return str(uuid.UUID(text)) if text else None
    except ValueError:
        return None
