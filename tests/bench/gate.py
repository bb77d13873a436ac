#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What libvirt's hooks add to the start of a guest.

The guest has one vNIC, on a bridge with a hundred others and an enforcing
guard; its row is another guest's, so the VLAN has to be written and flows have
to be installed.  It is held against what nobody can do without: one commit to
the database, and one bundle with as many flows, followed by a barrier, both
from connections that are there already.  Needs no root.
"""

import socket
import statistics
import struct
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "integration")]

import harness  # noqa: E402
import plugger  # noqa: E402
from hooks import Hooks, simple_xml  # noqa: E402
from host import Host, access, until, vm_mac, vm_uuid  # noqa: E402
from oracle import switch  # noqa: E402
from oracle.jsonrpc import Database  # noqa: E402

N_OTHERS, N_STARTS = 100, 30
LIMIT = 3
TAG, STALE_TAG = 10, 4000


class OpenFlow:
    """A connection to a bridge, with just enough of OpenFlow 1.4."""

    VERSION = 5
    HELLO, ECHO_REQUEST, ECHO_REPLY = 0, 2, 3
    FLOW_MOD, BARRIER, BUNDLE_CONTROL, BUNDLE_ADD = 14, 20, 33, 34
    OPEN, COMMIT = 0, 4
    ORDERED_AND_ATOMIC = 3
    TABLE, N_PORTS = 250, 1000      # A table that is nobody's.

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._send(self.HELLO)
        self._data = b""
        self._n_bundles = 0

    def install(self, n_flows):
        """A bundle of flows that do nothing, and a barrier."""
        self._n_bundles += 1
        self._control(self.OPEN)
        for number in range(n_flows):
            self._send(self.BUNDLE_ADD, struct.pack(
                "!IHH", self._n_bundles, 0, self.ORDERED_AND_ATOMIC)
                + self._flow_mod(self._n_bundles * self.N_PORTS + number))
        self._control(self.COMMIT)
        self._send(self.BARRIER)
        self._wait(self.BARRIER + 1)

    def _control(self, kind):
        self._send(self.BUNDLE_CONTROL, struct.pack(
            "!IHH", self._n_bundles, kind, self.ORDERED_AND_ATOMIC))

    def _flow_mod(self, metadata):
        match = struct.pack("!HHIQ", 1, 16, 0x80000408, metadata)
        body = struct.pack("!QQBBHHHIIIHH", 0, 0, self.TABLE, 0, 0, 0, 1,
                           0xffffffff, 0xffffffff, 0xffffffff, 0, 0) + match
        return self._header(self.FLOW_MOD, body) + body

    def _header(self, kind, body):
        return struct.pack("!BBHI", self.VERSION, kind, 8 + len(body), 1)

    def _send(self, kind, body=b""):
        self._socket.sendall(self._header(kind, body) + body)

    def _wait(self, wanted):
        while True:
            while len(self._data) >= 8:
                _, kind, length, _ = struct.unpack("!BBHI", self._data[:8])
                if len(self._data) < length:
                    break
                body, self._data = self._data[8:length], self._data[length:]
                if kind == 1:
                    raise RuntimeError(f"OpenFlow error {body[:4].hex()}")
                if kind == self.ECHO_REQUEST:
                    self._send(self.ECHO_REPLY, body)
                if kind == wanted:
                    return
            self._data += self._socket.recv(65536)


def plug(host, number, tag):
    """As libvirt does; waits until the switch has opened the port."""
    host.vsctl(*host.plug_args(f"tap{number}", vm_uuid(number),
                               vm_mac(number), [f"tag={tag}"])[1:])


def start_others(host, agent):
    for number in range(1, N_OTHERS + 1):
        plug(host, number, TAG)
        host.start_domain(f"vm{number}", vm_uuid(number),
                          (vm_mac(number), f"tap{number}", access(TAG)))
    until(lambda: agent.status()["vnics"]["ready"] == N_OTHERS,
          "the others are ready", timeout=120)


def measure_start(host, agent, hooks, number):
    """(milliseconds in hooks, milliseconds of the same program when nobody
    has to answer, flows that were added)"""
    before = count_flow_mods(agent)
    name = f"vm{number}"
    spent = hooks.passes("qemu", name, "prepare",
                         simple_xml(name, number, TAG)).seconds
    plug(host, number, STALE_TAG)
    spent += hooks.passes("qemu", name, "start", simple_xml(
        name, number, TAG, f"tap{number}")).seconds
    n_flows = count_flow_mods(agent) - before
    idle = sum(hooks.passes("qemu", name, "release", "").seconds
               for _ in range(2))
    host.vsctl("del-port", f"tap{number}")
    return spent * 1000, idle * 1000, n_flows


def count_flow_mods(agent):
    return sum(bridge["flow_mods"] for bridge in agent.status()["openflow"])


def measure_floor(database, openflow, n_flows):
    began = time.monotonic()
    database.transact(plugger.set_columns("tap1", tag=TAG),
                      plugger.set_setting("Open_vSwitch", None, "bench",
                                          str(began)))
    openflow.install(n_flows)
    return (time.monotonic() - began) * 1000


def run(host):
    host.add_bridge()
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    agent, hooks = host.agent(), Hooks(host)
    start_others(host, agent)
    database = Database(host.rundir / "db.sock")
    openflow = OpenFlow(host.rundir / "br0.mgmt")
    assert switch.read(database).ports

    gates, floors = [], []
    for number in range(N_OTHERS + 1, N_OTHERS + 1 + N_STARTS):
        spent, idle, n_flows = measure_start(host, agent, hooks, number)
        gates.append(spent - idle)
        floors.append(measure_floor(database, openflow, n_flows))
    gate, floor = statistics.median(gates), statistics.median(floors)
    is_cheap = gate <= LIMIT * floor
    print(f"start of a guest, {N_OTHERS} vNICs on its bridge, {n_flows} flow "
          f"mods: the hooks add {gate:.1f} ms (and {idle:.1f} ms for two "
          f"processes), the floor is {floor:.1f} ms, {gate / floor:.1f} "
          f"times: {'PASS' if is_cheap else 'FAIL'} (at most {LIMIT})")
    return is_cheap


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, Host, run))
