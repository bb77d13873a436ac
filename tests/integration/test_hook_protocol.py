# SPDX-License-Identifier: Apache-2.0
"""How a hook and the agent talk: frames, the socket, and the program that
libvirt runs."""

import os
import re
import signal
import socket
import subprocess

import pytest
from fake_agent import FakeAgent
from hooks import (SLACK_SECONDS, counts, event_frame, link_as, simple_xml,
                   start_xml, verdict_frame)
from host import until, vm_mac, vm_uuid

needs_root = pytest.mark.skipif(os.geteuid() != 0,
                                reason="needs root to be another user")


# The protocol.


def exchange(host, data):
    """What the agent answers until it hangs up."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(host.hook_socket()))
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while piece := connection.recv(4096):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


GARBAGE = {
    "garbage": b"GET / HTTP/1.0\r\n\r\n",
    "version": event_frame("qemu", "a", "started", "begin", "-", version=9),
    "kind": event_frame("qemu", "a", "started", "begin", "-", kind=2),
    "size": b"vnHk\x00\x01\x00\x01\xff\xff\xff\xff",
    "words": event_frame("qemu", "a", "started", "begin"),
    "more": event_frame("qemu", "a", "started", "begin", "-") + b"more",
}


@pytest.mark.parametrize("what", GARBAGE)
def test_malformed_frame_costs_its_own_connection(host, settled, what):
    settled.expect_warning("connection closed: ")
    with socket.socket(socket.AF_UNIX) as bystander:
        bystander.settimeout(10)
        bystander.connect(str(host.hook_socket()))
        bystander.sendall(event_frame("daemon", "-", "shutdown", "-", "-")[:9])
        assert exchange(host, GARBAGE[what]) == b""
        bystander.sendall(event_frame("daemon", "-", "shutdown", "-", "-")[9:])
        assert bystander.recv(4096) == verdict_frame(0)
    assert counts(settled, "events", "malformed") == (1, 1)


def test_frame_that_is_cut_off(host, settled):
    settled.expect_warning("connection closed: the frame is cut off")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(host.hook_socket()))
        connection.sendall(event_frame("qemu", "a", "started", "-", "-")[:40])
    until(lambda: counts(settled, "events", "malformed") == (0, 1),
          "it is noticed")


def test_frame_that_does_not_come(host, settled):
    settled.expect_warning("connection closed: the frame does not come")
    assert exchange(host, b"vnHk") == b""
    assert counts(settled, "malformed") == (1,)


def test_too_many_connections(host, settled, hooks):
    settled.expect_warning("connection closed: there are too many")
    idle = []
    for _ in range(256):
        idle.append(socket.socket(socket.AF_UNIX))
        idle[-1].connect(str(host.hook_socket()))
    until(lambda: exchange(host, b"") == b"", "one more is hung up on")
    for connection in idle:
        connection.close()
    hooks.passes("qemu", "web1", "prepare", simple_xml("web1", 1, 55))


def test_whoever_connects_and_says_nothing_is_no_fault(host, settled):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(host.hook_socket()))
    host.settled(settled)
    assert counts(settled, "events", "malformed") == (0, 0)


TOO_LARGE = "x" * (4 * 1024 * 1024)


def test_xml_that_is_too_large(settled, hooks):
    xml = start_xml() + TOO_LARGE
    assert "the guest's XML cannot be read: it is larger than 4 MiB; guest " \
        "web1 may not start" in hooks.refuses("qemu", "web1", "start", xml)
    hooks.passes("qemu", "web1", "started", xml)


def test_guest_hidden_by_what_is_too_large(settled, hooks):
    """What it is on comes behind its description."""
    xml = start_xml().replace(
        "<metadata>", f"<description>{TOO_LARGE}</description><metadata>")
    for operation in ("prepare", "started", "stopped"):
        hooks.passes("qemu", "web1", operation, xml)
    assert hooks.refuses("qemu", "web1", "start", xml) == (
        "the guest's XML cannot be read: it is larger than 4 MiB; guest web1 "
        f"may not start (fail = closed in {hooks.config})")
    hooks.configure(fail="open")
    result = hooks.run("qemu", "web1", "start", xml)
    assert (result.status, result.stderr) == (
        0, "vnicd: the guest's XML cannot be read: it is larger than 4 MiB; "
           f"guest web1 may start (fail = open in {hooks.config})\n")


@pytest.mark.parametrize("operation, status", [("start", 1), ("prepare", 0),
                                               ("started", 0)])
def test_xml_that_does_not_end(settled, hooks, operation, status):
    hooks.configure(deadline_ms=200)
    hook = hooks.begin("qemu", "web1", operation, "<domain>", is_whole=False)
    result = hook.wait()
    assert result.status == status
    assert ("cannot be read: its end has not come in time; guest web1 may not "
            "start" in result.stderr) == (status == 1), result
    assert counts(settled, "events") == (0,)


def test_large_xml(host, settled, hooks):
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=9"])
    xml = start_xml()
    xml += " " * (4 * 1024 * 1024 - len(xml))
    hooks.passes("qemu", "web1", "start", xml)
    assert host.column("tap1", "tag") == "55"


@pytest.mark.parametrize("answer", [b"nonsense", verdict_frame(7)],
                         ids=["nonsense", "unknown verdict"])
def test_agent_that_talks_nonsense(host, hooks, answer):
    def behave(_, connection):
        connection.recv(65536)
        connection.sendall(answer)

    with FakeAgent(host.hook_socket(), behave):
        assert "it speaks another language" in hooks.refuses(
            "qemu", "web1", "start", start_xml())


# The socket.


def test_socket_is_roots_alone(host, settled):
    assert host.hook_socket().stat().st_mode & 0o777 == 0o600


@needs_root
def test_nobody_is_hung_up_on(host, settled):
    settled.expect_warning("connection closed: its user is not root")
    host.hook_socket().chmod(0o666)
    for parent in host.hook_socket().parents:
        if parent != host.dir.parents[2]:
            parent.chmod(parent.stat().st_mode | 0o011)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
         "/usr/bin/python3", "-c", "import socket, sys\n"
         "s = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
         "s.settimeout(10)\nprint(s.recv(99))", str(host.hook_socket())],
        capture_output=True, text=True, timeout=30)
    assert done.stdout == "b''\n", done
    assert counts(settled, "malformed") == (1,)


def test_socket_of_a_killed_agent_is_taken_over(host, agent, hooks):
    agent.stop(signal.SIGKILL)
    assert host.hook_socket().exists()
    host.agent()
    hooks.passes("qemu", "web1", "prepare", simple_xml("web1", 1, 55))


def test_socket_of_another_agent_is_not(host, hooks):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(host.hook_socket()))
    listener.listen()
    agent = host.agent()
    assert agent.status()["hooks"]["error"] == "another agent listens there"
    assert any("hooks are not heard" in w for w in agent.status()["warnings"])
    listener.close()
    until(lambda: not agent.status()["hooks"]["error"], "it takes over")
    hooks.passes("qemu", "web1", "prepare", simple_xml("web1", 1, 55))


def test_what_is_no_socket_stays(host):
    host.hook_socket().write_text("mine")
    agent = host.agent()
    agent.expect_warning("hooks are not heard: it is there, and no socket")
    assert "no socket" in agent.status()["hooks"]["error"]
    agent.stop()
    assert host.hook_socket().read_text() == "mine"


# The program.


def test_settings_of_others_are_ignored(host, hooks):
    hooks.configure(fail="open", deadline_ms=100)
    hooks.config.chmod(0o646)
    command = [host.program("vnicd-hook"), f"--config={hooks.config}",
               f"--socket={host.hook_socket()}", "qemu", "web1", "prepare"]
    done = subprocess.run(command, input=start_xml(), text=True, timeout=30,
                          capture_output=True)
    assert (done.returncode, done.stderr) == (
        0, f"vnicd: {hooks.config} is ignored: others than its owner may "
           "write it\n")


def test_a_bad_line_costs_itself(hooks):
    hooks.configure(fail="perhaps", deadline_ms=100)
    result = hooks.run("qemu", "web1", "start", start_xml())
    assert result.status == 1
    assert result.stderr.splitlines()[0] == (
        f"vnicd: {hooks.config}, line 1 is ignored: fail is neither closed "
        "nor open")
    assert result.seconds < 0.1 + SLACK_SECONDS


def test_a_long_line_is_one_line(hooks):
    """What ends a comment is no setting."""
    hooks.configure(deadline_ms=100)
    text = hooks.config.read_text()
    hooks.config.write_text(f"#{'x' * 510}fail = open\n{text}fail\n")
    result = hooks.run("qemu", "web1", "start", start_xml())
    assert result.status == 1
    assert result.stderr.splitlines()[0] == (
        f"vnicd: {hooks.config}, line 4 is ignored: the line is not KEY = "
        "VALUE")


@pytest.mark.parametrize("driver, name, status", [
    ("qemu.d", "50-vnicd", 1), ("qemu.d", "50-vnicd.dpkg-new", 0),
    ("qemu.d", "50-vnicd~", 0), ("qemu.d", "51-vnicd", 0),
    ("lxc.d", "50-vnicd", 1), ("libxl.d", "50-vnicd", 0),
    ("qemu", "50-vnicd", 0)])
def test_only_one_name_counts(host, tmp_path, driver, name, status):
    """A guest that is too large to be asked about is refused by whoever is
    responsible at all, and nobody else reads it."""
    path = link_as(tmp_path, driver, name, host.program("vnicd-hook"))
    done = subprocess.run(
        [path, "web1", "start", "begin", "-"], capture_output=True, text=True,
        input=start_xml() + " " * (4 * 1024 * 1024), timeout=30)
    assert done.returncode == status, done
    assert bool(done.stderr) == bool(status)


@pytest.mark.parametrize("words", [[], ["qemu"], ["qemu", "web1"],
                                   ["--fail=open", "qemu", "web1", "start"]])
def test_a_command_line_of_no_use(host, words):
    done = host.run(host.program("vnicd-hook"), *words, check=False)
    assert done.returncode == 2 and "vnicd-hook" in done.stderr


def test_needs_the_c_library_alone(host):
    """And whatever the build has put in, to watch it."""
    done = host.run("readelf", "-d", host.program("vnicd-hook"))
    needed = re.findall(r"\(NEEDED\).*\[(\w+)", done.stdout)
    assert "libc" in needed
    assert not set(needed) - {"libc", "ld", "libasan", "libubsan", "libtsan"}
