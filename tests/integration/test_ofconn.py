# SPDX-License-Identifier: Apache-2.0
"""Flows on a real switch, before anything decides which."""

import json
import re
import signal
import subprocess

import pytest
from host import SANITIZER_WORDS, until

PREFIX = 0x766e << 48
GROUP = 0x76000001
FOREIGN = "table=0,priority=200,cookie=0x99,in_port=9,actions=drop"
SIGNALS = [signal.SIGTERM, signal.SIGKILL]


class Loader:
    """tests/ofconn-load, with its commands and its answers."""

    def __init__(self, host):
        self.host = host
        self.log = host.dir / "ofconn-load.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(host.build / "tests/ofconn-load"), "br0",
                 f"unix:{host.rundir}/br0.mgmt"], env=host.env, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.until(lambda status: status["state"] == "ready")

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def until(self, condition):
        """The first status for which 'condition' is true."""
        def holds():
            status = self.ask("status")
            return condition(status) and status
        return until(holds, "the loader's status is right", timeout=30)

    def load(self, *lines):
        """Says that these flows are meant, and what became of that."""
        path = self.host.dir / "flows"
        path.write_text("".join(line + "\n" for line in lines))
        self.ask("load", str(path))
        return self.until(lambda status: status["state"] == "ready"
                          and status["verdict"] in ("installed", "refused"))

    def counters(self):
        return self.ask("status")["counters"]

    def refresh(self):
        """Reads the switch once more."""
        reads = self.counters()["reads"]
        self.ask("refresh")
        return self.until(lambda status: status["counters"]["reads"] > reads
                          and status["verdict"] != "pending"
                          and status["state"] == "ready")

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(timeout=20) == 0
        text = self.log.read_text()
        assert not any(word in text for word in SANITIZER_WORDS), text


@pytest.fixture
def switch(host):
    """A bridge with three ports, on which nothing passes without flows."""
    host.vsctl("set-fail-mode", "br0", "secure")
    for number in (1, 2, 3):
        host.vsctl("add-port", "br0", f"p{number}", "--", "set", "interface",
                   f"p{number}", "type=dummy", f"ofport_request={number}")
    return host


@pytest.fixture
def loader(switch):
    loader = Loader(switch)
    yield loader
    loader.stop()


def ofctl(host, *args):
    return host.run("ovs-ofctl", "-O", "OpenFlow15", *args).stdout


def dump(host):
    """The flows of the bridge, without what changes by itself."""
    text = ofctl(host, "--no-stats", "--sort", "dump-flows", "br0")
    return [line.strip() for line in text.splitlines()]


def has_no_flood(host, port):
    """OpenFlow 1.0 alone tells of NO_FLOOD."""
    text = host.run("ovs-ofctl", "show", "br0").stdout
    config = re.search(rf"\({port}\): .*\n *config: +(.*)", text).group(1)
    return "NO_FLOOD" in config.split()


def frag_mode(host):
    return host.run("ovs-ofctl", "get-frags", "br0").stdout.strip()


def vnic_flows(number):
    """Flows as those of one vNIC, each with its own cookie."""
    mac = f"52:54:00:00:{number >> 8:02x}:{number & 0xff:02x}"
    ip = f"10.0.{number >> 8}.{number & 0xff}"
    matches = [
        ("0,priority=50", f"in_port={number},vlan_tci=0x0000/0x1fff",
         f"set_field:{number}->reg6,resubmit(,110)"),
        ("0,priority=49", f"in_port={number},vlan_tci=0x1000/0x1000",
         "strip_vlan,load:7->NXM_NX_REG1[],resubmit(,110)"),
        ("110,priority=50", f"reg6={number},dl_src={mac}", "resubmit(,113)"),
        ("130,priority=50", f"reg1={number % 4094},dl_dst={mac}",
         "set_field:0x2/0x3->reg0,resubmit(,160)"),
        ("160,priority=50", f"reg5={number}",
         "push_vlan:0x8100,move:NXM_NX_REG1[0..11]->OXM_OF_VLAN_VID[0..11],"
         f"output:{number}"),
    ]
    matches += [(f"113,priority={50 + i}",
                 f"reg6={number},arp,arp_spa={ip},arp_op={i}", "drop")
                for i in range(15)]
    return [f"table={place},cookie={PREFIX | number << 16 | i:#x},{match},"
            f"actions={actions}"
            for i, (place, match, actions) in enumerate(matches)]


def group(*ports, number=GROUP):
    buckets = "".join(f",bucket=bucket_id:{port},load:{port}->NXM_NX_REG5[],"
                      f"resubmit(,160)" for port in ports)
    return f"group_id={number},type=all{buckets}"


def flow(number, actions, table=100):
    """One flow, by the number of its vNIC."""
    return (f"table={table},priority=7,cookie={PREFIX | number << 16:#x},"
            f"in_port={number},actions={actions}")


# The switch takes no tag off a packet that may have none.
REFUSED = "pop_vlan,output:1"

WHOLE = [group(1, 2, 3), *vnic_flows(1), *vnic_flows(2),
         flow(3, f"group:{GROUP}")]
N_WHOLE = len(WHOLE) - 1


# Installing.


def test_one_bundle_installs_everything(switch, loader):
    status = loader.load(*WHOLE)
    assert status["verdict"] == "installed"
    assert status["counters"]["bundles"] == 1
    assert status["counters"]["add-flow"] == N_WHOLE
    assert status["counters"]["add-group"] == 1
    assert len(dump(switch)) == N_WHOLE
    assert f"group_id={GROUP}" in ofctl(switch, "dump-groups", "br0")


def test_a_right_switch_gets_no_flow_mod(switch, loader):
    loader.load(*WHOLE)
    assert loader.load(*WHOLE)["counters"]["bundles"] == 1
    assert loader.refresh()["counters"]["bundles"] == 1
    loader.stop()

    again = Loader(switch)
    status = again.load(*WHOLE)
    assert status["verdict"] == "installed"
    assert status["counters"]["bundles"] == 0
    again.stop()


def test_a_right_switch_gets_no_flow_mod_in_openflow_14(switch, loader):
    loader.load(*WHOLE)
    loader.stop()
    switch.vsctl("set", "bridge", "br0", "protocols=OpenFlow10,OpenFlow14")
    again = Loader(switch)
    status = again.load(*WHOLE)
    assert status["verdict"] == "installed"
    assert status["counters"]["bundles"] == 0
    again.stop()


def test_only_what_differs_is_sent(switch, loader):
    loader.load(*WHOLE)
    status = loader.load(group(1, 2), *vnic_flows(1), flow(3, "drop"))
    counters = status["counters"]
    assert (counters["modify-group"], counters["modify-flow"],
            counters["delete-flow"]) == (1, 1, len(vnic_flows(2)))
    assert counters["add-flow"] == N_WHOLE
    assert len(dump(switch)) == len(vnic_flows(1)) + 1

    counters = loader.load()["counters"]
    assert counters["delete-group"] == 1
    assert dump(switch) == []


def receive(host, port):
    """A broadcast comes in on a port."""
    host.run("ovs-appctl", "netdev-dummy/receive", f"p{port}",
             f"in_port({port}),eth(src=52:54:00:00:00:01,"
             "dst=ff:ff:ff:ff:ff:ff),eth_type(0x1234)")


def packets(host, table):
    text = ofctl(host, "dump-flows", "br0", f"table={table}")
    return [int(n) for n in re.findall(r"n_packets=(\d+)", text)]


def test_counters_survive_other_actions_but_not_another_owner(switch, loader):
    first = f"cookie={PREFIX | 1 << 16:#x}"
    other = f"cookie={PREFIX | 2 << 16:#x}"
    place = "table=0,priority=7,in_port=1"
    loader.load(f"{place},{first},actions=drop")
    receive(switch, 1)
    until(lambda: packets(switch, 0) == [1], "the packet is counted")

    assert loader.load(f"{place},{first},actions=output:2"
                       )["counters"]["modify-flow"] == 1
    assert packets(switch, 0) == [1]
    assert loader.load(f"{place},{other},actions=output:2"
                       )["counters"]["add-flow"] == 2
    assert packets(switch, 0) == [0]


# Others.


def test_flows_of_others_stay(switch, loader):
    ofctl(switch, "add-flow", "br0", FOREIGN)
    ofctl(switch, "add-group", "br0", "group_id=1,type=all,bucket=output:1")
    before = dump(switch)
    loader.load(*WHOLE)
    assert loader.load()["foreign"] == []
    assert dump(switch) == before
    assert "group_id=1," in ofctl(switch, "dump-groups", "br0")


def test_flows_of_others_in_our_way_are_reported(switch, loader):
    ofctl(switch, "add-flow", "br0",
          "table=100,priority=7,cookie=0x99,in_port=1,actions=drop")
    loader.refresh()
    status = loader.load(flow(1, "output:1"), flow(2, "output:2"))
    assert status["foreign"] == ["cookie=0x99, table=100, priority=7,in_port=1"
                                 " actions=drop"]
    assert status["counters"]["add-flow"] == 1
    assert sum("cookie=0x99" in line for line in dump(switch)) == 1


def test_a_flow_that_took_our_place_meanwhile_stays(switch, loader):
    loader.load(flow(1, "output:1"))
    foreign = "table=100,priority=7,cookie=0x99,in_port=1,actions=output:2"
    ofctl(switch, "add-flow", "br0", foreign)
    loader.load(flow(1, "drop"))
    loader.load()
    assert len(dump(switch)) == 1
    assert "cookie=0x99" in dump(switch)[0]


def test_a_flow_that_took_an_empty_place_meanwhile_is_replaced(switch, loader):
    """OpenFlow cannot be told not to: it looks for flows that overlap with one
    that is added only if none has the same match."""
    place = "table=100,priority=7,in_port=1"
    loader.load()
    ofctl(switch, "add-flow", "br0", f"{place},cookie=0x99,actions=output:2")
    ofctl(switch, "add-flow", "br0",
          f"check_overlap,{place},cookie=0x98,actions=output:2")
    assert "cookie=0x98" in dump(switch)[0]
    loader.load(flow(1, "drop"))
    assert [line for line in dump(switch) if "cookie=0x98" in line] == []


def test_learnt_flows_are_not_ours(switch, loader):
    learnt = (f"table=131,cookie={PREFIX | 1 << 16:#x},idle_timeout=300,"
              "dl_dst=52:54:00:00:00:09,actions=drop")
    loader.load(*WHOLE)
    ofctl(switch, "add-flow", "br0", learnt)
    status = loader.refresh()
    assert status["counters"]["bundles"] == 1
    assert status["foreign"] == []
    assert len(dump(switch)) == N_WHOLE + 1


def test_controllers_of_others_stay_connected(switch, loader):
    monitor = subprocess.Popen(
        ["ovs-ofctl", "-O", "OpenFlow15", "monitor", "br0", "65534"],
        env=switch.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    loader.ask("fragments", "1")
    loader.load(*WHOLE)
    ofctl(switch, "add-flow", "br0", "table=0,actions=controller")
    receive(switch, 3)
    line = monitor.stdout.readline()
    monitor.terminate()
    monitor.wait()
    assert "PACKET_IN" in line, line


def test_packets_without_a_flow_do_not_take_the_slow_path(switch, loader):
    """As they would for the sake of an OpenFlow 1.0 controller."""
    loader.load(flow(1, "drop"))
    text = switch.run("ovs-appctl", "ofproto/trace", "br0",
                      "in_port=3,dl_type=0x1234").stdout
    assert "Datapath actions: drop" in text


# Errors.


def test_a_refused_flow_is_reported_with_its_cookie(switch, loader):
    loader.load(*vnic_flows(1))
    status = loader.load(*vnic_flows(1), *vnic_flows(2),
                         flow(9, REFUSED))
    assert status["verdict"] == "refused"
    assert [error["cookie"] for error in status["errors"]] == [
        f"{PREFIX | 9 << 16:#x}"]
    assert "in_port=9" in status["errors"][0]["text"]
    assert "OFPBAC_MATCH_INCONSISTENT" in status["errors"][0]["text"]
    assert len(dump(switch)) == len(vnic_flows(1))

    status = loader.load(*vnic_flows(1), *vnic_flows(2))
    assert status["verdict"] == "installed"
    assert status["errors"] == []
    assert len(dump(switch)) == 2 * len(vnic_flows(1))


def test_each_refused_flow_is_reported_at_once(switch, loader):
    status = loader.load(*(flow(n, REFUSED) for n in (7, 8, 9)))
    assert sorted(error["cookie"] for error in status["errors"]) == [
        f"{PREFIX | n << 16:#x}" for n in (7, 8, 9)]


def test_a_flow_that_fails_the_commit_is_reported(switch, loader):
    loader.load(flow(1, "drop"))
    status = loader.load(flow(1, "drop"), flow(9, "group:77"))
    assert status["verdict"] == "refused"
    assert [error["cookie"] for error in status["errors"]] == [
        f"{PREFIX | 9 << 16:#x}"]
    assert len(dump(switch)) == 1


def test_a_group_that_is_too_large_is_reported(switch, loader):
    status = loader.load(group(*range(1, 3000)), flow(1, "drop"))
    assert status["verdict"] == "refused"
    assert [error["group"] for error in status["errors"]] == [GROUP]
    assert status["counters"]["reconnects"] == 0
    assert dump(switch) == []


# Faults.


def is_back(loader, bundles):
    return loader.until(lambda status: status["verdict"] == "installed"
                        and status["counters"]["bundles"] == bundles)


@pytest.mark.parametrize("number", SIGNALS, ids=["restart", "kill"])
def test_one_bundle_brings_all_back(switch, loader, number):
    loader.ask("floods", "1=0", "2=0")
    loader.ask("fragments", "1")
    loader.load(*WHOLE)
    before = dump(switch)

    switch.stop("ovs-vswitchd", number)
    loader.until(lambda status: status["state"] == "disconnected")
    switch.start("ovs-vswitchd")
    status = is_back(loader, 2)
    assert status["counters"]["reconnects"] >= 1
    assert status["counters"]["add-flow"] == 2 * N_WHOLE
    assert dump(switch) == before
    assert has_no_flood(switch, "p1") and has_no_flood(switch, "p2")
    assert not has_no_flood(switch, "p3")
    assert frag_mode(switch) == "nx-match"


def test_a_bridge_that_vanishes_and_comes_back(switch, loader):
    loader.load(flow(1, "drop"))
    switch.vsctl("del-br", "br0")
    loader.until(lambda status: status["state"] == "disconnected")
    switch.add_bridge()
    assert is_back(loader, 2)["installed"] == 1
    assert any("in_port=1" in line for line in dump(switch))


def test_a_switch_that_stands_still_is_waited_for(switch, loader):
    switch.send("ovs-vswitchd", signal.SIGSTOP)
    path = switch.dir / "flows"
    path.write_text("\n".join(WHOLE) + "\n")
    assert loader.ask("load", str(path))["verdict"] == "pending"
    assert loader.ask("status")["state"] == "sending"
    switch.send("ovs-vswitchd", signal.SIGCONT)
    assert is_back(loader, 1)["counters"]["reconnects"] == 0


def test_flows_that_somebody_deleted_come_back_with_a_refresh(switch, loader):
    loader.load(*WHOLE)
    ofctl(switch, "del-flows", "br0")
    ofctl(switch, "del-groups", "br0")
    loader.refresh()
    assert is_back(loader, 2)["installed"] == N_WHOLE
    assert len(dump(switch)) == N_WHOLE


def test_a_bridge_with_other_versions_is_a_problem(switch, loader):
    switch.vsctl("set", "bridge", "br0", "protocols=OpenFlow13")
    loader.until(lambda status: "neither OpenFlow14 nor OpenFlow15"
                 in status["problem"])
    switch.vsctl("clear", "bridge", "br0", "protocols")
    loader.until(lambda status: not status["problem"]
                 and status["state"] == "ready")


# Ports.


def test_floods_to_ports_are_forbidden(switch, loader):
    loader.ask("floods", "1=0", "2=0")
    loader.until(lambda status: status["counters"]["port_mods"] == 2)
    until(lambda: has_no_flood(switch, "p2"), "p2 is not flooded to")
    assert has_no_flood(switch, "p1") and not has_no_flood(switch, "p3")

    loader.ask("floods", "1=0", "2=1")
    until(lambda: not has_no_flood(switch, "p2"), "p2 is flooded to")
    assert has_no_flood(switch, "p1")
    assert loader.refresh()["counters"]["port_mods"] == 3


def test_floods_are_forbidden_again_when_somebody_allows_them(switch, loader):
    loader.ask("floods", "1=0")
    until(lambda: has_no_flood(switch, "p1"), "p1 is not flooded to")
    switch.run("ovs-ofctl", "mod-port", "br0", "p1", "flood")
    loader.until(lambda status: status["counters"]["port_mods"] == 2)
    until(lambda: has_no_flood(switch, "p1"), "p1 is not flooded to")


def test_a_new_port_is_not_flooded_to(switch, loader):
    loader.ask("floods", "1=0", "9=0")
    switch.vsctl("add-port", "br0", "p9", "--", "set", "interface", "p9",
                 "type=dummy", "ofport_request=9")
    until(lambda: has_no_flood(switch, "p9"), "p9 is not flooded to")


def test_fragments_can_be_matched_again_after_a_refresh(switch, loader):
    loader.refresh()
    assert frag_mode(switch) == "normal"
    loader.ask("fragments", "1")
    until(lambda: frag_mode(switch) == "nx-match", "fragments are matched")
    switch.run("ovs-ofctl", "set-frags", "br0", "drop")
    loader.refresh()
    until(lambda: frag_mode(switch) == "nx-match", "fragments are matched")


# Size.


def test_a_thousand_vnics(switch, loader):
    """20,000 flows."""
    flows = [line for n in range(1, 1001) for line in vnic_flows(n)]
    assert len(flows) == 20000
    status = loader.load(*(group(*range(i, i + 500), number=GROUP + i)
                           for i in (1, 501)), *flows)
    assert status["verdict"] == "installed", status["errors"]
    assert status["counters"]["bundles"] == 1
    status = loader.refresh()
    assert status["counters"]["bundles"] == 1
    assert status["counters"]["add-flow"] == 20000
