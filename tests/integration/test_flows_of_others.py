# SPDX-License-Identifier: Apache-2.0
"""The agent's flows among those of others, and refused by the switch."""

import pytest
from bridge_flows import (
    dump, flows, frame, n_flows, no_floods, ofctl, our_flows, receivers,
    set_guard, start, wait_flows, wait_ready)
from fake_bridge import FakeBridge
from host import access, until, vm_mac, vm_uuid

FOREIGN = "table=110,priority=7,cookie=0x99,in_port=9,actions=drop"


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
