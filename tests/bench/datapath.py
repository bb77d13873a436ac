#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What the pipeline costs Open vSwitch, against a single NORMAL flow.

Real taps on the userspace datapath; the flows are those of eight vNICs with
an enforcing guard and known addresses.  Both are measured in turns, so that
the machine's moods are the same for both.  Needs root.
"""

import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "integration")]

from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import ARP, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

import harness  # noqa: E402
from host import until  # noqa: E402
from taphost import TapHost  # noqa: E402

N_ENDPOINTS = 8
TAG = 10
OUTSIDE, INSIDE = 30, 31
BATCH = 64                  # Less than a tap's queue holds.
N_BATCHES, N_ROUNDS = 300, 15
PATIENCE_S = 10
FLOWS_LIMIT, IPV4_FLOWS_LIMIT, CPU_LIMIT = 2, 4, 1.05


def mac(n):
    return f"52:54:00:00:00:{n:02x}"


def ip4(n):
    return f"10.0.0.{n}"


def ip6(n):
    return f"2001:db8::{n}"


def tap(n):
    return f"tap{n}"


class Switch(TapHost):
    """A bridge whose ports are taps, with the pipeline or without."""

    def build_bridge(self):
        self.add_bridge()
        words = []
        for n in range(1, N_ENDPOINTS + 1):
            self.add_tap(tap(n))
            self.bring_up(tap(n))
            words += ["--", "add-port", "br0", tap(n), f"tag={TAG}", "--",
                      "set", "interface", tap(n), f"ofport_request={n}"]
        for port, peer, number in (("pa", "pb", OUTSIDE),
                                   ("pb", "pa", INSIDE)):
            words += ["--", "add-port", "br0", port, "--", "set", "interface",
                      port, "type=patch", f"options:peer={peer}",
                      f"ofport_request={number}"]
        self.vsctl(*words[1:], "--", "set", "port", "pb", "trunks=4095")

    def use(self, has_pipeline):
        """Takes the flows of before away."""
        flags = "no-flood" if has_pipeline else "flood"
        for port in ["pb", *map(tap, range(1, N_ENDPOINTS + 1))]:
            self.run("ovs-ofctl", "mod-port", "br0", port, flags)
        self._ofctl("del-flows", "br0")
        self._ofctl("del-groups", "br0")
        # What was forwarded before must not teach the switch later.
        self.run("ovs-appctl", "revalidator/purge")
        self.run("ovs-appctl", "fdb/flush", "br0")
        if has_pipeline:
            self._ofctl("bundle", "br0", self._pipeline())
        else:
            self._ofctl("add-flow", "br0", "actions=NORMAL")
        self.run("ovs-appctl", "revalidator/wait")

    def _ofctl(self, *words):
        return self.run("ovs-ofctl", "-O", "OpenFlow14", *words).stdout

    def _pipeline(self):
        vnics = [{"number": n, "ofport": n, "mac": mac(n), "tag": TAG,
                  "vlan_mode": "access", "guard": "enforce",
                  "addresses": [{"ip": ip4(n)}, {"ip": ip6(n)}]}
                 for n in range(1, N_ENDPOINTS + 1)]
        bridge = self.dir / "bridge.json"
        bridge.write_text(json.dumps({
            "outside": OUTSIDE, "inside": INSIDE, "vnics": vnics,
            "infrastructure": [], "passes_unknown_addresses": True}))
        flows = self.dir / "flows"
        flows.write_text(self.run(self.build / "tests/print-pipeline",
                                  bridge).stdout)
        return flows

    def n_datapath_flows(self):
        text = self.run("ovs-appctl", "dpctl/dump-flows").stdout
        return sum("recirc_id" in line for line in text.splitlines())

    def cpu_ns(self):
        """Processor time of ovs-vswitchd so far."""
        pid = self.daemons["ovs-vswitchd"].process.pid
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0]) + sum(
                int(Path(f"/proc/{pid}/task/{task}/schedstat")
                    .read_text().split()[0])
                for task in os.listdir(f"/proc/{pid}/task")
                if int(task) != pid)

    # Traffic.

    def transmit(self, sender, frame):
        os.write(self.tap(tap(sender)), frame)

    def drain(self, receiver):
        """How many frames have arrived."""
        n = 0
        while True:
            try:
                os.read(self.tap(tap(receiver)), 2000)
                n += 1
            except BlockingIOError:
                return n

    def receive(self, receiver, n):
        deadline = time.monotonic() + PATIENCE_S
        while n > 0:
            time.sleep(0.001)           # The switch has a processor alone.
            n -= self.drain(receiver)
            assert time.monotonic() < deadline, f"{n} frames were lost"

    def learn(self):
        """Lets NORMAL know where everybody is."""
        for n in range(1, N_ENDPOINTS + 1):
            frame = (Ether(src=mac(n), dst="ff:ff:ff:ff:ff:ff")
                     / ARP(op=1, psrc=ip4(n), pdst=ip4(n), hwsrc=mac(n)))
            self.transmit(n, bytes(frame))
        for n in range(1, N_ENDPOINTS + 1):
            until(lambda: self.drain(n), "all have spoken")


def mixed_frames(a, b):
    """What two endpoints say to each other that begin to talk."""
    head = Ether(src=mac(a), dst=mac(b))
    yield Ether(src=mac(a), dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, psrc=ip4(a), pdst=ip4(b), hwsrc=mac(a))
    yield head / ARP(op=2, psrc=ip4(a), pdst=ip4(b), hwsrc=mac(a))
    yield from ipv4_frames(a, b)
    yield (Ether(src=mac(a), dst=f"33:33:ff:00:00:{b:02x}")
           / IPv6(src=ip6(a), dst=f"ff02::1:ff00:{b}", hlim=255)
           / ICMPv6ND_NS(tgt=ip6(b)) / ICMPv6NDOptSrcLLAddr(lladdr=mac(a)))
    yield (head / IPv6(src=ip6(a), dst=ip6(b), hlim=255)
           / ICMPv6ND_NA(tgt=ip6(a), R=0)
           / ICMPv6NDOptDstLLAddr(lladdr=mac(a)))
    for payload in (TCP(sport=40000, dport=443), UDP(sport=40000, dport=53),
                    ICMPv6EchoRequest()):
        yield head / IPv6(src=ip6(a), dst=ip6(b)) / payload / Raw(b"x" * 40)


def ipv4_frames(a, b):
    head = Ether(src=mac(a), dst=mac(b)) / IP(src=ip4(a), dst=ip4(b))
    for payload in (TCP(sport=40000, dport=443), TCP(sport=40001, dport=22),
                    UDP(sport=40000, dport=53), ICMP()):
        yield head / payload / Raw(b"x" * 40)


def count_flows(host, frames):
    """Datapath flows after all pairs have talked."""
    host.learn()
    for a, b in itertools.permutations(range(1, N_ENDPOINTS + 1), 2):
        for frame in frames(a, b):
            host.drain(b)               # What broadcasts have left.
            host.transmit(a, bytes(frame))
            until(lambda: host.drain(b), f"{b} hears {a}", interval=0.001)
    for n in range(1, N_ENDPOINTS + 1):
        host.drain(n)                   # Copies of broadcasts.
    return host.n_datapath_flows()


def packet_ns(host):
    """Processor time for a packet from one endpoint to another."""
    frame = bytes(next(ipv4_frames(1, 2)))
    host.learn()
    forward(host, frame, N_BATCHES // 10)       # Fills the caches.
    before = host.cpu_ns()
    forward(host, frame, N_BATCHES)
    return (host.cpu_ns() - before) / (N_BATCHES * BATCH)


def forward(host, frame, n_batches):
    """The switch stands still while a batch comes in: else what it costs
    would depend on how many frames each of its wake-ups finds."""
    for _ in range(n_batches):
        host.send("ovs-vswitchd", signal.SIGSTOP)
        for _ in range(BATCH):
            host.transmit(1, frame)
        host.send("ovs-vswitchd", signal.SIGCONT)
        host.receive(2, BATCH)


def compare(host, measure, n_rounds=1):
    """(with NORMAL, with the pipeline), the best of rounds in turns: what
    disturbs a round only adds to it."""
    found = {False: [], True: []}
    for has_pipeline in [False, True] * n_rounds:
        host.use(has_pipeline)
        found[has_pipeline].append(measure(host))
    return min(found[False]), min(found[True])


def report(what, unit, normal, pipeline, limit):
    ratio = pipeline / normal
    print(f"{what}: {normal:.0f} {unit} with NORMAL, {pipeline:.0f} with the "
          f"pipeline, {ratio:.2f} times: "
          f"{'PASS' if ratio <= limit else 'FAIL'} (at most {limit})")
    return ratio <= limit


def run(host):
    host.build_bridge()
    return all([
        report("mixed traffic of 8", "datapath flows", *compare(
            host, lambda h: count_flows(h, mixed_frames)), FLOWS_LIMIT),
        report("IPv4 traffic of 8", "datapath flows", *compare(
            host, lambda h: count_flows(h, ipv4_frames)), IPV4_FLOWS_LIMIT),
        report("processor time of a packet", "ns", *compare(
            host, packet_ns, N_ROUNDS), CPU_LIMIT)])


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, Switch, run))
