# SPDX-License-Identifier: Apache-2.0
"""The agent's flows on real bridges: they come, hold, and go."""

import re
import signal

import pytest
from fake_bridge import FakeBridge
from host import access, until, vm_mac, vm_uuid
from scapy.contrib.igmp import IGMP
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

OURS = "cookie=0x766e01"
LEARNT = re.compile("cookie=0x766e01[0-9a-f]{6}0034, table=131")
BROADCAST = "ff:ff:ff:ff:ff:ff"
FOREIGN = "table=110,priority=7,cookie=0x99,in_port=9,actions=drop"


# The switch.


def ofctl(host, *args):
    return host.run("ovs-ofctl", "-O", "OpenFlow14", *args).stdout


def dump(host, bridge="br0"):
    """The flows of a bridge, without what changes by itself."""
    text = ofctl(host, "--no-stats", "dump-flows", bridge)
    return sorted(line.strip() for line in text.splitlines()
                  if not LEARNT.search(line))


def our_flows(host, bridge="br0"):
    return [line for line in dump(host, bridge) if OURS in line]


def our_groups(host):
    return sorted(re.findall(r"group_id=19797\d+",
                             ofctl(host, "dump-groups", "br0")))


def no_floods(host):
    """The ports that NORMAL does not flood to; OpenFlow 1.0 alone tells."""
    text = host.run("ovs-ofctl", "show", "br0").stdout
    found = re.findall(r"^ \d+\((\S+)\): .*\n *config: +(.*)", text,
                       re.MULTILINE)
    return {port for port, config in found if "NO_FLOOD" in config.split()}


def frag_mode(host):
    return host.run("ovs-ofctl", "get-frags", "br0").stdout.strip()


def set_guard(host, level):
    host.vsctl("set", "bridge", "br0", f"external_ids:vnicd-guard={level}")


def secure(host):
    host.vsctl("set-fail-mode", "br0", "secure")


# The agent.


def flows(agent, bridge="br0"):
    """What 'status' says of the flows of a bridge."""
    return next((b for b in agent.status()["openflow"]
                 if b["bridge"] == bridge), {"state": None})


def wait_flows(agent, state="installed"):
    return until(lambda: flows(agent)["state"] == state and flows(agent),
                 f"flows are {state}")


def wait_ready(agent, *numbers):
    until(lambda: all(agent.states().get((f"web{n}", vm_mac(n))) == "ready"
                      for n in numbers), "they are ready")


def start(host, agent, *numbers, tag=10):
    """VMs web1, … on ports tap1, …; ready."""
    for number in numbers:
        host.start_vm(f"web{number}", number, tag)
    wait_ready(agent, *numbers)


def frame(source, destination, *tags):
    """What VM 'source' sends to VM 'destination', or to all."""
    head = Ether(src=vm_mac(source),
                 dst=vm_mac(destination) if destination else BROADCAST)
    for vid in tags:
        head /= Dot1Q(vlan=vid)
    return head / IP(src=f"10.0.0.{source}") / ICMP() / Raw(b"x" * 40)


def receivers(host, port, packet):
    """The ports that a frame from 'port' leaves by."""
    host.run("ovs-appctl", "revalidator/wait")
    number = host.vsctl("get", "interface", port, "ofport")
    text = host.run("ovs-appctl", "ofproto/trace", "br0", f"in_port={number}",
                    bytes(packet).hex()).stdout
    actions = re.search("Datapath actions: (.*)", text)[1]
    numbers = dict(re.findall(r"^\s+(\S+) \d+/(\d+):",
                              host.run("ovs-appctl", "dpif/show").stdout,
                              re.MULTILINE))
    return sorted(name for name, odp in numbers.items()
                  if odp in re.sub(r"\([^)]*\)", "", actions).split(","))


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
    host.start("ovs-vswitchd")
    status = wait_flows(agent)
    assert status["bundles"] == bundles + 1
    assert dump(host) == before and no_floods(host) == no_flood


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


def n_flows(host):
    return len(ofctl(host, "dump-flows", "br0").splitlines())


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
EVERYBODY = "01:00:5e:00:00:01"     # Whom queries are for.


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
    query = bytes.fromhex(EVERYBODY.replace(":", ""))
    until(lambda: all(wire.sent(n, query) for n in (1, 2, 3)),
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


# Others.


def test_nothing_is_installed_among_flows_of_others(host, agent):
    ofctl(host, "add-flow", "br0", FOREIGN)
    start(host, agent, 1)
    assert flows(agent)["state"] == "foreign-flows"
    assert any("foreign-flows" in w for w in agent.status()["warnings"])
    row, = agent.json("flow/diff", "br0")
    assert (row["kind"], row["reason"]) == ("report", "foreign-flows")
    assert our_flows(host) == [] and no_floods(host) == set()
    assert host.vsctl("list-ports", "br0") == "tap1"

    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-manage=yes")
    wait_flows(agent)
    wait_ready(agent, 1)
    assert our_flows(host) and any("cookie=0x99" in f for f in dump(host))


@pytest.mark.parametrize("flow", (
    "actions=NORMAL", "arp,actions=NORMAL", "priority=0,actions=drop",
    "priority=200,in_port=9,actions=resubmit(,10)"))
def test_nothing_is_installed_below_flows_of_others(host, agent, flow):
    """What NORMAL got from such a flow would come back to its sender, and what
    comes from outside would be lost between the patch ports."""
    ofctl(host, "add-flow", "br0", flow)
    before = dump(host)
    start(host, agent, 1)
    assert flows(agent)["state"] == "foreign-flows"
    row, = agent.json("flow/diff", "br0")
    assert (row["kind"], row["reason"]) == ("report", "foreign-flows")
    assert dump(host) == before and no_floods(host) == set()


def test_flows_of_others_that_only_drop_are_in_nobodys_way(host, agent):
    ofctl(host, "add-flow", "br0", "udp,tp_src=67,actions=drop")
    start(host, agent, 1)
    wait_flows(agent)
    wait_ready(agent, 1)
    assert agent.status()["warnings"] == []


def test_flows_of_others_that_come_later_are_warned_of(host, agent):
    start(host, agent, 1)
    wait_ready(agent, 1)
    ofctl(host, "add-flow", "br0", "actions=NORMAL")
    until(lambda: any("foreign-flows" in w
                      for w in agent.status()["warnings"]), "it is told")
    ofctl(host, "--strict", "del-flows", "br0", "priority=32768")
    until(lambda: agent.status()["warnings"] == [], "it is not told any more")


FLEETING = "priority=200,idle_timeout={},actions=NORMAL"


def test_flows_that_lead_past_ours_for_a_while_are_warned_of(host, agent):
    start(host, agent, 1)
    wait_ready(agent, 1)
    status = wait_flows(agent)
    ofctl(host, "add-flow", "br0", FLEETING.format(2))
    until(lambda: any("foreign-flows" in w
                      for w in agent.status()["warnings"]), "it is told")
    row, = agent.json("flow/diff")
    assert (row["kind"], row["reason"]) == ("report", "foreign-flows")
    assert row["key"] == "flow table=0, priority=200"
    until(lambda: agent.status()["warnings"] == [], "it has expired")
    assert agent.json("flow/diff") == []
    assert flows(agent)["reads"] == status["reads"] + 2


def test_a_flow_that_will_time_out_is_no_last_flow(host, agent):
    """Nothing would pass when it is gone."""
    start(host, agent, 1, 2)
    ofctl(host, "del-flows", "br0", "cookie=0/-1")
    ofctl(host, "add-flow", "br0", FLEETING.format(3600))
    agent.json("reconcile")
    set_guard(host, "off")
    until(lambda: host.vsctl("list-ports", "br0").split() == ["tap1", "tap2"],
          "the pair is gone")
    assert any(flow.endswith("priority=0 actions=NORMAL")
               for flow in dump(host))


def test_what_others_learn_is_read_once(host, agent):
    start(host, agent, 1)
    reads = wait_flows(agent)["reads"]
    learnt = host.dir / "learnt"
    learnt.write_text("".join(
        f"priority=500,hard_timeout=2,in_port={n + 1000},actions=NORMAL\n"
        for n in range(1000)))
    ofctl(host, "add-flows", "br0", learnt)
    until(lambda: any("foreign-flows" in w
                      for w in agent.status()["warnings"]), "it is told")
    until(lambda: n_flows(host) < 1000, "they have timed out")
    assert flows(agent)["reads"] <= reads + 2


def test_a_restore_of_flows_is_waited_for(host, agent):
    start(host, agent, 1)
    before = our_flows(host)
    host.vsctl("set", "Open_vSwitch", ".",
               "other_config:flow-restore-wait=true")
    wait_flows(agent, "flow-restore-wait")
    ofctl(host, "del-flows", "br0", "cookie=0x766e000000000000/"
          "0xffff000000000000")
    host.start_vm("web2", 2, 10)
    until(lambda: "flow-restore-wait" in (agent.vnics().get(
        ("web2", vm_mac(2)), {}).get("reason") or ""), "it waits")
    assert our_flows(host) == []
    host.vsctl("remove", "Open_vSwitch", ".", "other_config",
               "flow-restore-wait")
    wait_ready(agent, 2)
    assert set(before) <= set(our_flows(host))


# Refusals.


@pytest.fixture
def refusing(host, agent):
    """Between the agent and br0 stands somebody who can refuse flows.  The
    warnings that this brings are expected."""
    agent.expect_warning("refuses its flows")
    agent.expect_warning("rconn|WARN")
    with FakeBridge(host.rundir / "br0.mgmt") as bridge:
        yield bridge


INFRASTRUCTURE, DELIVER = 1, 60     # Rules.


def cookie(ofport, rule):
    return 0x766e01 << 40 | ofport << 16 | rule


def test_a_refused_vnic_is_quarantined_and_alone(host, agent, refusing):
    start(host, agent, 1)
    refusing.refused.add(cookie(22, DELIVER))
    host.vsctl("add-port", "br0", "tap2", "tag=10", "--", "set",
               "interface", "tap2", "ofport_request=22",
               f"external_ids:vm-id={vm_uuid(2)}",
               f'external_ids:attached-mac="{vm_mac(2)}"',
               "external_ids:iface-id=x")
    host.start_domain("web2", vm_uuid(2), (vm_mac(2), "tap2", access(10)))
    host.start_vm("web3", 3, 10)
    wait_ready(agent, 1, 3)
    vnic = until(lambda: (v := agent.vnics()["web2", vm_mac(2)])["state"]
                 == "quarantined" and v, "it is quarantined")
    assert "the switch refuses its flows" in vnic["reason"]
    row, = agent.json("quarantine/list")
    assert (row["domain"], row["mac"]) == ("web2", vm_mac(2))
    assert row["reason"] == vnic["reason"]
    assert "vnicd-ready" not in host.column("tap2", "external_ids",
                                            "interface")
    assert receivers(host, "tap1", frame(1, 3)) == ["tap3"]
    assert flows(agent)["reconnects"] == 0

    # It is tried again, in vain, and then with success.
    tries = refusing.n_refused
    until(lambda: refusing.n_refused > tries, "it is tried again", timeout=20)
    wait_ready(agent, 1, 3)
    refusing.refused.clear()
    agent.ask("reconcile")
    wait_ready(agent, 1, 2, 3)
    assert agent.json("quarantine/list") == []


def test_a_refused_shared_flow_leaves_what_was_there(host, agent, refusing):
    start(host, agent, 1)
    before = our_flows(host)
    refusing.refused.add(cookie(0, INFRASTRUCTURE))
    host.vsctl("add-port", "br0", "eth1")
    until(lambda: any("bridge br0: the switch refuses flows" in warning
                      for warning in agent.status()["warnings"]), "it is told")
    assert our_flows(host) == before
    refusing.refused.clear()
    until(lambda: len(our_flows(host)) > len(before), "it is tried again",
          timeout=20)
    until(lambda: agent.status()["warnings"] == [], "all is well")


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


# Going.


@pytest.mark.parametrize("setting", ("vnicd-guard=off", "vnicd-manage=no"))
@pytest.mark.parametrize("mode", ("secure", "standalone"))
def test_an_unwanted_pipeline_leaves_no_trace(host, agent, setting, mode):
    host.vsctl("set-fail-mode", "br0", mode)
    before = dump(host)
    start(host, agent, 1, 2)
    host.vsctl("set", "bridge", "br0", f"external_ids:{setting}")
    until(lambda: host.vsctl("list-ports", "br0").split() == ["tap1", "tap2"],
          "the pair is gone")
    assert dump(host) == before
    assert no_floods(host) == set() and our_groups(host) == []
    assert frag_mode(host) == "normal"
    assert receivers(host, "tap1", frame(1, None)) == (
        ["br0", "tap2"] if before else [])
    until(lambda: agent.status()["openflow"] == [], "nobody is talked to")


def add_strange_guest(host):
    """A port of another program's guest."""
    host.vsctl("add-port", "br0", "tap8", "--", "set", "interface", "tap8",
               "type=dummy", "external_ids:iface-id=x")


def test_what_others_keep_normal_from_flooding_to_stays_so(host, agent):
    add_strange_guest(host)
    host.run("ovs-ofctl", "mod-port", "br0", "tap8", "no-flood")
    start(host, agent, 1)
    assert no_floods(host) == {"tap1", "tap8", "br0-in"}
    agent.stop()
    agent.start()
    host.settled(agent)
    set_guard(host, "off")
    until(lambda: host.vsctl("list-ports", "br0").split() == ["tap1", "tap8"],
          "the pair is gone")
    assert no_floods(host) == {"tap8"}


@pytest.mark.parametrize("setting", ("vnicd-guard=monitor", "vnicd-guard=off"))
def test_who_is_not_kept_out_any_more_is_flooded_to(host, agent, setting):
    """Even if the agent did not run when it was decided."""
    add_strange_guest(host)
    set_guard(host, "enforce")
    start(host, agent, 1)
    until(lambda: "tap8" in no_floods(host), "it is kept out")
    agent.stop()
    host.vsctl("set", "bridge", "br0", f"external_ids:{setting}")
    agent.start()
    until(lambda: "tap8" not in no_floods(host), "it is flooded to")


def test_a_bridge_that_was_made_secure_is_not_left_without_flows(host, agent):
    """It had NORMAL, until somebody followed the advice of 'fail-open'."""
    start(host, agent, 1, 2)
    n_flows = len(our_flows(host))
    secure(host)
    host.vsctl("del-port", "br0-out")   # What is made anew knows no more.
    until(lambda: len(our_flows(host)) == n_flows
          and agent.json("flow/diff") == [], "flows are back")
    agent.stop()
    agent.start()
    set_guard(host, "off")
    until(lambda: host.vsctl("list-ports", "br0").split() == ["tap1", "tap2"],
          "the pair is gone")
    assert receivers(host, "tap1", frame(1, None)) == ["br0", "tap2"]


def test_a_pipeline_goes_with_the_last_vnic(host, agent):
    start(host, agent, 1)
    host.libvirt.lookupByName("web1").destroy()
    host.vsctl("del-port", "tap1")
    until(lambda: host.vsctl("list-ports", "br0") == "", "the pair is gone")
    assert our_flows(host) == []


def test_flows_of_others_are_all_that_is_left(host, agent):
    secure(host)
    start(host, agent, 1)
    wait_ready(agent, 1)
    ofctl(host, "add-flow", "br0", "table=0,priority=200,actions=NORMAL")
    agent.json("reconcile")
    set_guard(host, "off")
    until(lambda: host.vsctl("list-ports", "br0") == "tap1", "it is gone")
    assert ["priority=200" in flow for flow in dump(host)] == [True]


def clean_up(host, *bridges):
    return host.run(host.program("vnicd"), "--cleanup", *bridges, check=False)


@pytest.mark.parametrize("mode", ("secure", "standalone"))
def test_a_cleanup_leaves_no_trace(host, agent, mode):
    host.vsctl("set-fail-mode", "br0", mode)
    before = dump(host)
    host.add_bridge("br1")
    host.vsctl("set-fail-mode", "br1", "secure")
    host.vsctl("set", "bridge", "br0", "stp_enable=true")
    start(host, agent, 1, 2)
    assert "stp" in host.column("tap1", "other_config")
    others = dump(host, "br1")
    agent.stop()
    done = clean_up(host)
    assert done.returncode == 0, done.stderr
    assert "removed the flows of bridge br0" in done.stdout
    assert "br1" not in done.stdout
    assert host.vsctl("list-ports", "br0").split() == ["tap1", "tap2"]
    assert dump(host) == before
    assert no_floods(host) == set() and our_groups(host) == []
    assert frag_mode(host) == "normal"
    assert "vnicd" not in host.column("tap1", "external_ids", "interface")
    assert host.column("tap1", "other_config") == "{}"
    assert host.column("tap1", "tag") == "10"
    assert dump(host, "br1") == others


def test_a_cleanup_of_one_bridge_leaves_the_others(host, agent):
    host.add_bridge("br1")
    start(host, agent, 1)
    before = dump(host)
    agent.stop()
    assert clean_up(host, "br1").returncode == 0
    assert dump(host) == before


def test_without_a_switch_the_rows_are_cleaned_up(host, agent):
    start(host, agent, 1)
    agent.expect_warning("rconn|WARN")
    host.stop("ovs-vswitchd")
    agent.stop()
    done = clean_up(host)
    assert done.returncode == 0, done.stderr
    assert host.vsctl("--no-wait", "list-ports", "br0") == "tap1"
