# SPDX-License-Identifier: Apache-2.0
"""The database's own log: who wrote what, in the order in which it was
committed."""

import json
import re

OURS = "vnicd:"
LIBVIRTS = {"attached-mac", "vm-id", "iface-id", "iface-status"}
COLUMNS = {"Port": {"vlan_mode", "tag", "trunks", "cvlans", "qos"},
           "Bridge": {"ports"}}
RECORD = re.compile(rb"OVSDB JSON (\d+) [0-9a-f]+\n")


def transactions(path, offset=0):
    """The records from 'offset' on, and where the next one will begin."""
    with open(path, "rb") as f:
        f.seek(offset)
        data = f.read()
    found, position = [], 0
    while match := RECORD.match(data, position):
        end = match.end() + int(match.group(1))
        if end > len(data):
            break
        found.append(json.loads(data[match.end():end]))
        position = end
    return found, offset + position


def agents_own(records):
    """Those of the agent, which says so in each of its comments."""
    return [record for record in records
            if record.get("_comment", "").startswith(OURS)]


def removed(records, table="Port"):
    """The rows of 'table' that 'records' remove."""
    return {row for record in records
            for row, columns in record.get(table, {}).items()
            if columns is None}


def patch_ports(records):
    """The Port rows of pairs that 'records' make."""
    return {port for record in records
            for port, columns in record.get("Port", {}).items()
            if columns and "name" in columns
            and _is_patch(record["Interface"], columns["interfaces"])}


def _is_patch(interfaces, reference):
    columns = interfaces.get(reference[1]) or {}
    return any(key == "vnicd-patch"
               for key, _ in columns.get("external_ids", ["map", []])[1])


def excess(record):
    """What the agent changed in 'record' and had no business to, as a list of
    sentences; rows that came or went are not looked into."""
    return [f"{table} {row} {column}={value}"
            for table, rows in record.items() if not table.startswith("_")
            for row, columns in rows.items() if columns and "name" not in columns
            for column, value in columns.items()
            if not _is_ours(table, column, value)]


def _is_ours(table, column, value):
    """In the log, what is said of a map are the keys that changed.  libvirt's
    are put back where somebody has taken them."""
    if (table, column) == ("Interface", "external_ids"):
        return all(key.startswith("vnicd-") or key in LIBVIRTS
                   for key, _ in value[1])
    return column in COLUMNS.get(table, ())
