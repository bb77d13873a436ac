# SPDX-License-Identifier: Apache-2.0
"""What Open vSwitch has, read and changed as an operator would."""

import json
import re

VLAN_COLUMNS = ("vlan_mode", "tag", "trunks", "cvlans")

# These change on their own while packets flow.
RESTLESS_COLUMNS = ("statistics", "status", "rstp_statistics")

# What whoever plugs a port says of it.
PORT_COLUMNS = (*VLAN_COLUMNS, "qos")
INTERFACE_COLUMNS = ("type", "options", "external_ids",
                     "ingress_policing_rate", "ingress_policing_burst")

DATABASE = "/etc/openvswitch/conf.db"


def columns(box, port):
    """{"vlan_mode": ..., "tag": ..., "trunks": [...], "cvlans": [...]}"""
    row, = _rows(box, "--columns=" + ",".join(VLAN_COLUMNS), "list", "port",
                 port)
    return vlan(row["vlan_mode"], row["tag"], _as_list(row["trunks"]),
                _as_list(row["cvlans"]))


def vlan(mode=None, tag=None, trunks=(), cvlans=()):
    """What columns() returns for a port that is set like this."""
    return {"vlan_mode": mode, "tag": tag, "trunks": sorted(trunks),
            "cvlans": sorted(cvlans)}


ACCESS_MODES = (None, "access")


def is_access(found, tag):
    """libvirt leaves the mode of an access port empty: both are right."""
    return (found["vlan_mode"] in ACCESS_MODES
            and vlan(None, tag) == {**found, "vlan_mode": None})


def external_ids(box, interface):
    row, = _rows(box, "--columns=external_ids", "list", "interface",
                 interface)
    return row["external_ids"]


def plug(box, port):
    """The bridge of 'port', and all that was said when it was plugged; equal
    for two plugs that only took place at different times."""
    said = {"bridge": box.vsctl("port-to-br", port).strip()}
    for table, names in (("port", PORT_COLUMNS),
                         ("interface", INTERFACE_COLUMNS)):
        row, = _rows(box, "--columns=" + ",".join(names), "list", table, port)
        said.update(row)
    said["external_ids"].pop("vnicd-ready", None)
    return said


def ofport(box, port):
    return int(box.vsctl("get", "interface", port, "ofport"))


def set_port(box, port, *settings):
    """An operator's 'ovs-vsctl set port'; does not wait for the switch."""
    box.vsctl("--no-wait", "set", "port", port, *settings)


def leave_row(box, name, *settings):
    """What the crash of a host leaves of a guest that no libvirt knows."""
    leave_rows(box, [name], *settings)


def leave_rows(box, names, *settings):
    """The same by several names at once."""
    ids = {"attached-mac": "52:54:00:de:ad:01",
           "iface-id": "00000000-dead-4000-8000-000000000001",
           "vm-id": "00000000-dead-4000-8000-000000000002",
           "iface-status": "active"}
    keys = [f'external_ids:{key}="{value}"' for key, value in ids.items()]
    box.vsctl("--no-wait", *[
        word for name in names for word in (
            "--", "--if-exists", "del-port", name,
            "--", "add-port", "br0", name, *settings,
            "--", "set", "interface", name, *keys)])


def remove_ports(box, names):
    box.vsctl("--no-wait", *[word for name in names for word in
                             ("--", "--if-exists", "del-port", name)])


def port_names(box, bridge="br0"):
    """But for the agent's own patch pair."""
    return [port for port in box.vsctl("list-ports", bridge).split()
            if port not in pair_names(box)]


def pair_names(box):
    return {row["name"] for row in
            _rows(box, "--columns=name,external_ids", "list", "interface")
            if "vnicd-patch" in row["external_ids"]}


def limit_rows(box):
    """The names of the taps that libvirt's QoS and Queue rows are for."""
    return {table: sorted(row["external_ids"]["ifname"] for row in
                          _rows(box, "--columns=external_ids", "list", table))
            for table in ("qos", "queue")}


def port_inserts(box):
    """The comment of each transaction so far that made a port: it begins with
    the program that did it.  From the log that the database is."""
    log = box.run(["ovsdb-tool", "-mm", "show-log", DATABASE])
    records = re.split(r"^record \d+:", log, flags=re.MULTILINE)
    return [re.search('"(.*)', record)[1] for record in records
            if "table Port insert row" in record]


def snapshot(box):
    """All rows that a vNIC has, without what changes on its own, and without
    the agent's patch pair."""
    pair = pair_names(box)
    return {table: sorted((
        {column: value for column, value in row.items()
         if column not in RESTLESS_COLUMNS}
        for row in _rows(box, "list", table) if row["name"] not in pair),
        key=lambda row: row["name"])
        for table in ("port", "interface")}


def _rows(box, *args):
    table = json.loads(box.vsctl("--no-wait", "--format=json", *args))
    return [dict(zip(table["headings"], map(_plain, row)))
            for row in table["data"]]


def _as_list(value):
    """A set of one and a single value look alike in OVSDB's JSON."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _plain(value):
    """An empty set is None, as that is what it is for most columns."""
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "map":
        return dict(content)
    if kind == "set":
        return sorted(map(_plain, content)) if content else None
    return content
