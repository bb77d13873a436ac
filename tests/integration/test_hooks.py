# SPDX-License-Identifier: Apache-2.0
"""What libvirt's hooks tell the agent, and what it makes of it: the real
vnicd-hook with the real agent, and libvirt's part by hooks.py."""

import contextlib
import os
import signal

import pytest
from bridge_flows import frame, ofctl, receivers, start, wait_ready
from fake_bridge import FakeBridge
from far_database import FarDatabase
from hooks import (SLACK_SECONDS, Hooks, counts, domain_xml, forgo_flows,
                   interface_xml, simple_xml, start_xml)
from host import access, portgroup, until, vm_mac, vm_uuid
from taphost import TapHost

needs_root = pytest.mark.skipif(os.geteuid() != 0,
                                reason="needs root for taps and users")
OTHER_VM = vm_uuid(99)

SHARED_COOKIE = 0x766e01 << 40 | 1      # Of flows that are nobody's own.


@contextlib.contextmanager
def frozen(host, name):
    """A daemon that keeps its connections and answers nobody."""
    host.send(name, signal.SIGSTOP)
    try:
        yield
    finally:
        host.send(name, signal.SIGCONT)


def leave_row(host, port, tag, bridge="br0"):
    """The row of a guest that died with its host."""
    host.plug(port, OTHER_VM, "52:54:00:99:99:99", [f"tag={tag}"],
              bridge=bridge)


# The gate.


def test_stale_row_is_right_when_the_guest_may_start(host, settled, hooks):
    leave_row(host, "tap1", 42)
    hooks.passes("qemu", "web1", "prepare", simple_xml("web1", 1, 55))
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
    assert host.column("tap1", "tag") == "42"       # --may-exist keeps it.
    before = settled.transactions()
    hooks.passes("qemu", "web1", "start", simple_xml("web1", 1, 55, "tap1"))
    assert host.column("tap1", "tag") == "55"
    assert settled.transactions() == before + 1
    assert [(d["port"], d["found"], d["restored"], d["cause"])
            for d in settled.json("drift/list")] == [
                ("tap1", "42", "55", "stale-row")]


def test_trunk_left_over_is_cleared(host, settled, hooks):
    host.plug("tap1", OTHER_VM, "52:54:00:99:99:99",
              ["vlan_mode=native-untagged", "tag=10", "trunks=10,20"])
    hooks.passes("qemu", "web1", "prepare", simple_xml("web1", 1, 55))
    host.plug("tap1", vm_uuid(1), vm_mac(1))
    hooks.passes("qemu", "web1", "start", simple_xml("web1", 1, 55, "tap1"))
    assert [host.column("tap1", column)
            for column in ("vlan_mode", "tag", "trunks")] == ["[]", "55", "[]"]


def test_nothing_to_write_is_answered_at_once(host, settled, hooks):
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
    until(lambda: settled.json("vnic/list"), "the port is known")
    hooks.passes("qemu", "web1", "start", simple_xml("web1", 1, 55, "tap1"))
    before = settled.transactions()
    hooks.passes("qemu", "web1", "start", simple_xml("web1", 1, 55, "tap1"))
    assert settled.transactions() == before


def test_drift_that_is_only_reported_is_not_left_to_a_new_guest(
        host, settled, hooks):
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-drift=report")
    leave_row(host, "tap1", 42)
    hooks.passes("qemu", "web1", "prepare", simple_xml("web1", 1, 55))
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
    hooks.passes("qemu", "web1", "start", simple_xml("web1", 1, 55, "tap1"))
    assert host.column("tap1", "tag") == "55"


def test_first_contact_is_no_excuse_for_a_new_guest(host, hooks):
    """The agent starts between the plug and the hook."""
    leave_row(host, "tap1", 42)
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
    host.agent()
    hooks.passes("qemu", "web1", "start", simple_xml("web1", 1, 55, "tap1"))
    assert host.column("tap1", "tag") == "55"


def test_eight_vnics_are_one_transaction(host, settled, hooks):
    """On two bridges and three networks, each of the rows left over."""
    host.add_bridge("br1")
    for network, bridge in (("lan", "br0"), ("dmz", "br1"), ("wan", "br1")):
        host.libvirt.networkCreateXML(host.network_xml(
            network, access(100), portgroup("web", access(20)),
            bridge=bridge))
    nics = [(vm_mac(n), f"tap{n}", "br1" if n % 3 else "br0",
             ("lan", "dmz", "wan")[n % 3], "web" if n % 2 else None,
             20 if n % 2 else 100) for n in range(8)]
    for mac, port, bridge, *_ in nics:
        leave_row(host, port, 42, bridge)

    hooks.passes("qemu", "big", "prepare", domain_xml("big", vm_uuid(1), [
        interface_xml(mac, network=network, group=group)
        for mac, port, bridge, network, group, tag in nics]))
    before = settled.transactions()
    for mac, port, bridge, *_ in nics:
        host.plug(port, vm_uuid(1), mac, bridge=bridge)
    hooks.passes("qemu", "big", "start", domain_xml("big", vm_uuid(1), [
        interface_xml(mac, port, access(tag), bridge, network, group)
        for mac, port, bridge, network, group, tag in nics]))
    assert [host.column(nic[1], "tag") for nic in nics] == [
        str(nic[-1]) for nic in nics]
    assert settled.transactions() == before + 1


def container_xml():
    """At 'start' libvirt shows a container as it is defined: no number, and no
    names that it has made."""
    return (simple_xml("box", 1, 55)
            .replace(" id='7'", "").replace("type='qemu'", "type='lxc'"))


def test_container(host, settled, hooks):
    leave_row(host, "vnet0", 42)
    hooks.passes("lxc", "box", "prepare", container_xml())
    host.plug("vnet0", vm_uuid(1), vm_mac(1), ["tag=55"])
    hooks.passes("lxc", "box", "start", container_xml())
    assert host.column("vnet0", "tag") == "55"
    hooks.passes("lxc", "box", "release", container_xml())
    until(lambda: ("box", vm_mac(1)) not in settled.vnics(),
          "it is forgotten")


def test_port_of_a_container_may_come_after_the_hook(host, settled, hooks):
    leave_row(host, "vnet0", 42)
    hook = hooks.begin("lxc", "box", "start", container_xml())
    until(lambda: settled.vnics().get(("box", vm_mac(1))), "it is told")
    assert hook.is_running()
    host.plug("vnet0", vm_uuid(1), vm_mac(1), ["tag=55"])
    assert hook.wait().status == 0
    assert host.column("vnet0", "tag") == "55"


def test_container_without_the_agent_fails_closed(hooks):
    hooks.configure(deadline_ms=100)
    assert "guest box may not start (fail = closed" in hooks.refuses(
        "lxc", "box", "start", container_xml())


def test_port_may_come_after_the_hook(host, settled, hooks):
    hook = hooks.begin("qemu", "web1", "start",
                       simple_xml("web1", 1, 55, "tap1"))
    until(lambda: settled.vnics().get(("web1", vm_mac(1))), "it is told")
    assert hook.is_running()
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
    assert hook.wait().status == 0


def test_port_that_never_comes(host, settled, hooks):
    settled.expect_warning("cannot be judged")
    hooks.configure(deadline_ms=500)
    assert hooks.refuses("qemu", "web1", "start",
                         simple_xml("web1", 1, 55, "tap1")) == (
        f"web1/{vm_mac(1)}: no port for it on bridge br0; guest web1 may not "
        f"start (fail = closed in {hooks.config})")
    assert counts(settled, "events", "refused", "unable") == (1, 0, 1)


def test_200_at_once(host, settled, hooks):
    numbers = range(1, 201)
    for first in range(1, 201, 50):
        host.vsctl(*[word for n in numbers[first - 1:first + 49]
                     for word in host.plug_args(f"tap{n}", vm_uuid(n),
                                                vm_mac(n), ["tag=9"])][1:])
    hooks.configure(deadline_ms=30000)
    running = [hooks.begin("qemu", f"web{n}", "start",
                           simple_xml(f"web{n}", n, 55, f"tap{n}"))
               for n in numbers]
    results = [hook.wait() for hook in running]
    assert [r for r in results if (r.status, r.stderr) != (0, "")] == []
    assert {host.column(f"tap{n}", "tag") for n in numbers} == {"55"}
    events, malformed = counts(settled, "events", "malformed")
    assert (events, malformed) == (200, 0)


@pytest.fixture
def held(host, agent):
    """An agent whose bridge has one VM, and no flows for another one."""
    host.start_vm("web9", 9, 55)
    until(lambda: flows_state(agent) == "installed", "flows are installed")
    host.vsctl("set", "Open_vSwitch", ".",
               "other_config:flow-restore-wait=true")
    until(lambda: flows_state(agent) == "flow-restore-wait", "it is on hold")
    yield agent
    host.vsctl("remove", "Open_vSwitch", ".", "other_config",
               "flow-restore-wait")


def flows_state(agent):
    return next((b["state"] for b in agent.status()["openflow"]), None)


def test_flows_that_do_not_come_delay_nobody(host, held):
    """Nothing is enforced, so nothing is worse without them."""
    hooks = Hooks(host)
    hooks.configure(deadline_ms=20000)
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
    assert hooks.passes("qemu", "web1", "start", start_xml()).seconds < 5


def test_flows_that_are_refused_delay_nobody(host, agent):
    """Those of the bridge itself, which are tried again ever later."""
    for words in ("refuses its flows", "rconn|WARN"):
        agent.expect_warning(words)
    with FakeBridge(host.rundir / "br0.mgmt") as bridge:
        host.start_vm("web9", 9, 55)
        until(lambda: flows_state(agent) == "installed", "flows are there")
        bridge.refused.add(SHARED_COOKIE)
        host.vsctl("add-port", "br0", "eth1")
        until(lambda: bridge.n_refused > 2, "it is tried again in vain")
        hooks = Hooks(host)
        hooks.configure(deadline_ms=20000)
        host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
        assert hooks.passes("qemu", "web1", "start", start_xml()).seconds < 3
        bridge.refused.clear()
        agent.ask("reconcile")
        until(lambda: flows_state(agent) == "installed", "flows are there")


def test_flows_that_have_to_come_do(host, held):
    held.expect_warning("cannot be judged")
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    hooks = Hooks(host)
    hooks.configure(deadline_ms=500)
    with frozen(host, "libvirtd"):      # It would deny that there is a web1.
        host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
        assert "those of bridge br0: flow-restore-wait; guest web1 may not " \
            "start" in hooks.refuses("qemu", "web1", "start", start_xml())


@pytest.mark.parametrize("protocols", ("OpenFlow10", "OpenFlow15"))
def test_flows_that_cannot_come_are_needed_where_they_enforce(host, agent,
                                                              protocols):
    agent.expect_warning("WARN")        # The switch speaks other versions.
    host.vsctl("set", "bridge", "br0", f"protocols={protocols}")
    host.start_vm("web9", 9, 55)
    until(lambda: flows_state(agent) == "disconnected"
          and any("protocols" in w for w in agent.status()["warnings"]),
          "it is told why")
    hooks = Hooks(host)
    hooks.configure(deadline_ms=10000)
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
    hooks.passes("qemu", "web1", "start", start_xml())

    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    hooks.configure(deadline_ms=500)
    host.plug("tap2", vm_uuid(2), vm_mac(2), ["tag=55"])
    assert "those of bridge br0: disconnected; guest web2 may not start" in (
        hooks.refuses("qemu", "web2", "start",
                      simple_xml("web2", 2, 55, "tap2")))
    host.vsctl("clear", "bridge", "br0", "protocols")
    until(lambda: flows_state(agent) == "installed", "flows are installed")
    host.settled(agent)


def test_flows_that_somebody_fights_over_are_there(host, agent):
    """They are read once a minute, but for a guest that starts."""
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    start(host, agent, 9)

    def is_left_changed():
        ofctl(host, "del-flows", "br0")
        return any("flows-changed: bridge br0" in warning
                   for warning in agent.status()["warnings"])

    until(is_left_changed, "the agent backs off", timeout=30)
    ofctl(host, "del-flows", "br0")
    assert flows_state(agent) == "changed"
    assert agent.vnics()["web9", vm_mac(9)]["state"] == "waiting"
    assert [row["reason"] for row in agent.json("flow/diff")] == [
        "flows-changed"]
    with frozen(host, "libvirtd"):      # It would deny that there is a web1.
        host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
        Hooks(host).passes("qemu", "web1", "start", start_xml())
        assert receivers(host, "tap1", frame(1, None)) == ["br0"]
        assert receivers(host, "tap1", frame(7, None)) == []    # Forged.
    wait_ready(agent, 9)
    assert agent.json("flow/diff") == []


# Refusals.

REFUSED = {
    "port group": (dict(network="lan", group="db"),
                   "network lan has no port group db"),
    "bridge": (dict(bridge="br7"), "bridge br7 does not exist"),
    "VLAN": (dict(vlan=access(4095)), "VLAN 4095 is out of range (1..4094)"),
}


@pytest.mark.parametrize("operation", ["prepare", "migrate"])
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_known_to_be_wrong(host, settled, hooks, what, operation):
    interface, sentence = REFUSED[what]
    host.start_network("lan", portgroup("web", access(20)))
    until(lambda: len(host.libvirt.listAllNetworks()) == 2, "it is there")
    settled.ask("reconcile")
    before = settled.transactions()
    xml = domain_xml("web1", vm_uuid(1),
                     [interface_xml(vm_mac(1), **interface)])
    said = hooks.refuses("qemu", "web1", operation, xml)
    assert said.startswith(f"domain web1, interface {vm_mac(1)}: ")
    assert sentence in said
    assert counts(settled, "refused", "unable") == (1, 0)
    assert settled.transactions() == before
    until(lambda: not settled.vnics(), "it is forgotten")


def test_metadata_that_makes_no_sense(settled, hooks):
    xml = domain_xml("web1", vm_uuid(1), [interface_xml(vm_mac(1))],
                     f"<vnicd:vnic mac='{vm_mac(1)}'><vnicd:color/>"
                     "</vnicd:vnic>")
    assert "color" in hooks.refuses("qemu", "web1", "prepare", xml)


@pytest.mark.parametrize("operation", ["prepare", "start"])
def test_metadata_that_may_be_about_any_vnic(host, settled, hooks, operation):
    """The address is written with hyphens: it may be meant for this one."""
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=10"])
    slip = vm_mac(1).replace(":", "-")
    xml = domain_xml("web1", vm_uuid(1),
                     [interface_xml(vm_mac(1), "tap1", access(10))],
                     f"<vnicd:vnic mac='{slip}'><vnicd:isolation "
                     "class='isolated'/></vnicd:vnic>")
    assert hooks.refuses("qemu", "web1", operation, xml) == (
        f"domain web1, interface {vm_mac(1)}: metadata: MAC address '{slip}' "
        "is malformed")


def test_customer_vlans_beyond_the_limit(settled, hooks):
    xml = domain_xml("web1", vm_uuid(1), [interface_xml(vm_mac(1))],
                     f"<vnicd:vnic mac='{vm_mac(1)}'><vnicd:vlan "
                     "mode='dot1q-tunnel' tag='100' cvlans='10,20'/>"
                     "</vnicd:vnic>")
    assert "vlan-limit" in hooks.refuses("qemu", "web1", "prepare", xml)


def test_what_cannot_be_judged_passes(host, settled, hooks):
    settled.expect_warning("hook qemu prepare")
    for interface in (
            interface_xml(vm_mac(1), network="unheard-of", group="db"),
            "<interface type='bridge'><mac address='52:54:00:00:00:01'/>"
            "<source bridge='virbr0'/></interface>",
            "<interface type='user'><mac address='52:54:00:00:00:01'/>"
            "</interface>"):
        hooks.passes("qemu", "web1", "prepare",
                     domain_xml("web1", vm_uuid(1), [interface]))
    hooks.passes("qemu", "web1", "prepare", "<domain>")
    hooks.passes("qemu", "web1", "restore", "<domain>")
    assert counts(settled, "refused", "unable") == (0, 0)


def test_wrong_at_start_too(host, settled, hooks):
    """A guest that is restored, or whose prepare was not heard."""
    host.plug("tap1", vm_uuid(1), vm_mac(1))
    said = hooks.refuses("qemu", "web1", "start",
                         simple_xml("web1", 1, 0, "tap1"))
    assert "VLAN 0" in said and "may not start" not in said


def test_guest_that_is_not_ours_passes(host, settled, hooks):
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-manage=no")
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=9"])
    hooks.passes("qemu", "web1", "start", simple_xml("web1", 1, 55, "tap1"))
    assert host.column("tap1", "tag") == "9"


# The agent is away.


def unlike_ovs_xml():
    return start_xml().replace("openvswitch", "802.1Qbh")


def test_absent_agent_fails_closed(host, hooks):
    hooks.configure(deadline_ms=300)
    result = hooks.run("qemu", "web1", "start", start_xml())
    assert result.status == 1
    assert result.stderr == (
        f"vnicd: the agent at {host.hook_socket()} cannot be asked: No such "
        f"file or directory; guest web1 may not start (fail = closed in "
        f"{hooks.config})\n")
    assert 0.3 <= result.seconds < 0.3 + SLACK_SECONDS


def test_absent_agent_fails_open(host, hooks):
    hooks.configure(deadline_ms=300, fail="open")
    result = hooks.run("qemu", "web1", "start", start_xml())
    assert result.status == 0
    assert "guest web1 may start (fail = open" in result.stderr


@pytest.mark.parametrize("args", [
    ("qemu", "web1", "prepare", start_xml()),
    ("qemu", "web1", "start", unlike_ovs_xml()),
    ("qemu", "web1", "migrate", start_xml()),
    ("qemu", "web1", "started", start_xml()),
    ("qemu", "web1", "reconnect", start_xml()),
    ("qemu", "web1", "stopped", start_xml()),
    ("qemu", "web1", "release", start_xml()),
    ("network", "lan", "updated", "<hookData/>"),
    ("daemon", "-", "start"),
    ("daemon", "-", "shutdown"),
    ("lxc", "box", "prepare", start_xml()),
    ("lxc", "box", "started", start_xml()),
    ("lxc", "box", "release", start_xml()),
    ("libxl", "dom1", "start", start_xml()),
], ids=lambda args: f"{args[0]} {args[2]}")
def test_absent_agent_delays_nobody_else(hooks, args):
    hooks.configure(deadline_ms=20000)
    assert hooks.passes(*args).seconds < 2


@pytest.mark.parametrize("operation, status", [
    ("start", 1), ("prepare", 0), ("migrate", 0), ("started", 0),
    ("stopped", 0)])
def test_hung_agent(settled, hooks, operation, status):
    hooks.configure(deadline_ms=400)
    settled.send(signal.SIGSTOP)
    result = hooks.run("qemu", "web1", operation, start_xml())
    assert result.status == status
    assert result.seconds < 0.4 + SLACK_SECONDS
    assert ("no answer in time" in result.stderr) == (status == 1)
    settled.send(signal.SIGCONT)
    until(lambda: counts(settled, "events") == (1,), "it is heard at last")
    settled.ask("reconcile")


@pytest.mark.parametrize("operation", ["prepare", "start"])
def test_what_comes_too_late_is_not_believed(host, settled, hooks, operation):
    """While the agent hung libvirt has gone on without it, and the guest has
    come to another VLAN."""
    hooks.configure(deadline_ms=100, fail="open")
    settled.send(signal.SIGSTOP)
    assert hooks.run("qemu", "web1", operation, start_xml()).status == 0
    _, _, mac, port = host.start_vm("web1", 1, 66, "tap1")
    settled.send(signal.SIGCONT)
    until(lambda: counts(settled, "events") == (1,), "it is heard at last")
    until(lambda: settled.states().get(("web1", mac)) == "ready", "ready")
    assert host.column(port, "tag") == "66"
    assert settled.json("drift/list") == []


def test_guest_that_nobody_waits_for_is_forgotten(host, settled, hooks):
    """Its hook was killed with libvirt itself, which says nothing more."""
    hook = hooks.begin("qemu", "web1", "start", start_xml())
    until(lambda: settled.vnics(), "it is told")
    hook.kill()
    until(lambda: not settled.vnics(), "it is forgotten", timeout=5)


def test_agent_that_dies_half_way_is_waited_for(host, settled, hooks):
    """The database is hung, so the first agent has no answer."""
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=9"])
    hooks.configure(deadline_ms=20000)
    with frozen(host, "ovsdb-server"):
        hook = hooks.begin("qemu", "web1", "start", start_xml())
        until(lambda: counts(settled, "events") == (1,), "the agent is asked")
        settled.stop(signal.SIGKILL)
        assert hook.is_running()
    host.agent()
    assert hook.wait().status == 0
    assert host.column("tap1", "tag") == "55"


def test_agent_that_stops_leaves_the_answer_to_the_next(host, settled, hooks):
    hooks.configure(deadline_ms=20000)
    hook = hooks.begin("qemu", "web1", "start", start_xml())
    until(lambda: counts(settled, "events") == (1,), "the agent is asked")
    assert settled.stop() == 0
    assert not host.hook_socket().exists()
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=9"])
    host.agent()
    assert hook.wait().status == 0
    assert host.column("tap1", "tag") == "55"


def test_restarts_refuse_nobody(host, hooks):
    agent = host.agent()
    host.settled(agent)
    hooks.configure(deadline_ms=20000)
    running = []
    for n in range(1, 11):
        host.plug(f"tap{n}", vm_uuid(n), vm_mac(n), ["tag=9"])
        running.append(hooks.begin(
            "qemu", f"web{n}", "start",
            simple_xml(f"web{n}", n, 55, f"tap{n}")))
        if n % 3 == 0:
            agent.stop(signal.SIGTERM if n % 2 else signal.SIGKILL)
            agent.start()
    results = [hook.wait() for hook in running]
    assert [r for r in results if r.status] == []
    assert {host.column(f"tap{n}", "tag") for n in range(1, 11)} == {"55"}


def test_hook_that_is_killed_costs_nobody_anything(host, settled, hooks):
    hook = hooks.begin("qemu", "web1", "start", start_xml())
    until(lambda: counts(settled, "events") == (1,), "the agent is asked")
    hook.kill()
    host.plug("tap2", vm_uuid(2), vm_mac(2))
    hooks.passes("qemu", "web2", "start", simple_xml("web2", 2, 55, "tap2"))
    settled.ask("reconcile")


# Peers of the agent are away.


@pytest.mark.parametrize("operation, status", [
    ("start", 1), ("prepare", 0), ("migrate", 0)])
def test_database_is_away(host, settled, hooks, operation, status):
    for words in ("connection", "cannot be judged", "receive error"):
        settled.expect_warning(words)
    hooks.configure(deadline_ms=1000)
    host.stop("ovsdb-server", signal.SIGKILL)
    until(lambda: settled.status()["ovsdb"]["state"] == "disconnected",
          "the loss is noticed")
    result = hooks.run("qemu", "web1", operation, start_xml())
    assert result.status == status
    if status:
        assert (f"database unix:{host.rundir}/db.sock: disconnected; guest "
                "web1 may not start") in result.stderr
    host.start("ovsdb-server")
    until(lambda: settled.status()["ok"], "it is back")


LOSSES = {"away": (FarDatabase.go_away, "disconnected"),
          "slow": (FarDatabase.become_slow, "syncing")}


def lose(agent, far, how):
    leave, state = LOSSES[how]
    leave(far)
    until(lambda: agent.status()["ovsdb"]["state"] == state,
          "the loss is noticed")


@pytest.mark.parametrize("how", LOSSES)
def test_guest_waits_for_what_the_database_has_now(host, far, hooks, how):
    """Its port was right when the agent last looked, and is gone."""
    agent = far.start_agent(host)
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
    until(lambda: agent.json("vnic/list"), "the port is known")
    lose(agent, far, how)
    host.vsctl("del-port", "tap1")
    hooks.configure(deadline_ms=30000)
    hook = hooks.begin("qemu", "web1", "start", start_xml())
    until(lambda: counts(agent, "events") == (1,), "the agent is asked")
    far.return_whole()
    until(lambda: agent.vnics().get(("web1", vm_mac(1)), {}).get("reason")
          == "no port for it on bridge br0", "the agent has looked")
    assert hook.is_running()
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=9"])
    assert hook.wait().status == 0
    assert host.column("tap1", "tag") == "55"


def test_hung_libvirt_delays_nobody(host, settled, hooks):
    """As it is while a hook runs: it answers nobody, and a pool thread of the
    agent's waits for it."""
    hooks.configure(deadline_ms=20000)
    with frozen(host, "libvirtd"):
        leave_row(host, "tap1", 42)
        host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
        hooks.passes("qemu", "web1", "prepare", simple_xml("web1", 1, 55))
        assert hooks.passes("qemu", "web1", "start", start_xml()).seconds < 5
        assert host.column("tap1", "tag") == "55"
        assert settled.vnics()[("web1", vm_mac(1))]["state"] in ("ready",
                                                                 "waiting")


def test_wish_of_an_operator_waits_while_a_guest_does_not(host, settled,
                                                          hooks):
    """Both want a pass, and libvirt is hung: the guest's does not wait for it,
    the operator's does, for a while, and does not turn in circles."""
    settled.expect_warning("cannot be judged")
    with frozen(host, "libvirtd"):
        hook = hooks.begin("qemu", "web1", "start", start_xml())
        until(lambda: counts(settled, "events") == (1,), "the agent is asked")
        before = settled.status()["passes"]
        assert "libvirt has not told everything" in settled.refuses("reconcile")
        assert settled.status()["passes"] - before < 20
        hook.wait()


# What hooks tell of networks and of libvirt itself.


def hook_data(network):
    return f"<hookData>{network.XMLDesc()}</hookData>"


def test_edited_network_is_followed_while_libvirt_is_silent(host, settled,
                                                            hooks):
    network = host.start_network("lan", portgroup("web", access(20)))
    mac, port = host.start_network_vm("web1", 1, "lan", 20, "web")
    until(lambda: settled.states().get(("web1", mac)) == "ready", "ready")
    xml = hook_data(network).replace("id='20'", "id='30'")
    with frozen(host, "libvirtd"):
        hooks.passes("network", "lan", "updated", xml)
        until(lambda: host.column(port, "tag") == "30", "the port follows",
              timeout=5)
    until(lambda: host.column(port, "tag") == "20",
          "libvirt itself knows better")


def test_network_that_makes_no_sense(settled, hooks):
    settled.expect_warning("hook network updated: network lan: ")
    hooks.passes("network", "lan", "updated", "<hookData/>")
    until(lambda: counts(settled, "events", "malformed") == (1, 0),
          "it is heard")


@pytest.fixture
def tap_host(tmp_path, build):
    """A host whose ports need their devices to be there."""
    with TapHost(tmp_path, build) as host:
        host.add_bridge()
        forgo_flows(host)
        yield host


@needs_root
def test_ports_of_dead_guests_go_when_libvirt_starts(tap_host):
    """libvirt itself has told nothing yet.  One guest has outlived it."""
    host, hooks = tap_host, Hooks(tap_host)
    host.stop("libvirtd", signal.SIGKILL)
    for number in (1, 2):
        host.add_tap(f"tap{number}")
        host.plug(f"tap{number}", vm_uuid(number), vm_mac(number), ["tag=9"])
    host.remove_tap("tap1")
    leave_row(host, "tap3", 42)
    host.vsctl("add-port", "br0", "mine")           # Nobody's guest.
    agent = host.agent()
    agent.expect_warning("libvirt")
    until(lambda: len(agent.json("vnic/list")) == 3, "the ports are seen")
    hooks.passes("daemon", "-", "start")
    assert host.vsctl("list-ports", "br0").split() == ["mine", "tap2"]
    assert agent.stop() == 0
    assert not agent.complaints()


@needs_root
def test_sweep_does_as_it_is_told(tap_host):
    host, hooks = tap_host, Hooks(tap_host)
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-orphans=report")
    leave_row(host, "tap3", 42)
    agent = host.agent()
    host.settled(agent)
    hooks.passes("daemon", "-", "start")
    assert host.vsctl("list-ports", "br0") == "tap3"
    agent.stop()


@needs_root
def test_no_sweep_after_the_hook(tap_host):
    """When the database comes back libvirt plugs guests."""
    host, hooks = tap_host, Hooks(tap_host)
    hooks.configure(deadline_ms=500)
    leave_row(host, "tap3", 42)
    host.stop("libvirtd", signal.SIGKILL)
    agent = host.agent()
    until(lambda: agent.json("vnic/list"), "the port is seen")
    host.stop("ovsdb-server", signal.SIGKILL)
    until(lambda: agent.status()["ovsdb"]["state"] == "disconnected",
          "the loss is noticed")
    hooks.passes("daemon", "-", "start")
    host.start("ovsdb-server")
    until(lambda: agent.status()["ovsdb"]["state"] == "active", "it is back")
    host.plug("tap4", vm_uuid(4), vm_mac(4))
    until(lambda: len(agent.json("vnic/list")) == 2, "it has looked")
    assert host.vsctl("list-ports", "br0").split() == ["tap3", "tap4"]
    agent.stop()


@pytest.mark.parametrize("how", LOSSES)
@needs_root
def test_sweep_waits_for_what_the_database_has_now(tap_host, how):
    """Nothing was to be removed when the agent last looked."""
    host, hooks = tap_host, Hooks(tap_host)
    hooks.configure(deadline_ms=30000)
    with FarDatabase(host.rundir / "far.sock",
                     host.rundir / "db.sock") as far:
        agent = far.start_agent(host)
        lose(agent, far, how)
        leave_row(host, "tap3", 42)
        hook = hooks.begin("daemon", "-", "start")
        until(lambda: counts(agent, "events") == (1,), "the agent is asked")
        far.return_whole()
        assert hook.wait().status == 0
        assert host.vsctl("list-ports", "br0") == ""
        agent.stop()


def test_failed_start_is_forgotten(host, settled, hooks):
    hooks.passes("qemu", "web1", "prepare", simple_xml("web1", 1, 55))
    assert settled.vnics()[("web1", vm_mac(1))]["reason"] == \
        "its domain is starting"
    gone = simple_xml("web1", 1, 55).replace(" id='7'", "")
    hooks.passes("qemu", "web1", "stopped", gone)
    hooks.passes("qemu", "web1", "release", gone)
    until(lambda: not settled.vnics(), "it is forgotten")


def test_guest_told_of_by_reconnect(host, settled, hooks):
    """At boot libvirt itself answers nobody before all guests run."""
    with frozen(host, "libvirtd"):
        host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
        hooks.passes("qemu", "web1", "reconnect", start_xml())
        until(lambda: settled.states().get(("web1", vm_mac(1))) == "ready",
              "it is ready")
