# SPDX-License-Identifier: Apache-2.0
"""The agent's flows on real bridges: they come, and hold."""

import re
import signal

import pytest
from bridge_flows import (
    clean_up, dump, flows, frag_mode, frame, n_flows, no_floods, ofctl,
    our_flows, our_groups, receivers, secure, set_guard, start, wait_flows,
    wait_ready)
from host import access, until, vm_mac, vm_uuid
from scapy.contrib.igmp import IGMP
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether
from scapy.packet import Raw


# Appearing.


def test_a_pipeline_comes_with_the_first_vnic(host, agent):
    assert agent.status()["openflow"] == []
    assert our_flows(host) == []
    start(host, agent, 1)
    assert flows(agent)["state"] == "installed"
    assert our_flows(host)
    assert no_floods(host) == {"tap1", "br0-in"}
    pair = {port: host.vsctl("--bare", "get", "interface", port,
                             "options:peer")
            for port in ("br0-in", "br0-out")}
    assert pair == {"br0-in": "br0-out", "br0-out": "br0-in"}
    assert host.column("br0-in", "trunks") == "[4095]"
    assert frag_mode(host) == "nx-match"


def test_frames_pass_within_a_vlan_and_not_across(host, agent):
    start(host, agent, 1, 2)
    start(host, agent, 3, tag=20)
    assert receivers(host, "tap1", frame(1, 2)) == ["tap2"]
    assert "tap3" not in receivers(host, "tap1", frame(1, 3))
    assert receivers(host, "tap1", frame(1, None)) == ["br0", "tap2"]
    assert receivers(host, "br0", frame(9, None, 20)) == ["tap3"]


def test_a_guard_that_enforces_drops_what_is_forged(host, agent):
    start(host, agent, 1, 2)
    assert receivers(host, "tap1", frame(7, 2)) == ["tap2"]
    set_guard(host, "enforce")
    until(lambda: receivers(host, "tap1", frame(7, 2)) == [], "it is dropped")
    assert receivers(host, "tap1", frame(1, 2)) == ["tap2"]


def test_without_need_there_is_no_trace(host):
    set_guard(host, "off")
    agent = host.agent()
    start(host, agent, 1)
    assert agent.status()["openflow"] == []
    assert our_flows(host) == []
    assert host.vsctl("list-ports", "br0") == "tap1"


def test_long_names_of_ports_are_told_apart(host, agent):
    """A socket of vhost-user can have one.  OpenFlow 1.0, which alone can keep
    NORMAL from flooding, cuts both to the same 15 characters."""
    start_isolated(host, agent, 1, 2, port="web-frontend-vhost-")
    start(host, agent, 3)
    assert receivers(host, "web-frontend-vhost-1", frame(1, None)) == [
        "br0", "tap3"]
    assert len(re.findall("NO_FLOOD",
                          host.run("ovs-ofctl", "show", "br0").stdout)) == 4


def test_names_of_the_pair_are_free_and_short(host, agent):
    host.vsctl("add-port", "br0", "br0-in")
    host.add_bridge("br-of-a-host-15")
    start(host, agent, 1)
    host.plug("tap2", vm_uuid(2), vm_mac(2), bridge="br-of-a-host-15")
    host.start_domain("web2", vm_uuid(2), (vm_mac(2), "tap2", access(7),
                                           "br-of-a-host-15"))
    wait_ready(agent, 2)
    ports = set(host.vsctl("list-ports", "br0").split())
    mine, = ports - {"tap1", "br0-in", "br0-out"}
    assert re.fullmatch("br0-[0-9a-f]{4}-in", mine)
    for port in host.vsctl("list-ports", "br-of-a-host-15").split():
        assert port == "tap2" or re.fullmatch(
            r"br-of-[0-9a-f]{4}-(in|out)", port)


def test_the_pair_is_no_uplink_and_no_member(host, agent):
    start(host, agent, 1)
    bridge, = agent.json("bridge/list")
    assert bridge["uplinks"] == [] and bridge["connected"] is True
    assert {row["port"] for row in agent.json("vlan/show")} == {"br0",
                                                                "tap1"}
    assert agent.status()["warnings"] == []


# Protocols.


LACKS_10 = ("protocols: bridge br0: no OpenFlow10, without which NORMAL "
            "floods past flows")
LACKS_14 = ("protocols: bridge br0: neither OpenFlow14 nor OpenFlow15, "
            "which flows need")


@pytest.mark.parametrize("protocols, problem", (
    ("OpenFlow14", LACKS_10), ("OpenFlow13,OpenFlow15", LACKS_10),
    ("OpenFlow10,OpenFlow13", LACKS_14)))
def test_without_its_protocols_a_bridge_gets_no_flows(host, protocols,
                                                      problem):
    host.vsctl("set", "bridge", "br0", f"protocols={protocols}")
    agent = host.agent()
    agent.expect_warning("WARN")        # Nobody there speaks its version.
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=10"])
    host.libvirt.createXML(isolated_xml(host, 1))
    until(lambda: problem in agent.status()["warnings"], "it says why")
    wait_flows(agent, "disconnected")
    assert agent.states()["web1", vm_mac(1)] == "waiting"

    host.vsctl("clear", "bridge", "br0", "protocols")
    wait_ready(agent, 1)
    assert not any("protocols" in w for w in agent.status()["warnings"])


def test_without_its_protocols_flows_stay_as_they_are(host, agent):
    start_isolated(host, agent, 1, 2)
    before = dump(host)
    bundles = flows(agent)["bundles"]
    agent.expect_warning("WARN")        # The switch hangs up.
    host.vsctl("set", "bridge", "br0", "protocols=OpenFlow14")
    wait_flows(agent, "disconnected")
    assert receivers(host, "tap1", frame(1, None)) == ["br0"]
    host.plug("tap3", vm_uuid(3), vm_mac(3), ["tag=10"])
    host.libvirt.createXML(isolated_xml(host, 3))
    until(lambda: agent.states().get(("web3", vm_mac(3))) == "waiting",
          "the third one waits")
    assert dump(host) == before
    assert flows(agent)["bundles"] == bundles

    host.vsctl("clear", "bridge", "br0", "protocols")
    wait_ready(agent, 1, 2, 3)
    assert receivers(host, "tap3", frame(3, None)) == ["br0"]


# Holding.


def test_a_restarted_agent_sends_nothing(host, agent):
    start(host, agent, 1, 2)
    set_guard(host, "enforce")
    before = wait_flows(agent) and dump(host)
    for number in (signal.SIGTERM, signal.SIGKILL):
        agent.stop(number)
        assert dump(host) == before
        agent.start()
        host.settled(agent)
        status = wait_flows(agent)
        assert (status["flow_mods"], status["port_mods"]) == (0, 0)
        assert agent.transactions() == 0
        assert dump(host) == before


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGKILL))
def test_a_restarted_switch_gets_everything_back(host, agent, number):
    secure(host)
    start(host, agent, 1, 2)
    before, no_flood = dump(host), no_floods(host)
    bundles = flows(agent)["bundles"]
    agent.expect_warning("rconn|WARN")
    host.stop("ovs-vswitchd", number)
    wait_flows(agent, "disconnected")
    assert agent.vnics()["web1", vm_mac(1)]["state"] == "waiting"
    until(lambda: "disconnected: bridge br0: the switch does not answer: no "
                  "vNIC gets flows" in agent.status()["warnings"],
          "it is told")
    host.start("ovs-vswitchd")
    status = wait_flows(agent)
    assert status["bundles"] == bundles + 1
    assert dump(host) == before and no_floods(host) == no_flood


@pytest.mark.parametrize("damage, mend", [
    ("clear interface tap1 external_ids", ""),
    ("--id=@i create interface name=dummy7 type=dummy -- "
     "add port tap1 interfaces @i",
     "-- --id=@i get interface dummy7 -- remove port tap1 interfaces @i"),
], ids=("keys lost", "bond made"))
def test_whoever_changes_a_port_opens_nothing(host, agent, damage, mend):
    """Nor does the agent, which is told to leave the port so."""
    start_isolated(host, agent, 1, 2)
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-drift=report")
    before = wait_flows(agent) and dump(host)
    passes = agent.status()["passes"]
    host.vsctl("--", *damage.split())
    until(lambda: agent.status()["passes"] > passes, "the agent has looked")
    assert dump(host) == before
    assert receivers(host, "tap1", frame(1, 2)) == []
    host.vsctl("remove", "bridge", "br0", "external_ids", "vnicd-drift",
               *mend.split())
    wait_ready(agent, 1, 2)


@pytest.mark.parametrize("damage", [
    ["del-flows", "br0"],
    ["--strict", "del-flows", "br0", "table=0,priority=1"],
    ["mod-flows", "br0", "table=160,actions=drop"],
    ["del-groups", "br0"],
], ids=["flows", "miss", "actions", "groups"])
def test_damaged_flows_are_put_back(host, agent, damage):
    secure(host)                # Nobody else has a flow there.
    start(host, agent, 1, 2)
    before, groups = dump(host), our_groups(host)
    bundles = flows(agent)["bundles"]
    ofctl(host, *damage)
    until(lambda: flows(agent)["bundles"] > bundles
          and dump(host) == before and our_groups(host) == groups,
          "all is as before")
    assert receivers(host, "tap1", frame(1, 2)) == ["tap2"]


def wait_read(agent, reads):
    return until(lambda: flows(agent)["reads"] > reads and flows(agent),
                 "flows have been read")


def test_the_switch_tells_of_damage_and_is_not_asked(host, agent):
    start(host, agent, 1, 2)
    before, status = our_flows(host), wait_flows(agent)
    ofctl(host, "del-flows", "br0")
    until(lambda: our_flows(host) == before, "flows are back", timeout=2)
    again = wait_flows(agent)
    assert again["bundles"] == status["bundles"] + 1
    assert again["reads"] == status["reads"] + 1

    # What is done to groups alone it does not tell.
    groups = our_groups(host)
    ofctl(host, "mod-group", "br0", f"{groups[0]},type=all")
    agent.ask("reconcile")
    until(lambda: "bucket" in ofctl(host, "dump-groups", "br0", groups[0]),
          "the group is as before")


def test_a_flow_that_will_time_out_takes_no_place_of_ours(host, agent):
    start(host, agent, 1, 2)
    before = our_flows(host)
    ours = next(line for line in before if "table=110" in line)
    place = re.search("table=.*(?= actions)", ours)[0]
    ofctl(host, "add-flow", "br0", f"{place},hard_timeout=9,actions=drop")
    until(lambda: [flow.replace("reset_counts ", "")
                   for flow in our_flows(host)] == before,
          "it is ours again, and counts anew", timeout=2)
    assert agent.status()["warnings"] == []


def test_what_the_switch_learns_is_no_work(host, agent):
    start(host, agent, 1, 2)
    reads = wait_flows(agent)["reads"]
    learnt = host.dir / "learnt"
    learnt.write_text("".join(
        f"table=131,cookie=0x766e010000000034,hard_timeout=1,"
        f"dl_dst=02:00:00:00:{n >> 8:02x}:{n & 0xff:02x},actions=drop\n"
        f"table=0,priority=500,hard_timeout=1,in_port={n + 1000},"
        f"actions=drop\n" for n in range(1000)))
    ofctl(host, "add-flows", "br0", learnt)
    until(lambda: n_flows(host) < 1000, "they have timed out")
    assert flows(agent)["reads"] == reads


def test_whoever_does_not_stop_is_answered_less_and_less(host, agent):
    start(host, agent, 1)
    status = wait_flows(agent)
    for _ in range(100):
        ofctl(host, "--strict", "del-flows", "br0", "table=0,priority=1")
        ofctl(host, "add-flow", "br0", "priority=500,actions=drop")
        ofctl(host, "--strict", "del-flows", "br0", "priority=500")
    assert flows(agent)["reads"] - status["reads"] < 10
    agent.ask("reconcile")
    until(lambda: agent.json("flow/diff") == [], "flows are back")


def storm(host):
    """Somebody adds very many flows among ours."""
    lines = host.dir / "storm"
    lines.write_text("".join(f"table=150,priority={n + 1},actions=drop\n"
                             for n in range(45000)))
    ofctl(host, "--bundle", "add-flows", "br0", lines)


def test_a_storm_that_nobody_listens_to_is_caught_up_with(host, agent):
    """The switch pauses when it cannot get rid of what it has to tell."""
    start(host, agent, 1, 2)
    before = our_flows(host)
    agent.expect_warning("timeval|WARN")    # It does stand still.
    agent.send(signal.SIGSTOP)
    storm(host)
    ofctl(host, "del-flows", "br0")
    coverage = host.run("ovs-appctl", "coverage/read-counter",
                        "ofmonitor_pause").stdout
    assert int(coverage) > 0
    agent.send(signal.SIGCONT)
    until(lambda: our_flows(host) == before, "flows are back")
    until(lambda: agent.json("flow/diff") == [], "nothing else is there")
    assert flows(agent)["reconnects"] == 0


def test_a_storm_of_changes_costs_two_readings(host, agent):
    start(host, agent, 1, 2)
    before, status = our_flows(host), wait_flows(agent)
    storm(host)
    wait_read(agent, status["reads"])
    until(lambda: agent.status()["warnings"], "they are reported")
    reads = flows(agent)["reads"]
    ofctl(host, "del-flows", "br0")
    until(lambda: our_flows(host) == before, "flows are back")
    assert flows(agent)["reads"] - reads <= 2
    assert receivers(host, "tap1", frame(1, 2)) == ["tap2"]


def test_without_libvirt_flows_stay_as_they_are(host):
    """An agent that has yet to hear from libvirt touches none; where there
    are none, it makes those that follow from the rows."""
    secure(host)
    agent = host.agent()
    start(host, agent, 1, 2)
    start(host, agent, 3, tag=20)
    set_guard(host, "enforce")
    before = wait_flows(agent) and dump(host)
    agent.expect_warning("WARN")        # libvirt is away, then the switch.
    agent.stop()
    host.stop("libvirtd")
    agent.start()
    until(lambda: flows(agent)["state"] == "waiting", "it waits for libvirt")
    assert dump(host) == before
    until(lambda: "waiting: bridge br0: its flows stay as an earlier run left "
          "them, and new guests get none, until each libvirt has told whose "
          "port tap1 is" in agent.status()["warnings"], "it says why")

    host.stop("ovs-vswitchd", signal.SIGKILL)
    wait_flows(agent, "disconnected")
    host.start("ovs-vswitchd")
    wait_flows(agent)
    assert receivers(host, "tap1", frame(1, 2)) == ["tap2"]
    assert receivers(host, "tap1", frame(7, 2)) == []
    assert receivers(host, "tap1", frame(1, None)) == ["br0", "tap2"]
    assert agent.vnics()[None, vm_mac(1)]["state"] == "waiting"


def test_what_only_metadata_asks_for_survives_a_restart(host):
    """The settings ask for no pipeline, and that of the guest is there
    already."""
    set_guard(host, "off")
    agent = host.agent()
    start_isolated(host, agent, 1)
    before = wait_flows(agent) and dump(host)
    agent.stop()
    host.send("libvirtd", signal.SIGSTOP)
    agent.start()
    until(lambda: flows(agent)["state"] == "waiting", "it waits for libvirt")
    assert dump(host) == before
    assert agent.json("flow/diff") == []
    host.send("libvirtd", signal.SIGCONT)
    host.settled(agent)
    assert wait_flows(agent)["flow_mods"] == 0
    assert agent.transactions() == 0


def start_isolated(host, agent, *numbers, port="tap"):
    """VMs that their metadata isolates; ready."""
    for n in numbers:
        host.plug(f"{port}{n}", vm_uuid(n), vm_mac(n), ["tag=10"])
        host.libvirt.createXML(isolated_xml(host, n, port))
    wait_ready(agent, *numbers)


def isolated_xml(host, n, port="tap"):
    xml = host.domain_xml(f"web{n}", vm_uuid(n),
                          (vm_mac(n), f"{port}{n}", access(10)))
    return xml.replace("<devices>", "<metadata>"
                       "<v:vnics xmlns:v='urn:vnicd:domain:1'>"
                       f"<v:vnic mac='{vm_mac(n)}'>"
                       "<v:isolation class='isolated'/></v:vnic></v:vnics>"
                       "</metadata><devices>")


def isolation_mark(host, number):
    ids = host.column(f"tap{number}", "external_ids", "interface")
    return re.findall('vnicd-isolation=([^,}]*)', ids)


def test_a_class_outlives_everything_but_the_rows(host):
    """Agent and switch are new, and libvirt does not answer."""
    agent = host.agent()
    start_isolated(host, agent, 1, 2)
    start(host, agent, 3)
    assert [isolation_mark(host, n) for n in (1, 2, 3)] == [["isolated"],
                                                            ["isolated"], []]
    ready = host.column("tap1", "external_ids:vnicd-ready", "interface")
    agent.expect_warning("WARN")        # libvirt is away.
    agent.stop()
    host.stop("libvirtd")
    host.stop("ovs-vswitchd", signal.SIGKILL)
    host.start("ovs-vswitchd")
    agent.start()
    wait_flows(agent)
    assert agent.vnics()[None, vm_mac(1)]["state"] == "waiting"
    assert receivers(host, "tap1", frame(1, 2)) == []
    assert receivers(host, "tap1", frame(1, 3)) == ["tap3"]
    assert receivers(host, "tap3", frame(3, None)) == ["br0", "tap1", "tap2"]
    assert receivers(host, "tap1", frame(7, 3)) == []

    host.start("libvirtd")
    for number in 1, 2, 3:              # It has forgotten them all.
        xml = (isolated_xml(host, number) if number == 2 else
               host.domain_xml(f"web{number}", vm_uuid(number), (
                   vm_mac(number), f"tap{number}", access(10))))
        host.libvirt.createXML(xml)
    wait_ready(agent, 1, 2, 3)
    until(lambda: [isolation_mark(host, n) for n in (1, 2)]
          == [[], ["isolated"]], "the class is what libvirt says")
    assert host.column("tap1", "external_ids:vnicd-ready",
                       "interface") == ready


def test_a_changed_fail_mode_is_survived(host, agent):
    start(host, agent, 1, 2)
    before = our_flows(host)
    for mode in ("secure", "standalone"):
        host.vsctl("set-fail-mode", "br0", mode)
        until(lambda: our_flows(host) == before, "flows are back")


@pytest.mark.parametrize("harm", [
    ["del-port", "br0-in"], ["del-port", "br0-out"],
    ["set", "port", "br0-in", "trunks=10"],
    ["set", "port", "br0-out", "tag=10"],
    ["set", "interface", "br0-out", "options:peer=nobody"],
    ["remove", "port", "br0-in", "other_config", "stp-enable"],
], ids=" ".join)
def test_a_damaged_pair_is_put_right(host, agent, harm):
    start(host, agent, 1, 2)
    transactions = agent.transactions()
    host.vsctl(*harm)
    until(lambda: agent.transactions() > transactions
          and agent.json("plan") == [] and agent.json("flow/diff") == [],
          "it is put right")
    wait_flows(agent)
    wait_ready(agent, 1, 2)
    assert host.column("br0-in", "trunks") == "[4095]"
    assert receivers(host, "tap1", frame(1, None)) == ["br0", "tap2"]


def test_a_bridge_that_is_made_anew_gets_flows_of_its_own(host, agent):
    """Not those of the old one first, for ports with other numbers."""
    start(host, agent, 1, 2)
    drift = agent.json("drift/list")
    agent.expect_warning("rconn|WARN")
    host.vsctl("del-br", "br0", "--", "add-br", "br0", "--", "set", "bridge",
               "br0", "datapath_type=dummy", *host.plug_args(
                   "tap2", vm_uuid(2), vm_mac(2), ["tag=10"]),
               *host.plug_args("tap1", vm_uuid(1), vm_mac(1), ["tag=10"]))
    until(lambda: no_floods(host) >= {"tap1", "tap2"} and our_flows(host),
          "there are flows")
    wait_ready(agent, 1, 2)
    status = wait_flows(agent)
    assert (status["bundles"], status["refused_bundles"]) == (1, 0)
    assert agent.json("drift/list") == drift
    assert receivers(host, "tap1", frame(1, None)) == ["br0", "tap2"]


def test_ports_come_and_go(host, agent):
    start(host, agent, 1, 2)
    one = [line for line in our_flows(host) if "in_port=tap1" in line
           or "in_port=1," in line]
    host.vsctl("add-port", "br0", "eth1")
    start(host, agent, 3)
    assert receivers(host, "tap1", frame(1, None)) == ["br0", "eth1", "tap2",
                                                       "tap3"]
    host.vsctl("del-port", "eth1")
    host.libvirt.lookupByName("web2").destroy()
    host.vsctl("del-port", "tap2")
    until(lambda: receivers(host, "tap1", frame(1, None)) == ["br0", "tap3"],
          "they are gone")
    assert set(one) <= set(our_flows(host))     # Its number is the same.


def coverage(agent):
    """How often things have happened, by name.  It is told once a second."""
    def read():
        found = re.findall(r"^(\S+) .* total: (\d+)$",
                           agent.ask("coverage/show"), re.MULTILINE)
        counts = {name: int(total) for name, total in found}
        return counts if (counts.get("bundle_committed")
                          == flows(agent)["bundles"]) else None
    return until(read, "all is told")


def spent(before, after, name):
    return after.get(name, 0) - before.get(name, 0)


def test_a_vnic_costs_its_own_flows(host, agent):
    set_guard(host, "enforce")
    start(host, agent, *range(1, 31))
    before = coverage(agent)
    n_flows = len(our_flows(host))

    start(host, agent, 31)
    after = coverage(agent)
    n_added = len(our_flows(host)) - n_flows
    assert 30 < n_added < n_flows / 20
    assert spent(before, after, "bridge_flows_built") <= n_added + 1
    assert spent(before, after, "bundle_committed") == 1
    assert spent(before, after, "ofconn_compare_all") == 0

    host.libvirt.lookupByName("web31").destroy()
    host.vsctl("del-port", "tap31")
    until(lambda: len(our_flows(host)) == n_flows, "its flows are gone")
    assert spent(after, coverage(agent), "bridge_flows_built") <= 1


# Real frames.


class Wire:
    """What the switch sends on the ports of VMs, and what these send."""

    def __init__(self, host, *numbers):
        self.host = host
        for number in numbers:
            host.vsctl("set", "interface", f"tap{number}",
                       f"options:tx_pcap={self._capture(number)}")

    def _capture(self, number):
        return self.host.dir / f"tap{number}.pcap"

    def sent(self, number, packet):
        """How often the switch has sent 'packet' to VM 'number'."""
        return self._capture(number).read_bytes().count(bytes(packet))

    def send(self, number, packet):
        """VM 'number' sends 'packet'; all of it has been dealt with then."""
        self.host.run("ovs-appctl", "netdev-dummy/receive", f"tap{number}",
                      bytes(packet).hex())


GROUP, GROUP_MAC = "239.1.1.1", "01:00:5e:01:01:01"
EVERYBODY = bytes.fromhex("01005e000001")   # Whom queries are for.


def joins(source):
    """VM 'source' joins the group, with IGMPv2."""
    return (Ether(src=vm_mac(source), dst=GROUP_MAC)
            / IP(src=f"10.0.0.{source}", dst=GROUP, ttl=1)
            / IGMP(type=0x16, gaddr=GROUP))


def multicast(source):
    return (Ether(src=vm_mac(source), dst=GROUP_MAC)
            / IP(src=f"10.0.0.{source}", dst=GROUP) / Raw(b"m" * 40))


def learnt(host, table):
    return re.findall("52:54:00:00:00:0[0-9]|239.1.1.1",
                      host.run("ovs-appctl", f"{table}/show", "br0").stdout)


def test_what_normal_has_learnt_before_is_forgotten(host):
    """NO_FLOOD is not about members of groups, nor about known addresses."""
    host.vsctl("set", "bridge", "br0", "mcast_snooping_enable=true")
    for n in 1, 2, 3:
        host.plug(f"tap{n}", vm_uuid(n), vm_mac(n), ["tag=10"])
    wire = Wire(host, 1, 2, 3)
    for n in 1, 2, 3:
        wire.send(n, frame(n, None))
        wire.send(n, joins(n))
    assert (len(learnt(host, "fdb")), len(learnt(host, "mdb"))) == (3, 3)

    agent = host.agent()
    host.start_domain("web3", vm_uuid(3), (vm_mac(3), "tap3", access(10)))
    for n in 1, 2:
        host.libvirt.createXML(isolated_xml(host, n))
    wait_ready(agent, 1, 2, 3)
    until(lambda: all(wire.sent(n, EVERYBODY) for n in (1, 2, 3)),
          "they are asked for their groups")
    assert learnt(host, "fdb") == learnt(host, "mdb") == []
    wire.send(1, multicast(1))
    until(lambda: wire.sent(3, multicast(1)), "it came")
    assert [wire.sent(n, multicast(1)) for n in (1, 2, 3)] == [0, 0, 1]

    # What it learns afterwards stays, if only the agent is new.
    wire.send(2, joins(2))
    assert learnt(host, "mdb") == [GROUP]
    agent.stop()
    agent.start()
    host.settled(agent)
    wait_flows(agent)
    assert learnt(host, "mdb") == [GROUP]


def test_a_switch_that_does_not_forget_is_asked_again(host):
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=10"])
    wire = Wire(host, 1)
    wire.send(1, frame(1, None))
    pid = (host.rundir / "ovs-vswitchd.pid").read_text().strip()
    control = host.rundir / f"ovs-vswitchd.{pid}.ctl"
    hidden = control.rename(control.with_suffix(".hidden"))

    agent = host.agent()
    agent.expect_warning("stays for now: ovs-vswitchd cannot be asked")
    host.start_domain("web1", vm_uuid(1), (vm_mac(1), "tap1", access(10)))
    until(lambda: "stays for now" in agent.text(), "it is told")
    hidden.rename(control)
    assert learnt(host, "fdb")
    until(lambda: not learnt(host, "fdb"), "it is forgotten")


def test_what_normal_learns_between_flows_is_forgotten(host, agent):
    """They go and come while the switch does not answer, so that all is done
    over one connection."""
    start(host, agent, 1, 2)
    wire = Wire(host, 1, 2)
    wire.send(1, frame(1, None))
    until(lambda: learnt(host, "fdb"), "it is learnt")
    host.send("ovs-vswitchd", signal.SIGSTOP)
    for level, state in (("off", "removing"), ("monitor", "installing")):
        host.vsctl("--no-wait", "set", "bridge", "br0",
                   f"external_ids:vnicd-guard={level}")
        wait_flows(agent, state)
    host.send("ovs-vswitchd", signal.SIGCONT)
    wait_flows(agent)
    until(lambda: not learnt(host, "fdb"), "it is forgotten")


N_TRUNKS, N_VLANS = 24, 100


def test_all_are_asked_however_many(host):
    """More than the switch takes at once: it gets the rest later."""
    host.vsctl("set", "bridge", "br0", "mcast_snooping_enable=true")
    numbers, tags = range(1, N_TRUNKS + 1), range(1, N_VLANS + 1)
    trunks = ",".join(str(tag) for tag in tags)
    vlan = "<vlan trunk='yes'>{}</vlan>".format(
        "".join(f"<tag id='{tag}'/>" for tag in tags))
    for n in numbers:
        host.plug(f"tap{n}", vm_uuid(n), vm_mac(n), [f"trunks={trunks}"])
        host.start_domain(f"web{n}", vm_uuid(n),
                          (vm_mac(n), f"tap{n}", vlan))
    wire = Wire(host, *numbers)

    host.agent()
    until(lambda: all(wire.sent(n, EVERYBODY) == N_VLANS for n in numbers),
          "all are asked in each VLAN", timeout=30)


# Mirrors.


def test_the_output_port_of_a_mirror_gets_copies_alone(host, agent):
    start(host, agent, 1, 2, 3)
    wire = Wire(host, 1, 2, 3)
    host.vsctl("--", "--id=@p", "get", "port", "tap3", "--", "--id=@m",
               "create", "mirror", "name=m0", "select_all=true",
               "output_port=@p", "--", "set", "bridge", "br0", "mirrors=@m")
    shown = until(lambda: (v := agent.vnics()["web3", vm_mac(3)])["reason"]
                  and v, "it is told")
    assert shown["state"] == "ready"
    assert shown["reason"] == ("mirror m0 sends its copies to port tap3, "
                               "which has no other traffic")
    until(lambda: agent.json("flow/diff") == []
          and not any(vm_mac(3) in flow for flow in our_flows(host)),
          "it has no flows")
    wait_flows(agent)

    for packet in frame(1, 2), frame(1, None):
        wire.send(1, packet)
        until(lambda p=packet: wire.sent(2, p) and wire.sent(3, p), "it came")
        assert (wire.sent(2, packet), wire.sent(3, packet)) == (1, 1)
    for packet in frame(3, 1), frame(3, None):
        wire.send(3, packet)
    last = frame(2, 1)
    wire.send(2, last)
    until(lambda: wire.sent(1, last), "it came")
    assert [wire.sent(1, frame(3, to)) for to in (1, None)] == [0, 0]
    assert agent.json("isolation/verify") == []

    host.vsctl("clear", "bridge", "br0", "mirrors")
    until(lambda: receivers(host, "tap1", frame(1, 3)) == ["tap3"],
          "it is a vNIC again")
    wait_ready(agent, 1, 2, 3)


# Protected ports.


def test_protected_ports_are_kept_apart(host, agent):
    host.vsctl("add-port", "br0", "eth1")
    start(host, agent, 1, 2, 3)
    for port in "tap1", "tap2":
        host.vsctl("set", "port", port, "protected=true")
    until(lambda: agent.json("isolation/verify") == [], "it is known")
    assert receivers(host, "tap1", frame(1, None)) == ["br0", "eth1", "tap3"]
    assert receivers(host, "tap1", frame(1, 2)) == []
    assert receivers(host, "tap3", frame(3, 2)) == ["tap2"]
    assert agent.status()["warnings"] == []

    host.vsctl("set", "port", "eth1", "protected=true")
    warning, = until(lambda: agent.status()["warnings"], "it is told")
    assert warning.startswith("protected: bridge br0: ports eth1 and tap1 ")


def test_a_name_is_cut_between_characters(host, agent):
    """The database takes no other."""
    bridge = "abcdücken-an"
    host.add_bridge(bridge)
    host.vsctl("set", "bridge", bridge, "external_ids:vnicd-guard=enforce")
    mac = vm_mac(1)
    host.plug("tap1", vm_uuid(1), mac, ["tag=10"], bridge=bridge)
    host.start_domain("web1", vm_uuid(1), (mac, "tap1", access(10), bridge))
    until(lambda: agent.states().get(("web1", mac)) == "ready",
          "web1 is ready")
    assert our_flows(host, bridge)


# fail_mode.


def fail_mode(host):
    return host.vsctl("get-fail-mode", "br0")


@pytest.fixture
def secured(host, agent):
    """A bridge whose fail_mode is the agent's."""
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-fail-mode=secure")
    start(host, agent, 1, 2)
    until(lambda: fail_mode(host) == "secure", "it is secure")
    until(lambda: receivers(host, "br0", frame(9, None, 10))
          == ["tap1", "tap2"], "flows are back")
    return host


def test_fail_mode_is_secure_once_flows_are_there(secured, agent):
    set_guard(secured, "enforce")
    wait_flows(agent)
    assert agent.status()["warnings"] == []
    assert not any("priority=0 " in flow for flow in dump(secured)
                   if "table=" not in flow)


def test_fail_mode_is_put_right(secured, agent):
    before = our_flows(secured)
    secured.vsctl("del-fail-mode", "br0")
    until(lambda: fail_mode(secured) == "secure", "it is secure")
    assert agent.json("drift/list")[-1]["column"] == "fail_mode"
    until(lambda: our_flows(secured) == before, "flows are back")


@pytest.mark.parametrize("setting", ("vnicd-guard=off", "vnicd-manage=no"))
def test_fail_mode_is_given_back(secured, agent, setting):
    secured.vsctl("set", "bridge", "br0", f"external_ids:{setting}")
    until(lambda: secured.vsctl("list-ports", "br0").split()
          == ["tap1", "tap2"], "the pair is gone")
    assert fail_mode(secured) == ""
    assert "before" not in secured.vsctl("get", "bridge", "br0",
                                         "external_ids")
    assert receivers(secured, "tap1", frame(1, None)) == ["br0", "tap2"]


def test_a_cleanup_gives_fail_mode_back(secured, agent):
    agent.stop()
    assert clean_up(secured).returncode == 0
    assert fail_mode(secured) == ""
    assert receivers(secured, "tap1", frame(1, None)) == ["br0", "tap2"]


# Commands.


def test_flows_are_listed_with_their_names(host, agent):
    start(host, agent, 1)
    rows = agent.json("flow/dump", "br0")
    assert len(rows) == len(our_flows(host))
    own = [row for row in rows if row["vnic"] == f"web1/{vm_mac(1)}"]
    assert {"vlan", "own-mac", "deliver"} <= {row["rule"] for row in own}
    assert rows[0]["table"] == "CLASSIFY" and rows[0]["table_id"] == 0
    assert agent.json("flow/diff") == []
    assert "there is no bridge 'br7'" in agent.refuses("flow/dump", "br7")


def test_what_fails_open_is_a_warning_where_it_matters(host, agent):
    start(host, agent, 1)
    assert agent.status()["warnings"] == []
    set_guard(host, "enforce")
    until(lambda: any(w.startswith("fail-open: bridge br0")
                      for w in agent.status()["warnings"]), "it is told")
    secure(host)
    until(lambda: agent.status()["warnings"] == [], "all is well")
