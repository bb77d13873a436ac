#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""How fast, and at what cost, vnicd does its work.

A real ovsdb-server, ovs-vswitchd (dummy datapath), libvirtd (test driver) and
agent; the guests are rows.  Times are those of the records in the database's
own log, from an operator's commit to the agent's.  Needs no root.
"""

import datetime
import os
import re
import statistics
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "integration")]

import harness  # noqa: E402
from host import Host, access, until, vm_mac, vm_uuid  # noqa: E402

N_PORTS = 30
SIZES = (10, 100, 1000)
N_REPAIRS = 20          # At each size.
N_BURST = 200
MEDIAN_LIMIT_MS = 100

RECORD = re.compile(r'^record \d+: (\S+ \S+) "(.*?)"$', re.M)


def records(host):
    """[(time in ms, comment)] of the database's log."""
    log = host.run("ovsdb-tool", "show-log", host.database).stdout
    return [(datetime.datetime.fromisoformat(when).timestamp() * 1000, what)
            for when, what in RECORD.findall(log)]


def cpu_ms(agent):
    """Processor time of the agent so far."""
    fields = Path(f"/proc/{agent.process.pid}/stat").read_text()
    user, system = fields.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * 1000 / os.sysconf("SC_CLK_TCK")


def plug(host, numbers, tag):
    """Plugs and starts guests as libvirt does, all ports at once; their XML
    says VLAN 10."""
    words = []
    for number in numbers:
        words += host.plug_args(f"tap{number}", vm_uuid(number),
                                vm_mac(number), [f"tag={tag}"])
    host.vsctl("--no-wait", *words[1:])
    for number in numbers:
        host.start_domain(f"vm{number}", vm_uuid(number),
                          (vm_mac(number), f"tap{number}", access(10)))


def wait_ready(agent, n):
    until(lambda: agent.status()["vnics"]["ready"] == n,
          f"{n} vNICs are ready", timeout=120)


def repair(host, number, tag):
    """An operator's slip, and its repair."""
    port = f"tap{number}"
    host.vsctl("--no-wait", "set", "port", port, f"tag={tag}")
    until(lambda: host.column(port, "tag") == "10", f"{port} is put right")


def bench_latency(host, agent):
    """Milliseconds from the operator's commit to the agent's, of each port,
    and how many transactions each repair took."""
    before = agent.transactions()
    for number in range(1, N_PORTS + 1):
        repair(host, number, 4000)
    n_transactions = agent.transactions() - before

    latencies, slip = [], None
    for when, what in records(host):
        if what.startswith("ovs-vsctl") and "tag=4000" in what:
            slip = when
        elif what.startswith("vnicd") and "(operator)" in what and slip:
            latencies.append(when - slip)
            slip = None
    return latencies, n_transactions / N_PORTS


def bench_cost(host, agent, size):
    """Milliseconds of processor time for a repair.  No port has its turn so
    often that the agent backs off."""
    before = cpu_ms(agent)
    for i in range(N_REPAIRS):
        repair(host, size - i % SIZES[0], 4001)
    return (cpu_ms(agent) - before) / N_REPAIRS


def bench_burst(host, agent, first):
    """Transactions, and milliseconds of processor time, for guests that all
    come at once, each in the wrong VLAN."""
    transactions, cpu = agent.transactions(), cpu_ms(agent)
    plug(host, range(first, first + N_BURST), tag=4002)
    wait_ready(agent, first - 1 + N_BURST)
    return agent.transactions() - transactions, cpu_ms(agent) - cpu


def run(host):
    host.add_bridge()
    agent = host.agent()
    n, costs = 0, {}
    for size in SIZES:
        plug(host, range(n + 1, size + 1), tag=10)
        n = size
        wait_ready(agent, n)
        costs[size] = bench_cost(host, agent, size)
        if size == SIZES[1]:
            latencies, per_repair = bench_latency(host, agent)
    n_transactions, burst_ms = bench_burst(host, agent, n + 1)

    median = statistics.median(latencies)
    is_fast = median <= MEDIAN_LIMIT_MS and per_repair == 1
    print(f"repair of a port, {len(latencies)} times, {SIZES[1]} vNICs: "
          f"median {median:.1f} ms, longest {max(latencies):.1f} ms, "
          f"{per_repair:g} transaction each: "
          f"{'PASS' if is_fast else 'FAIL'} (at most {MEDIAN_LIMIT_MS} ms, 1)")
    for size, cost in costs.items():
        ratio = cost / max(costs[SIZES[0]], 0.1)
        print(f"processor time of a repair, {size:4} vNICs: {cost:6.2f} ms, "
              f"{ratio:.1f} times that of {SIZES[0]}")
    print(f"{N_BURST} guests at once in the wrong VLAN: {n_transactions} "
          f"transactions, {burst_ms:.0f} ms of processor time")
    return is_fast


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, Host, run))
