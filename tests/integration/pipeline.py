# SPDX-License-Identifier: Apache-2.0
"""A switch without an agent, whose flows are those of a described bridge, and
what becomes of frames in it."""

import json
import re
from collections import namedtuple

from host import Host, until

UPLINK, OUTSIDE, INSIDE = 20, 30, 31

# What a port of the switch sent: its VLAN tags, outermost first.
Copy = namedtuple("Copy", "port tags")
# The fate of a frame: its copies, and the rules of flows with our cookie that
# it met, by table.
Fate = namedtuple("Fate", "copies rules text")


def rule_names(top):
    """The names of rules by their numbers, as flows/tables.h has them."""
    text = (top / "flows" / "tables.h").read_text()
    return {int(number): name for number, name in
            re.findall(r'RULE\(\w+, (\d+), "([^"]+)"', text)}


class Switch(Host):
    """ovsdb-server and ovs-vswitchd, a bridge with an uplink, the patch pair,
    and ports p1, p2, … for vNICs."""

    def __init__(self, directory, build, top, n_ports):
        super().__init__(directory, build)
        self.rules = rule_names(top)
        self.n_ports = n_ports
        self.odp = {}

    def __enter__(self):
        self.start_switch()
        self.add_bridge()
        self._add_ports()
        self.ofctl("set-frags", "br0", "nx-match")
        self._read_numbers()
        return self

    def ofctl(self, *words):
        return self.run("ovs-ofctl", "-O", "OpenFlow14", *words).stdout

    def appctl(self, *words):
        return self.run("ovs-appctl", *words).stdout

    def _add_ports(self):
        numbers = {"up": UPLINK, **{f"p{n}": n for n in
                                    range(1, self.n_ports + 1)}}
        words = ["set", "bridge", "br0", "fail_mode=secure"]
        for port, number in numbers.items():
            words += ["--", "add-port", "br0", port, "--", "set", "interface",
                      port, f"ofport_request={number}",
                      f"options:tx_pcap={self.capture(port)}"]
        for port, peer, number in (("pa", "pb", OUTSIDE),
                                   ("pb", "pa", INSIDE)):
            words += ["--", "add-port", "br0", port, "--", "set", "interface",
                      port, "type=patch", f"options:peer={peer}",
                      f"ofport_request={number}"]
        words += ["--", "set", "port", "pb", "trunks=4095"]
        self.vsctl(*words)
        for port in ("pb", *numbers):
            if port != "up":
                # Only OpenFlow 1.0 knows this one.
                self.run("ovs-ofctl", "mod-port", "br0", port, "no-flood")

    def _read_numbers(self):
        """How datapath actions call the ports."""
        for name, odp in re.findall(r"^\s+(\w+) \d+/(\d+):",
                                    self.appctl("dpif/show"), re.MULTILINE):
            self.odp[odp] = name

    # Flows.

    def load(self, vnics, **settings):
        """Puts the flows of a bridge with these vNICs in place of all."""
        bridge = {"outside": OUTSIDE, "inside": INSIDE,
                  "infrastructure": [UPLINK],
                  "passes_unknown_addresses": True, "vnics": vnics, **settings}
        description = self.dir / "bridge.json"
        description.write_text(json.dumps(bridge))
        flows = self.dir / "flows"
        flows.write_text(self.run(self.build / "tests/print-pipeline",
                                  description).stdout)
        self.use_normal(keep=False)
        self.ofctl("bundle", "br0", flows)
        n_meant = sum(line.startswith("flow ")
                      for line in flows.read_text().splitlines())
        assert len(self.flows()) == n_meant
        self.appctl("revalidator/wait")

    def use_normal(self, keep=True):
        """The bridge as it is without us."""
        self.ofctl("del-flows", "br0")
        self.ofctl("del-groups", "br0")
        self.appctl("fdb/flush", "br0")
        if keep:
            self.ofctl("add-flow", "br0", "actions=NORMAL")

    def forget(self):
        """What the switch has learnt into our tables, from traces, too."""
        self.ofctl("del-flows", "br0", "table=131,cookie=0x34/0xffff")

    def flows(self, table=None):
        words = [] if table is None else [f"table={table}"]
        return re.findall("cookie=.*", self.ofctl("dump-flows", "br0", *words))

    def counted(self, number):
        """The rules that vNIC 'number' broke, with how many packets."""
        counts = {}
        for flow in [*self.flows(table=119), *self.flows(table=129)]:
            cookie, packets = re.search(
                r"cookie=0x766e01(\w+),.*n_packets=(\d+)", flow).groups()
            vnic, rule = int(cookie[:-4], 16), int(cookie[-4:], 16)
            if vnic == number and int(packets):
                counts[self.rules[rule]] = int(packets)
        return counts

    # Frames.

    def trace(self, port, frame):
        """What would become of 'frame' if it came in on port number 'port'."""
        text = self.appctl("ofproto/trace", "br0", f"in_port={port}",
                           bytes(frame).hex())
        actions = re.search("Datapath actions: (.*)", text)[1]
        rules = [(int(table), self.rules[int(cookie[-4:], 16)])
                 for table, cookie in re.findall(
                     r"^ *(\d+)\. .*cookie 0x766e01(\w+)$", text,
                     re.MULTILINE)]
        return Fate(self._copies(frame, actions), rules, text)

    def _copies(self, frame, actions):
        tags = tags_of(bytes(frame))
        copies = []
        for action in re.findall(r"[\w]+(?:\([^)]*\))?", actions):
            if action == "pop_vlan":
                tags = tags[1:]
            elif action.startswith("push_vlan"):
                tpid = re.search(r"tpid=(0x\w+)", action)
                vid = re.search(r"vid=(\d+)", action)[1]
                tpid = int(tpid[1], 16) if tpid else 0x8100
                tags = ((tpid, int(vid)), *tags)
            elif action in self.odp:
                copies.append(Copy(self.odp[action], tags))
            else:
                assert action == "drop", actions
        return sorted(copies)

    def send(self, port, frame):
        """Lets 'frame' come in on the port called 'port'."""
        self.appctl("netdev-dummy/receive", port, bytes(frame).hex())

    def capture(self, port):
        return self.dir / f"{port}.pcap"

    def sent(self, port):
        """All frames that the switch has sent on 'port' so far."""
        data = self.capture(port).read_bytes()
        frames, at = [], 24
        while at < len(data):
            size = int.from_bytes(data[at + 8:at + 12], "little")
            frames.append(data[at + 16:at + 16 + size])
            at += 16 + size
        return frames

    def wait_for(self, port, frame):
        until(lambda: bytes(frame) in self.sent(port),
              f"{port} sends {bytes(frame).hex()}")


def tags_of(frame):
    tags, at = (), 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        vid = int.from_bytes(frame[at + 2:at + 4], "big") & 0xfff
        tags += ((int.from_bytes(frame[at:at + 2], "big"), vid),)
        at += 4
    return tags
