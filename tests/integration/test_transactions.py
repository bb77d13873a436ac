# SPDX-License-Identifier: Apache-2.0
"""What the agent's transactions say to the database."""

import json
import re

from bridge_flows import set_guard, start
from host import until

TRANSACT = re.compile(r'send request, method="transact", params=(.*), id=\d+$',
                      re.MULTILINE)

# A port is put into a bridge, or taken out, and the others stay.
SHARED = {("Bridge", "ports")}


def transactions(agent):
    """The agent's transactions, each a list of operations."""
    return [json.loads(params)[1:]
            for params in TRANSACT.findall(agent.text())]


def columns(operation):
    return {"wait": lambda: operation["columns"],
            "update": lambda: operation["row"],
            "mutate": lambda: [m[0] for m in operation["mutations"]],
            }.get(operation["op"], list)()


def cells(operations, *kinds):
    """What operations of these kinds are about: (table, row, column)."""
    return {(o["table"], json.dumps(o["where"]), column)
            for o in operations if o["op"] in kinds for column in columns(o)}


def test_each_column_that_is_written_is_verified(host, agent):
    agent.ask("vlog/set", "jsonrpc:console:dbg")
    host.vsctl("set", "bridge", "br0", "stp_enable=true",
               "external_ids:vnicd-fail-mode=secure")
    start(host, agent, 1)
    until(lambda: host.vsctl("get-fail-mode", "br0") == "secure",
          "it is secure")
    host.vsctl("set", "port", "tap1", "tag=7", "--", "set", "port", "br0-in",
               "tag=7", "--", "set", "interface", "br0-out", "type=internal")
    until(lambda: (host.column("tap1", "tag"), host.column("br0-in", "tag"),
                   host.column("br0-out", "type", "interface"))
          == ("10", "[]", "patch"), "all is put right")
    set_guard(host, "off")
    until(lambda: host.vsctl("list-ports", "br0") == "tap1",
          "the pair is gone")
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-manage=no")
    until(lambda: "vnicd" not in host.column("tap1", "external_ids",
                                             "interface"), "no mark is left")

    written, unverified = set(), set()
    for operations in transactions(agent):
        cell = cells(operations, "update", "mutate")
        written |= {(table, column) for table, _, column in cell}
        unverified |= {(table, column) for table, _, column
                       in cell - cells(operations, "wait")}
    assert written >= {
        ("Port", "tag"), ("Port", "other_config"), ("Interface", "type"),
        ("Interface", "options"), ("Interface", "external_ids"),
        ("Bridge", "fail_mode"), ("Bridge", "external_ids")}
    assert unverified <= SHARED
