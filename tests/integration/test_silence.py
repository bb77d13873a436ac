# SPDX-License-Identifier: Apache-2.0
"""What the agent does, and leaves, while libvirt does not tell."""

import signal

from host import Daemon, access, until, vm_mac, vm_uuid
from test_rows import limit, rows


def states(agent):
    return {vnic["port"]: vnic["state"] for vnic in agent.json("vnic/list")}


def tags(host, *ports):
    return [host.column(port, "tag") for port in ports]


def test_guests_of_which_nobody_tells_stay_as_they_are(host, agent):
    """The agent and the switch are started anew, libvirt hangs."""
    host.start_vm("web1", 1, 10)
    host.start_vm("web2", 2, 20)
    until(lambda: states(agent) == {"tap1": "ready", "tap2": "ready"},
          "both are ready")
    host.send("libvirtd", signal.SIGSTOP)
    agent.stop()
    host.vsctl("--no-wait", "set", "port", "tap2", "tag=99")
    host.stop("ovs-vswitchd")
    host.start("ovs-vswitchd")

    again = host.agent()
    again.expect_warning("libvirt does not answer")     # Of the other one.
    host.plug("tap3", vm_uuid(3), vm_mac(3), ["tag=30"])
    until(lambda: set(states(again).items())
          == {(f"tap{n}", "waiting") for n in (1, 2, 3)}, "all of them wait")
    again.refuses("reconcile")
    assert again.transactions() == 0
    assert tags(host, "tap1", "tap2", "tap3") == ["10", "99", "30"]

    host.send("libvirtd", signal.SIGCONT)
    until(lambda: states(again) == {"tap1": "ready", "tap2": "ready",
                                    "tap3": "unmanaged"}, "libvirt has told")
    host.start_domain("web3", vm_uuid(3), (vm_mac(3), "tap3", access(30)))
    until(lambda: states(again)["tap3"] == "ready", "web3 is ready")
    until(lambda: tags(host, "tap1", "tap2", "tap3") == ["10", "20", "30"],
          "all are right")


def test_an_agent_that_libvirt_refuses_waits(host):
    """Permission denied is one more way not to tell; it ends when libvirt
    changes its mind."""
    # There are no flows then, nor the patch pair that they need.
    host.vsctl("set", "Open_vSwitch", ".", "external_ids:vnicd-guard=off")
    host.start_vm("web1", 1, 10)
    uri = host.uri().replace("libvirt-sock", "refused-sock")
    agent = host.agent("--connect=" + uri)
    agent.expect_warning("refused-sock")
    until(lambda: states(agent) == {"tap1": "waiting"}, "it waits")
    status, = agent.status()["libvirt"]
    assert status["state"] == "disconnected"
    assert "refused-sock" in status["error"]
    assert agent.transactions() == 0
    assert tags(host, "tap1") == ["10"]

    run = host.dir / "libvirt/run/libvirt"
    (run / "refused-sock").symlink_to(run / "libvirt-sock")
    until(lambda: states(agent) == {"tap1": "ready"}, "it is ready",
          timeout=20)


def test_nothing_goes_while_one_of_two_libvirts_is_away(host):
    limit(host, "tap9", vm_uuid(9), link=False)
    away = host.uri().replace("libvirt-sock", "away-sock")
    agent = host.agent("--connect=" + host.uri(), "--connect=" + away)
    agent.expect_warning("away-sock")
    until(lambda: [c["state"] for c in agent.status()["libvirt"]]
          == ["synced", "disconnected"], "one of them is there")
    assert agent.json("orphan/list") == []
    assert "no orphan is collected" in agent.refuses("orphan/collect")
    assert len(rows(host, "qos")) == 1

    run = host.dir / "libvirt/run/libvirt"
    (run / "away-sock").symlink_to(run / "libvirt-sock")
    until(lambda: len(agent.json("orphan/list")) == 2, "they are listed",
          timeout=20)
    agent.ask("orphan/collect")
    assert rows(host, "qos") == []


def test_a_first_reading_that_breaks_off_condemns_nobody(host):
    """libvirt dies while it tells of its domains for the first time."""
    for number in range(1, 201):
        host.start_domain(f"vm{number}", vm_uuid(number),
                          (vm_mac(number), f"tap{number}", access(10)))
    limit(host, "tap200", vm_uuid(200), link=False)
    agent = host.agent(start=False)
    agent.expect_warning("virt_conn|WARN")
    Daemon.start(agent)
    until(agent.answers, "the agent answers")
    host.stop("libvirtd", signal.SIGKILL)
    if agent.status()["libvirt"][0]["state"] != "synced":
        assert agent.json("orphan/list") == []
        assert "no orphan" in agent.refuses("orphan/collect")
    assert len(rows(host, "qos")) == 1
