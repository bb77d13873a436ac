# SPDX-License-Identifier: Apache-2.0
"""The agent's flows go, and leave no trace."""

import pytest
from bridge_flows import (
    clean_up, dump, frag_mode, frame, n_flows, no_floods, ofctl, our_flows,
    our_groups, receivers, secure, set_guard, start, wait_ready)
from host import access, until, vm_mac, vm_uuid


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


def test_who_was_off_the_spanning_tree_stays_so(host, agent):
    """A port that left it because of the agent goes back."""
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=10"])
    host.vsctl("set", "port", "tap1", "other_config:stp-enable=false",
               "other_config:rstp-enable=false",
               "--", "set", "bridge", "br0", "rstp_enable=true")
    host.start_domain("web1", vm_uuid(1), (vm_mac(1), "tap1", access(10)))
    start(host, agent, 2)
    until(lambda: "rstp-enable" in host.column("tap2", "other_config"),
          "it leaves")
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-manage=no")
    until(lambda: "rstp-enable" not in host.column("tap2", "other_config"),
          "it is back")
    assert "vnicd" not in host.column("tap2", "external_ids", "interface")
    assert host.column("tap1", "other_config") == (
        '{rstp-enable="false", stp-enable="false"}')


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


@pytest.mark.parametrize("protocols", ("OpenFlow13", "OpenFlow15"))
def test_a_cleanup_minds_no_bridge_that_never_had_flows(host, agent,
                                                        protocols):
    host.add_bridge("br1")
    host.vsctl("set", "bridge", "br1", f"protocols={protocols}")
    start(host, agent, 1)
    agent.stop()
    done = clean_up(host)
    assert done.returncode == 0, done.stderr
    assert our_flows(host) == []


def test_a_cleanup_says_which_protocol_it_lacks(host, agent):
    start(host, agent, 1)
    agent.stop()
    host.vsctl("set", "bridge", "br0", "protocols=OpenFlow15")
    done = clean_up(host)
    assert done.returncode == 1
    assert "protocols: bridge br0: no OpenFlow10" in done.stderr
    host.vsctl("clear", "bridge", "br0", "protocols")
    assert clean_up(host).returncode == 0
    assert our_flows(host) == []


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
