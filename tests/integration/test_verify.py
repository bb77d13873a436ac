# SPDX-License-Identifier: Apache-2.0
"""The verification of isolation: it agrees with right flows, and finds each
hole in wrong ones."""

import json
import signal
from pathlib import Path

import pytest
from host import until
from oracle.frames import BROADCAST
from pipeline import Switch
from test_pipeline import CLASSES, MODES, frame, mac, vnic

TOP = Path(__file__).resolve().parents[2]
SCENARIOS = TOP / "tests/flow-scenarios"
N_PORTS = 8
COLUMNS = ("from", "to", "encapsulation", "expected", "found")


class Verified(Switch):
    """A switch that is asked about the bridge that was loaded last."""

    def ask(self, word):
        return self.run(self.build / "tests/ask-switch", self.rundir,
                        self.dir / "bridge.json", word, check=False)

    def verify(self, word="verify"):
        """The disagreements, and how many frames were traced."""
        result = self.ask(word)
        assert result.returncode == 0, result.stderr
        rows = [tuple(row[key] for key in COLUMNS)
                for row in json.loads(result.stdout)]
        n_traces, n_wrong = (int(word) for word in result.stderr.split()
                             if word.isdigit())
        assert bool(n_wrong) == bool(rows)
        return rows, n_traces

    def forbid_floods(self):
        for n in range(1, N_PORTS + 1):
            self.run("ovs-ofctl", "mod-port", "br0", f"p{n}", "no-flood")


@pytest.fixture(scope="module")
def switch(tmp_path_factory, build):
    with Verified(tmp_path_factory.mktemp("switch"), build, TOP,
                  N_PORTS) as switch:
        yield switch


@pytest.mark.parametrize("word", ("verify", "verify-all"))
@pytest.mark.parametrize("name", sorted(
    path.name for path in SCENARIOS.iterdir() if path.name != "empty"))
def test_scenarios_agree(switch, name, word):
    bridge = json.loads((SCENARIOS / name / "bridge.json").read_text())
    switch.load(bridge.pop("vnics"), **bridge)
    rows, n_traces = switch.verify(word)
    assert rows == [] and n_traces > 10


@pytest.mark.parametrize("level", ("enforce", "monitor", "off"))
@pytest.mark.parametrize("mode", MODES)
def test_classes_agree(switch, mode, level):
    switch.load([vnic(n, guard=level, **{**c, **MODES[mode][0]})
                 for n, c in CLASSES.items()])
    rows, n_traces = switch.verify("verify-all")
    # Each pair, three floods, and what is not its own, of each.
    assert rows == [] and n_traces > 6 * (5 + 3 + 2 + 2)


def test_unusual_modes_agree(switch):
    switch.load([vnic(1, vlan_mode="trunk", tag=-1),
                 vnic(2, vlan_mode="native-untagged", tag=10),
                 vnic(3, vlan_mode="native-tagged", tag=10),
                 vnic(4, vlan_mode="dot1q-tunnel", tag=10),
                 vnic(5, vlan_mode="dot1q-tunnel", tag=10, cvlans=[20, 21]),
                 vnic(6), vnic(7, services=["any-mac"])])
    rows, n_traces = switch.verify("verify-all")
    assert rows == [] and n_traces > 100


def test_blocked_ports_are_tried(switch):
    """They send nothing, and get nothing but what NORMAL floods outside."""
    switch.load([vnic(1), vnic(2)], blocked=[7], passes_unknown_ports=True)
    assert switch.verify()[0] == []
    switch.ofctl("--strict", "del-flows", "br0", "table=0,priority=%d,"
                 "in_port=7" % blocked_priority(switch))
    rows, _ = switch.verify()
    assert ("blocked port 7", "outside", "broadcast, untagged", "nothing",
            "the frame") in rows


def blocked_priority(switch):
    flow, = (f for f in switch.flows(0) if "in_port=7" in f)
    return int(flow.split("priority=")[1].split(",")[0])


def test_nothing_is_learnt(switch):
    switch.load([vnic(1, services=["any-mac"]), vnic(2, guard="monitor")])
    before = switch.appctl("fdb/show", "br0"), len(switch.flows(131))
    assert switch.verify("verify-all")[0] == []
    assert (switch.appctl("fdb/show", "br0"),
            len(switch.flows(131))) == before


def test_an_address_that_has_moved_is_no_error(switch):
    """Where nobody enforces it, to whoever may have it."""
    switch.load([vnic(1, guard="monitor"), vnic(2, guard="monitor"), vnic(3),
                 vnic(4, isolation="isolated")])
    asked = frame(mac(3), mac(1))
    for port, tags in ("p2", ()), ("up", (10,)), ("p1", ()):
        switch.send(port, frame(mac(1), BROADCAST, *tags))
        until(lambda p=port: [c.port for c in switch.trace(3, asked).copies]
              == [p], "it has moved")
        assert switch.verify("verify-all")[0] == []
    # But not to whom it cannot have moved.
    switch.ofctl("mod-flows", "br0",
                 f"table=131,dl_dst={mac(1)},reg1=10,actions=output:4")
    assert ("vnic3", "vnic4", "unicast, untagged", "nothing",
            "untagged") in switch.verify("verify-all")[0]


# Holes: what somebody does to the bridge, and a row that must be found.

PLAIN = "untagged"
HOLES = {
    "past-isolation": (
        [["add-flow", f"table=130,priority=99,in_port=2,dl_dst={mac(3)},"
          "actions=output:3"]],
        ("vnic2", "vnic3", "unicast, untagged", "nothing", PLAIN)),
    "normal-for-a-vnic": (
        [["add-flow", "table=0,priority=99,in_port=2,actions=NORMAL"]],
        ("vnic2", "outside", "foreign VLAN, tag 20", "nothing", "the frame")),
    "isolation-that-lets-pass": (
        [["mod-flows", "--strict",
          "table=140,priority=0,actions=resubmit(,150)"]],
        ("vnic2", "vnic3", "broadcast, untagged", "nothing", PLAIN)),
    "bucket-of-another-vlan": (
        [["insert-buckets", "group_id=1979711498,command_bucket_id=last,"
          "bucket=bucket_id=77,actions=output:7"]],
        ("vnic1", "vnic7", "broadcast, untagged", "nothing", PLAIN)),
    "bucket-twice": (
        [["insert-buckets", "group_id=1979711498,command_bucket_id=last,"
          "bucket=bucket_id=77,actions=output:4"]],
        ("vnic1", "vnic4", "multicast, untagged", PLAIN,
         f"{PLAIN}, {PLAIN}")),
    "bucket-that-is-missing": (
        # Numbered from 0, since they were added in OpenFlow 1.4.
        [["remove-buckets", "group_id=1979711498,command_bucket_id=4"]],
        ("outside", "vnic5", "broadcast, tag 10", PLAIN, "nothing")),
    "class-of-another": (
        [["mod-flows", "--strict",
          "table=0,priority=70,in_port=2,vlan_tci=0/0x1fff,actions="
          "set_field:0x2->reg6,set_field:10->reg1,resubmit(,110)"]],
        ("vnic2", "vnic3", "unicast, untagged", "nothing", PLAIN)),
    "any-source": (
        [["add-flow", "table=110,priority=50,in_port=3,"
          "actions=resubmit(,112)"],
         ["add-flow", "table=113,priority=99,arp,in_port=3,"
          "actions=resubmit(,120)"]],
        ("vnic3", "outside", "foreign source, unknown unicast, untagged",
         "nothing", "the frame")),
    "vlan-of-another": (
        [["add-flow", "table=0,priority=90,in_port=1,dl_vlan=20,"
          "actions=pop_vlan,set_field:20->reg1,resubmit(,130)"]],
        ("vnic1", "vnic7", "foreign VLAN, tag 20", "nothing", PLAIN)),
    "tag-at-delivery": (
        [["mod-flows", "--strict",
          "table=160,priority=70,reg1=0xa/0xfff,reg5=4,vlan_tci=0/0x1fff,"
          "actions=push_vlan:0x8100,set_field:4116->vlan_vid,output:4"]],
        ("outside", "vnic4", "unicast, tag 10", PLAIN, "tag 20")),
    "flow-that-is-missing": (
        [["del-flows", f"table=130,dl_dst={mac(5)}"]],
        ("outside", "vnic5", "unicast, tag 10", PLAIN, "nothing")),
    "mirror-of-somebody": (
        [["add-flow", "table=160,priority=99,reg5=5,"
          "actions=output:5,output:8"]],
        ("outside", "outside", "unicast, tag 10", "nothing", "the frame")),
    "floods-of-normal": (
        [["mod-port", "p3", "flood"]],
        ("vnic2", "vnic3", "broadcast, untagged", "nothing", "tag 10")),
}


@pytest.mark.parametrize("hole", HOLES)
def test_holes_are_found(switch, hole):
    switch.load([*(vnic(n, **c) for n, c in CLASSES.items()),
                 vnic(7, tag=20)])
    assert switch.verify()[0] == []
    commands, expected = HOLES[hole]
    for command, *words in commands:
        # Only OpenFlow 1.5 knows buckets, and only 1.0 floods.
        version = "OpenFlow10" if command == "mod-port" else "OpenFlow15"
        switch.run("ovs-ofctl", "-O", version, command, "br0", *words)
    rows, _ = switch.verify()
    switch.forbid_floods()
    assert expected in rows, rows


# The switch itself.


def test_a_bridge_that_is_not_there(switch):
    switch.load([vnic(1)])
    bridge = json.loads((switch.dir / "bridge.json").read_text())
    (switch.dir / "bridge.json").write_text(json.dumps(
        {**bridge, "name": "br9"}))
    result = switch.ask("verify")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "bridge br9: the switch has no bridge br9")


def test_a_switch_that_hangs(switch):
    switch.load([vnic(1)])
    switch.daemons["ovs-vswitchd"].send(signal.SIGSTOP)
    result = switch.ask("verify")
    switch.daemons["ovs-vswitchd"].send(signal.SIGCONT)
    assert result.returncode == 1
    assert (result.stderr.splitlines()[-1]
            == "bridge br0: ovs-vswitchd did not answer within 5 s")
    assert switch.verify()[0] == []


def test_a_switch_that_is_gone(switch):
    switch.load([vnic(1)])
    switch.stop("ovs-vswitchd", signal.SIGKILL)
    result = switch.ask("verify")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(
        "bridge br0: ovs-vswitchd cannot be asked: unix:")
