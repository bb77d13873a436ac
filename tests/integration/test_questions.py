# SPDX-License-Identifier: Apache-2.0
"""The agent's answers to 'why' and 'isolation/verify', of a real switch."""

import json
import signal

import pytest
from bridge_flows import BROADCAST, set_guard, start
from host import until, vm_mac
from oracle.frames import arp
from test_metadata import say
from test_policies import ISOLATED

PROBE = f"arp,arp_spa=0.0.0.0,dl_dst={BROADCAST}"


@pytest.fixture
def isolated(host, agent):
    """Two guests in VLAN 10, held to what is theirs."""
    set_guard(host, "enforce")
    start(host, agent, 1, 2)
    return agent


def what(rows, kind):
    return [row for row in rows if row["what"] == kind]


def why_once_installed(agent, *words):
    """The rows; none while flows are on their way, and the agent says so."""
    result = agent.host.run("ovs-appctl", "-t", "vnicd", "why", *words,
                            "--format=json", check=False)
    if result.returncode:
        assert "are not installed: installing" in result.stderr
        return []
    return json.loads(result.stdout)


def test_why_tells_the_fate_of_a_packet(host, isolated):
    rows = isolated.json("why", "tap1", PROBE)
    assert [row["vnic"] for row in what(rows, "delivered")] == [
        f"web2/{vm_mac(2)}"]
    assert [row["rule"] for row in what(rows, "step")][:2] == ["vlan",
                                                               "own-mac"]
    sent = arp("is-at", "10.0.0.9", vm_mac(2))
    sent.src = vm_mac(1)
    rows = isolated.json("why", "tap1", bytes(sent).hex())
    dropped, = what(rows, "dropped")
    assert (dropped["table"], dropped["rule"], dropped["vnic"]) == (
        "ADDRESS", "arp", f"web1/{vm_mac(1)}")
    assert "guard level 'monitor'" in what(rows, "change")[0]["words"]
    assert "dropped" in isolated.ask("why", "tap1", bytes(sent).hex())


def test_why_counts_what_was_dropped(host, isolated):
    assert isolated.json("why", "tap1") == []
    sent = arp("is-at", "10.0.0.9", vm_mac(2))
    sent.src = "52:54:00:00:77:77"
    host.run("ovs-appctl", "netdev-dummy/receive", "tap1", bytes(sent).hex())
    until(lambda: isolated.json("why", "tap1"), "it is counted")
    row, = isolated.json("why", "tap1")
    assert (row["rule"], row["packets"], row["fate"]) == ("source-mac", 1,
                                                          "dropped")
    assert isolated.json("why", "tap2") == []


def test_isolation_is_verified(host, isolated):
    assert isolated.json("isolation/verify") == []
    assert isolated.json("isolation/verify", "br0", "--all") == []
    table = isolated.ask("isolation/verify").splitlines()
    assert len(table) == 4 and table[2] == ""
    assert "frames traced, of 0 the fate is not what is meant" in table[3]
    result = host.run(host.program("vnicctl"), "verify")
    assert "of 0 the fate" in result.stdout


def test_classes_of_metadata_are_verified(host, agent):
    domains = {n: host.start_vm(f"web{n}", n, 10)[0] for n in (1, 2, 3)}
    for number in 1, 2:
        say(domains[number], ISOLATED, vm_mac(number))

    def dropped():
        return [(row["rule"], row["vnic"]) for row in what(
            why_once_installed(agent, "tap1", PROBE), "dropped")]
    until(lambda: all(agent.states().get((f"web{n}", vm_mac(n))) == "ready"
                      for n in domains), "they are ready")
    until(lambda: dropped() == [("isolation", f"web2/{vm_mac(2)}")],
          "the two may not talk")
    assert agent.json("isolation/verify", "--all") == []


def test_what_would_change_it_does(host, isolated):
    """The drop names a setting; with it the packet passes."""
    domain = host.libvirt.lookupByName("web1")
    say(domain, "<address ip='10.0.0.5'/>")
    forged = f"arp,arp_spa=10.0.0.9,dl_dst={BROADCAST}"

    def story():
        return why_once_installed(isolated, "tap1", forged)
    until(lambda: [row["rule"] for row in what(story(), "dropped")] == ["arp"],
          "the address is not its own")
    assert "<address ip=" in what(story(), "change")[0]["words"]
    say(domain, "<address ip='10.0.0.5'/><address ip='10.0.0.9'/>")
    until(lambda: what(story(), "delivered"), "it passes")
    assert not what(story(), "dropped")


def test_a_hole_is_found(host, isolated):
    """Somebody's flow in front of ours, which vnicd leaves alone."""
    number = host.column("tap1", "ofport", "interface")
    host.run("ovs-ofctl", "add-flow", "br0",
             f"priority=200,in_port={number},actions=NORMAL")
    result = host.run(host.program("vnicctl"), "verify", "--format=json",
                      check=False)
    rows = json.loads(result.stdout)
    assert result.returncode == 1
    assert {row["from"] for row in rows} == {f"web1/{vm_mac(1)}"}
    assert set(rows[0]) == {"from", "to", "encapsulation", "expected",
                            "found"}
    steps = what(isolated.json("why", "tap1", PROBE), "step")
    assert steps[0]["rule"] == "somebody-else's"


REFUSALS = (
    (("why",), "which port?  Give its name, and a packet to learn what would "
     "become of it"),
    (("why", "tap9"), "there is no port 'tap9'"),
    (("why", "tap1", "in_port=3"),
     "packet 'in_port=3' names a port: give PORT alone"),
    (("why", "br0"), "port br0 of bridge br0 is no vNIC's: nothing is counted "
     "there"),
    (("why", "--all", "tap1"), "unknown option '--all'"),
    (("isolation/verify", "br7"), "there is no bridge 'br7'"),
    (("isolation/verify", "br0", "br1"), "unexpected argument 'br1'"),
)


def test_what_is_wrong_with_a_question(isolated):
    for words, sentence in REFUSALS:
        assert isolated.refuses(*words) == sentence


def test_a_bridge_without_flows(host, agent):
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=off")
    host.start_vm("web1", 1, tag=10)
    host.settled(agent)
    assert agent.refuses("why", "tap1", PROBE) == (
        "no flows of vnicd are on bridge br0")
    assert agent.refuses("isolation/verify", "br0") == (
        "no flows of vnicd are on bridge br0")
    assert agent.json("isolation/verify") == []


def test_a_switch_that_hangs(host, isolated):
    """Who asks is told so, and all others have their answers meanwhile."""
    host.send("ovs-vswitchd", signal.SIGSTOP)
    try:
        for question in (("why", "tap1", PROBE), ("isolation/verify",)):
            assert isolated.refuses(*question).endswith(
                "ovs-vswitchd did not answer within 5 s")
        assert isolated.refuses("why", "tap1") == (
            "bridge br0 did not tell its counters within 5 s")
        assert len(isolated.vnics()) == 2
    finally:
        host.send("ovs-vswitchd", signal.SIGCONT)
    assert isolated.json("isolation/verify") == []
