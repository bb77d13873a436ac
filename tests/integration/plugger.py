# SPDX-License-Identifier: Apache-2.0
"""What libvirt writes to a switch, as operations of one transaction each.

It does so by way of ovs-vsctl, whose --may-exist keeps the columns of a port
that is there already.  That is how one guest gets another one's VLAN."""

from oracle.switch import columns_of


class Refused(Exception):
    """ovs-vsctl's reason not to plug."""


def bridge_of(switch, port):
    """The bridge that ovs-vsctl thinks 'port' is on: by its tag it may be a
    fake one."""
    for name, fake in switch.fakes.items():
        if fake == (port.bridge, port.columns.tag):
            return name
    return port.bridge


def add_port(switch, name, bridge, vlan, ids):
    """--may-exist add-port BRIDGE NAME, and libvirt's external_ids."""
    port = switch.ports.get(name)
    if not port:
        return _new_port(switch, name, bridge, vlan, ids)
    if bridge_of(switch, port) != bridge:
        raise Refused(f"port {name} is not on bridge {bridge}")
    return [set_ids(port, ids)]


def _new_port(switch, name, bridge, vlan, ids):
    real = switch.bridges[switch.real_bridge(bridge)]
    columns = columns_of(vlan)
    if vlan is None:
        columns = columns._replace(tag=switch.fake_tag(bridge))
    return [
        {"op": "insert", "table": "Interface", "uuid-name": "interface",
         "row": {"name": name, "external_ids": _map(ids)}},
        {"op": "insert", "table": "Port", "uuid-name": "port",
         "row": {"name": name, "interfaces": ["named-uuid", "interface"],
                 **row_of(columns)}},
        _mutate_ports(real, "insert", ["named-uuid", "port"])]


def del_port(switch, name):
    """--if-exists del-port NAME, wherever it is."""
    port = switch.ports.get(name)
    return [] if not port else [
        _mutate_ports(switch.bridges[port.bridge], "delete",
                      ["uuid", port.uuid])]


def update_vlan(name, vlan):
    """What a live update does: clear, then set."""
    columns = columns_of(vlan)
    return [set_columns(name, tag=columns.tag, trunks=columns.trunks,
                        vlan_mode=columns.vlan_mode)]


def set_columns(name, **columns):
    """What an operator does; None and () clear a column."""
    return {"op": "update", "table": "Port", "where": [["name", "==", name]],
            "row": {column: _value(value)
                    for column, value in columns.items()}}


def set_ids(port, ids):
    """Writes keys of external_ids; None takes one away."""
    return {"op": "mutate", "table": "Interface",
            "where": [["_uuid", "==", ["uuid", port.interface_uuid]]],
            "mutations": _map_mutations(ids)}


def set_setting(table, row_uuid, key, value, column="external_ids"):
    """A key of the bridge 'row_uuid', or of the host; None takes it away."""
    where = [["_uuid", "==", ["uuid", row_uuid]]] if row_uuid else []
    return {"op": "mutate", "table": table, "where": where,
            "mutations": _map_mutations({key: value}, column)}


def row_of(columns):
    return {column: _value(value)
            for column, value in columns._asdict().items()}


def _mutate_ports(bridge, mutator, port):
    return {"op": "mutate", "table": "Bridge",
            "where": [["_uuid", "==", ["uuid", bridge.uuid]]],
            "mutations": [["ports", mutator, port]]}


def _map_mutations(ids, column="external_ids"):
    kept = {key: value for key, value in ids.items() if value is not None}
    return [[column, "delete", ["set", list(ids)]],
            [column, "insert", _map(kept)]]


def _map(content):
    return ["map", list(content.items())]


def _value(value):
    if value is None:
        return ["set", []]
    return ["set", list(value)] if isinstance(value, tuple) else value
