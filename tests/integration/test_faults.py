# SPDX-License-Identifier: Apache-2.0
"""Peers that are absent, go, come back, or refuse; and the agent's own end."""

import os
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest
from host import access, until, vm_mac, vm_uuid
from oracle.jsonrpc import Question


def is_ready(agent, name, number):
    return agent.states().get((name, vm_mac(number))) == "ready"


def test_everything_absent_at_start(host):
    host.start_vm("web1", 1, 10)
    for name in ("libvirtd", "ovs-vswitchd", "ovsdb-server"):
        host.stop(name, signal.SIGKILL)
    (host.rundir / "db.sock").unlink()

    agent = host.agent()
    status = until(lambda: any(c["error"] for c in agent.status()["libvirt"])
                   and agent.status(), "libvirt's refusal is known")
    assert status["ovsdb"]["state"] == "disconnected"
    assert status["libvirt"][0]["state"] != "synced"
    assert not status["vswitchd"]["running"]
    assert not status["ok"]
    assert len(status["warnings"]) == 3
    assert agent.json("vnic/list") == []
    assert "database" in agent.refuses("reconcile")

    for name in ("ovsdb-server", "ovs-vswitchd", "libvirtd"):
        host.start(name)
    host.start_domain("web1", vm_uuid(1), (vm_mac(1), "tap1", access(10)))
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready", timeout=30)


@pytest.mark.parametrize("name", ["ovsdb-server", "ovs-vswitchd", "libvirtd"])
def test_peer_dies_and_returns(host, agent, name):
    _, _, mac, port = host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    host.stop(name, signal.SIGKILL)
    until(lambda: not agent.status()["ok"], "the loss is noticed")
    assert ("web1", mac) in agent.vnics()

    host.start(name)
    if name == "libvirtd":          # Its guests were made of memory.
        host.start_domain("web1", vm_uuid(1), (mac, port, access(10)))
    until(lambda: agent.status()["ok"], "the peer is back", timeout=30)
    host.vsctl("set", "port", port, "tag=20")
    until(lambda: host.column(port, "tag") == "10", "the tag is put right")


def test_drift_is_put_right_without_libvirt(host, agent):
    _, _, _, port = host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    host.stop("libvirtd", signal.SIGKILL)
    until(lambda: not agent.status()["ok"], "the loss is noticed")
    host.vsctl("set", "port", port, "tag=20")
    until(lambda: host.column(port, "tag") == "10", "the tag is put right")
    host.start("libvirtd")
    host.start_domain("web1", vm_uuid(1), (vm_mac(1), port, access(10)))
    until(lambda: agent.status()["ok"], "libvirt is back", timeout=30)


def test_bad_uri_is_a_state_with_a_sentence(host):
    agent = host.agent("--connect=nonsense:///")
    agent.expect_warning("libvirt nonsense:///")
    error = until(lambda: agent.status()["libvirt"][0]["error"],
                  "libvirt's own sentence is shown")
    assert "Failed to connect" in error or "nonsense" in error
    host.vsctl("add-port", "br0", "tap1")
    assert agent.json("vnic/list") == []


def test_second_agent_exits_and_names_the_first(host, agent):
    second = subprocess.run([host.program("vnicd")], env=host.env,
                            capture_output=True, text=True, timeout=20)
    assert second.returncode != 0
    assert f"already running as pid {agent.process.pid}" in second.stderr


def test_second_agent_elsewhere_is_standby(host, agent, tmp_path):
    """Another run directory, the same switch: the lock keeps them apart."""
    host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    other = tmp_path / "other"
    other.mkdir()
    env = {**host.env, "OVS_RUNDIR": str(other)}
    with open(tmp_path / "other.log", "wb") as log:
        second = subprocess.Popen(
            [host.program("vnicd"), f"--db=unix:{host.rundir}/db.sock",
             f"--hook-socket={host.hook_socket()}",
             "--connect=" + host.uri()], env=env, stderr=log)

    def state():
        result = subprocess.run(
            ["ovs-appctl", "-t", str(other / f"vnicd.{second.pid}.ctl"),
             "status", "--format=csv"], env=env, capture_output=True,
            text=True, timeout=20)
        return result.stdout

    until(lambda: "standby" in state(), "the second one is standby")
    agent.stop()
    until(lambda: "active" in state(), "the second one takes over")
    host.vsctl("set", "port", "tap1", "tag=20")
    until(lambda: host.column("tap1", "tag") == "10", "it does the job")
    second.terminate()
    assert second.wait(timeout=20) == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT,
                                 signal.SIGKILL, "exit"])
def test_end_leaves_the_switch_alone(host, agent, end):
    host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    columns = "--columns=_uuid,name,tag,trunks,vlan_mode,cvlans,external_ids"

    def rows():
        return host.vsctl(columns, "list", "port")

    before = rows()
    if end == "exit":
        agent.ask("exit")
        assert agent.process.wait(timeout=20) == 0
    else:
        status = agent.stop(end)
        assert status == (-end if end == signal.SIGKILL else 0)
    assert rows() == before
    if end != signal.SIGKILL:
        assert list(host.rundir.glob("vnicd.*")) == []


def test_end_does_not_wait_for_libvirt(host, agent):
    until(lambda: agent.status()["libvirt"][0]["state"] == "synced",
          "libvirt is known")
    agent.expect_warning("leaving without it")
    host.send("libvirtd", signal.SIGSTOP)
    start = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - start < 5
    host.send("libvirtd", signal.SIGCONT)
    assert list(host.rundir.glob("vnicd.*")) == []


def test_what_a_killed_agent_left_is_removed(host, agent):
    """And nothing else of the kind: not what is no socket, what belongs to a
    process that is there, what somebody listens on, or another name."""
    agent.stop(signal.SIGKILL)
    left = Path(agent.control_socket())
    assert left.is_socket()
    gone = 2 ** 22 + 1                  # More than there can be processes.
    kept = {"file": host.rundir / f"vnicd.{gone}.ctl",
            "alive": host.rundir / f"vnicd.{os.getpid()}.ctl",
            "heard": host.rundir / f"vnicd.{gone + 1}.ctl",
            "zero": host.rundir / f"vnicd.0{gone}.ctl",
            "other": host.rundir / f"vnicd2.{gone}.ctl"}
    kept["file"].write_text("")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(kept["heard"]))
        listener.listen()
        for name in ("alive", "zero", "other"):
            with socket.socket(socket.AF_UNIX) as relic:
                relic.bind(str(kept[name]))
        again = host.agent()
        assert not left.exists()
        assert [name for name, path in kept.items() if not path.exists()] == []
    assert f"{left}: removed, its process is gone" in again.text()


@pytest.mark.parametrize("options, sentence", [
    (["--db=foo"], "--db: 'foo' is not of the form unix:FILE, "
                   "tcp:HOST[:PORT] or ssl:HOST[:PORT]"),
    (["--db=foo", "--cleanup"], "--db: 'foo' is not"),
    (["--db=ssl:192.0.2.1"], "'ssl:192.0.2.1' needs --private-key"),
    (["--connect=test:///a", "--connect=test:///a"], "is given twice"),
    (["br0"], "unexpected argument 'br0'"),
])
def test_a_command_line_of_no_use(host, options, sentence):
    done = host.run(host.program("vnicd"), *options, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("vnicd: ") and sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(host.rundir.glob("vnicd.*")) == []


def test_an_option_of_open_vswitch_of_no_use(host):
    done = host.run(host.program("vnicd"), "-vnonsense", check=False)
    assert done.returncode == 1
    assert 'no destination, level, or module "nonsense"' in done.stderr
    assert list(host.rundir.glob("vnicd.*")) == []


def test_cleanup_takes_marks_and_nothing_else(host, agent):
    host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    command = [host.program("vnicd"), "--cleanup"]

    refused = subprocess.run(command, env=host.env, capture_output=True,
                             text=True, timeout=20)
    assert refused.returncode == 1
    assert "an agent is running" in refused.stderr

    agent.stop()
    unknown = subprocess.run([*command, "br9"], env=host.env,
                             capture_output=True, text=True, timeout=20)
    assert unknown.returncode == 1
    assert "no bridge 'br9'" in unknown.stderr

    done = subprocess.run([*command, "br0"], env=host.env,
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert "1 interface" in done.stdout
    keys = host.vsctl("get", "interface", "tap1", "external_ids")
    assert "vnicd" not in keys and "vm-id" in keys
    assert host.column("tap1", "tag") == "10"


def test_bad_commands_get_a_sentence(host, agent):
    host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    for words, sentence in {
            ("vnic/list", "br9"): "there is no bridge 'br9'",
            ("vnic/show", "web9"): "no vNIC of 'web9' is known",
            ("vnic/show",): "which domain?",
            ("vnic/show", "web1", "web2"): "unexpected argument 'web2'",
            ("plan", "br0"): "unexpected argument 'br0'",
            ("bridge/list", "br0"): "unexpected argument 'br0'",
            ("status", "foo"): "unexpected argument 'foo'",
            ("reconcile", "br0"): "unexpected argument 'br0'",
            ("orphan/collect", "br0"): "unexpected argument 'br0'",
            ("plan", "--format=xml"): "format 'xml' is not one of table, "
                                      "json, csv",
            ("plan", "--frob"): "unknown option '--frob'"}.items():
        assert sentence in agent.refuses(*words)


@pytest.mark.parametrize("name", ["-h", "--help", "-", "--"])
def test_a_domain_may_be_called_like_an_option(host, agent, name):
    host.start_vm(name, 1, 10)
    until(lambda: is_ready(agent, name, 1), "it is ready")
    assert agent.ask("vnic/show", "--format=csv", "--", name) == host.run(
        host.program("vnicctl"), "-t", agent.control_socket(), "show",
        "--format=csv", "--", name).stdout
    if name not in ("-", "--"):
        assert f"unknown option '{name}'" in agent.refuses("vnic/show", name)


def test_every_listing_has_every_format(host, agent):
    host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    for command in (["status"], ["vnic/list"], ["vnic/show", "web1"],
                    ["vlan/show"], ["plan"], ["drift/list"], ["reconcile"]):
        agent.json(*command)
        table = agent.ask(*command).splitlines()
        csv = agent.ask(*command, "--format=csv").splitlines()
        assert len(table) >= 2
        assert "," in csv[0]


def test_a_listing_without_rows_is_its_heading_alone(host, agent):
    for command in ("vnic/list", "plan", "drift/list"):
        assert agent.json(command) == []
        assert len(agent.ask(command).splitlines()) == 2
        assert len(agent.ask(command, "--format=csv").splitlines()) == 1


def test_listings_of_1000_vnics(host, agent):
    """Counted, not timed: no listing makes a pass."""
    count = 1000
    args = []
    for n in range(count):
        args += host.plug_args(f"tap{n}", vm_uuid(n), vm_mac(n),
                               [f"tag={n % 100 + 1}"])
    host.vsctl("--no-wait", *args[1:])
    for n in range(count):
        host.start_domain(f"web{n}", vm_uuid(n),
                          (vm_mac(n), f"tap{n}", access(n % 100 + 1)))
    until(lambda: agent.status()["vnics"]["ready"] == count, "all are ready",
          timeout=90)
    assert agent.status()["column_repairs"] == 0
    passes = agent.status()["passes"]
    assert len(agent.json("vnic/list")) == count
    assert len(agent.json("vlan/show")) == count + 1     # And br0 itself.
    assert agent.status()["passes"] == passes


def test_two_libvirts_on_one_host(host):
    """While one of them is silent, nobody's guest is called unknown."""
    host.start_vm("web1", 1, 10)
    host.plug("other0", vm_uuid(9), vm_mac(9), ["tag=9"])
    agent = host.agent("--connect=" + host.uri(),
                       f"--connect=test://{host.dir}/node.xml")
    agent.expect_warning("node.xml")
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    other = agent.vnics()[None, vm_mac(9)]
    assert other["state"] == "waiting"

    (host.dir / "node.xml").write_text(
        "<node>" + host.domain_xml(
            "box9", vm_uuid(9), (vm_mac(9), "other0", access(9))) + "</node>")
    until(lambda: is_ready(agent, "box9", 9), "box9 is ready", timeout=30)
    assert host.column("other0", "tag") == "9"


def test_control_socket_is_its_owners_alone(host, agent):
    """It can command changes."""
    mode = os.stat(agent.control_socket()).st_mode
    assert stat.S_IMODE(mode) == 0o700


def test_a_wish_outlives_the_database(host):
    """When libvirt has had its time, the database has gone: there is no pass
    to fulfil it."""
    _, _, mac, port = host.start_vm("web1", 1, 10)
    host.vsctl("set", "port", port, "tag=20")
    agent = host.agent()
    until(lambda: agent.states().get(("web1", mac)) == "drifted",
          "an operator has to decide")
    host.send("libvirtd", signal.SIGSTOP)
    operator = Question(agent.control_socket(), "reconcile")
    agent.status()                              # It has been accepted.
    host.stop("ovsdb-server", signal.SIGKILL)
    until(lambda: agent.status()["ovsdb"]["state"] == "disconnected",
          "the loss is noticed")
    before = agent.status()["passes"]
    host.send("libvirtd", signal.SIGCONT)
    with pytest.raises(RuntimeError, match="the database did not answer"):
        operator.answer()
    assert agent.status()["passes"] == before

    host.start("ovsdb-server")
    until(lambda: is_ready(agent, "web1", 1), "the wish is fulfilled")
    assert host.column(port, "tag") == "10"


NOT_TOLD = "libvirt has not told everything yet"


def test_libvirt_has_time_to_tell_everything(host, agent):
    """But only an operator waits for it: ports are put right meanwhile."""
    _, _, mac, port = host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    host.send("libvirtd", signal.SIGSTOP)
    try:
        start = time.monotonic()
        operator = Question(agent.control_socket(), "reconcile")
        host.vsctl("set", "port", port, "tag=20")
        until(lambda: host.column(port, "tag") == "10", "it is put right")
        assert time.monotonic() - start < 2
        with pytest.raises(RuntimeError, match=NOT_TOLD):
            operator.answer()
        assert 3 < time.monotonic() - start < 5
    finally:
        host.send("libvirtd", signal.SIGCONT)


@pytest.mark.parametrize("command", ["reconcile", "orphan/collect"])
def test_no_operator_waits_for_a_libvirt_that_is_gone(host, agent, command):
    host.stop("libvirtd", signal.SIGKILL)
    until(lambda: agent.status()["libvirt"][0]["state"] != "synced",
          "the loss is noticed")
    start = time.monotonic()
    assert NOT_TOLD in agent.refuses(command)
    assert time.monotonic() - start < 1
    host.start("libvirtd")
    until(lambda: agent.status()["ok"], "libvirt is back", timeout=30)


@pytest.mark.parametrize("command", ["reconcile", "orphan/collect"])
def test_each_operator_gets_the_answer_of_his_own_wish(host, far, command):
    """The second one comes while the work of the first is under way, and
    libvirt does not tell anything any more."""
    _, _, mac, port = host.start_vm("web1", 1, 10)
    host.vsctl("set", "port", port, "tag=20")
    agent = far.start_agent(host)
    assert agent.states()[("web1", mac)] == "drifted"
    far.hold("transact")
    first = Question(agent.control_socket(), "reconcile", "--format=csv")
    until(lambda: far.is_holding, "the work is under way")
    host.send("libvirtd", signal.SIGSTOP)
    try:
        second = Question(agent.control_socket(), command)
        agent.status()                          # It has been accepted.
        far.return_whole()
        assert "tap1" in first.answer()
        with pytest.raises(RuntimeError, match=NOT_TOLD):
            second.answer()
    finally:
        host.send("libvirtd", signal.SIGCONT)


def n_readings(agent):
    bridge, = agent.status()["openflow"]
    return bridge["reads"]


def test_a_wish_that_waits_reads_no_flows(host, agent):
    """Passes for others are made meanwhile."""
    _, _, mac, port = host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    before = n_readings(agent)
    host.send("libvirtd", signal.SIGSTOP)
    try:
        operator = Question(agent.control_socket(), "reconcile")
        for tag in (20, 30, 40, 50):
            host.vsctl("set", "port", port, f"tag={tag}")
            until(lambda: host.column(port, "tag") == "10", "it is put right")
        with pytest.raises(RuntimeError, match=NOT_TOLD):
            operator.answer()
    finally:
        host.send("libvirtd", signal.SIGCONT)
    until(lambda: n_readings(agent) > before, "all is read for the operator")
    assert n_readings(agent) <= before + 2      # One is due every minute.


def limit_tags(host, tag):
    """From now on the database refuses greater ones."""
    host.restrict(lambda tables: tables["Port"]["columns"]["tag"]["type"][
        "key"].update(maxInteger=tag))


def test_a_wish_that_the_database_refuses_reads_flows_once(host, agent):
    """It is tried again and again."""
    host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    for words in ("the database refused", "ovsdb_idl|WARN|transaction error"):
        agent.expect_warning(words)
    limit_tags(host, 100)
    host.plug("tap2", vm_uuid(2), vm_mac(2), ["tag=10"])
    domain = host.start_domain("web2", vm_uuid(2),
                               (vm_mac(2), "tap2", access(200)))
    until(lambda: agent.status()["ovsdb"]["error"], "it is refused")
    before = n_readings(agent)
    passes = agent.status()["passes"]
    assert "the database did not answer" in agent.refuses("reconcile")
    assert agent.status()["passes"] >= passes + 4
    assert n_readings(agent) <= before + 2      # One is due every minute.
    domain.destroy()
    host.vsctl("del-port", "tap2")


def test_a_guest_without_its_port_is_a_warning(host, agent):
    host.vsctl("set", "open", ".", "external_ids:vnicd-drift=report")
    _, _, mac, port = host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    host.vsctl("del-port", port)
    until(lambda: f"web1/{mac}: port-deleted: no port for it on bridge br0"
          in agent.status()["warnings"], "it is a warning")
    host.plug(port, vm_uuid(1), mac, ["tag=10"])
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready again")


def test_nonsense_in_our_marks_is_no_readiness(host, agent):
    _, _, _, port = host.start_vm("web1", 1, 10)
    until(lambda: is_ready(agent, "web1", 1), "web1 is ready")
    for value in ("-5", "abc", "9223372036854775807"):
        host.vsctl("set", "interface", port,
                   f"external_ids:vnicd-ready={value}")
        until(lambda: value != host.column(port, "external_ids:vnicd-ready",
                                           "interface").strip('"'),
              "it is written anew")
