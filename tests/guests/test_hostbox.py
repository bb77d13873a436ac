# SPDX-License-Identifier: Apache-2.0
"""The box itself: is it a KVM host, and does it leave no trace?

No agent here: what libvirt and Open vSwitch do without one.
"""

import os
import subprocess
import sys

import pytest

import switch
from hostbox import Box, HostboxError, Nic, Result, Vlan, until
from hostbox.util import read_text

HOSTBOX = os.path.join(os.path.dirname(__file__), "..", "hostbox", "hostbox")
FRAME = "ffffffffffff{source}8100{tci:04x}88b5{payload}"


@pytest.fixture(scope="module", name="host")
def booted_host(boot):
    """A box with four guests: one, two (VLAN 10), other (20), trunk."""
    vlans = {"one": Vlan.access(10), "two": Vlan.access(10),
             "other": Vlan.access(20), "trunk": Vlan.trunk(10, 20)}
    return boot({name: Nic(vlan=vlan) for name, vlan in vlans.items()})


def hostbox(*args, status=0):
    """Runs the command line; returns what it printed."""
    done = subprocess.run([sys.executable, HOSTBOX, *args], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_vlans_keep_guests_apart(host):
    assert host["one"].can_ping("192.0.2.2", tries=5)
    assert not host["one"].can_ping("192.0.2.3", tries=2)


def test_tagged_frames_pass_on_a_trunk(host):
    device = host["trunk"].add_vlan_device(20)
    host["trunk"].set_address("198.51.100.4/24", device)
    host["other"].set_address("198.51.100.3/24")
    assert host["trunk"].can_ping("198.51.100.3", tries=5)


@pytest.mark.parametrize("tag, arrives", [(10, False), (20, True),
                                          (30, False)])
def test_raw_frames_are_seen_as_they_are_on_the_wire(host, tag, arrives):
    """From a trunk to an access port: the tag decides, and comes off."""
    source = host["trunk"].macs()[0].replace(":", "")
    payload = "76" * 60 + f"{tag:04x}"
    frame = FRAME.format(source=source, tci=tag, payload=payload)
    with host["other"].capture(payload, seconds=2) as frames:
        host["trunk"].send_frame(frame)
    untagged = frame.replace(f"8100{tag:04x}", "")
    assert frames == ([untagged] if arrives else [])


def test_a_tagged_frame_keeps_its_tag_to_a_trunk(host):
    source = host["other"].macs()[0].replace(":", "")
    payload = "ab" * 60
    with host["trunk"].capture(payload) as frames:
        host["other"].send_frame(f"ffffffffffff{source}88b5{payload}")
    assert frames == [FRAME.format(source=source, tci=20, payload=payload)]


def test_commands_in_a_guest(host):
    guest = host["one"]
    assert guest.run("echo out; echo err >&2; exit 3") == Result(
        3, "out\nerr\n")
    assert guest.check(["echo", "two  words", "$HOME"]) == "two  words $HOME\n"
    big = guest.check("seq 1 20000", timeout=30)
    assert big == "".join(f"{n}\n" for n in range(1, 20001))
    with pytest.raises(HostboxError, match="ended with status 1"):
        guest.check("false")


def test_a_command_that_hangs_is_ended(host):
    result = host["one"].run("echo before; sleep 100", timeout=1)
    assert result.status == 128 + 15
    assert result.output.startswith("before\n")
    assert host["one"].check("echo after") == "after\n"


def test_a_process_left_behind_does_not_disturb(host):
    host["one"].check("(sleep 1; echo late) & echo first")
    assert host["one"].check("sleep 2; echo second") == "second\n"


def test_networks_and_port_groups(box, host):
    box.add_network("lan", portgroups={"red": Vlan.access(10),
                                       "blue": Vlan.access(20)})
    guest = box.add_guest("netted", Nic(network="lan", portgroup="red"))
    assert switch.columns(box, guest.taps()[0])["tag"] == 10
    guest.set_address("192.0.2.9/24")
    assert guest.can_ping("192.0.2.1", tries=5)
    guest.remove()
    assert "netted" not in box.guest_names()


@pytest.mark.parametrize("name", ["ovsdb-server", "ovs-vswitchd", "libvirtd"])
def test_daemons_are_killed_frozen_and_restarted(box, host, name):
    daemon = box.daemon(name)
    daemon.kill()
    assert daemon.status() == 128 + 9
    daemon.start()
    daemon.stop_signal()
    with pytest.raises(HostboxError):
        box.run(["timeout", "1", *daemon.recipe.probe])
    daemon.cont()
    daemon.wait_ready()
    daemon.restart()
    assert host["one"].can_ping("192.0.2.2", tries=10)


def test_spawned_processes(box):
    process = box.spawn("sleeper", ["sh", "-c", "echo hello; sleep 100"])
    assert process.is_running()
    with pytest.raises(HostboxError, match="already running"):
        box.spawn("sleeper", ["true"])
    until(lambda: read_text(process.log) == "hello\n",
          "its output is in its log", timeout=5)
    process.signal(15)
    assert process.wait() == 128 + 15
    with pytest.raises(HostboxError, match="No such file"):
        box.spawn("nothing", ["/nonexistent"])


def test_two_hosts_and_a_live_migration(make_box):
    """A guest is pinged across a cable, moves, and is pinged again."""
    left, right = make_box(), make_box()
    left.join(right)
    moving = left.add_guest("moving", Nic(vlan=Vlan.access(10)), wait=False)
    pinger = right.add_guest("pinger", Nic(vlan=Vlan.access(10)), wait=False)
    stranger = right.add_guest("stranger", Nic(vlan=Vlan.access(20)),
                               wait=False)
    for number, guest in enumerate((moving, pinger, stranger), 1):
        guest.wait_ready()
        guest.set_address(f"192.0.2.{number}/24")
    assert pinger.can_ping("192.0.2.1", tries=5)
    assert not stranger.can_ping("192.0.2.1", tries=2)

    pinger.check("ping 192.0.2.1 > /tmp/pings & echo $! > /tmp/pid")
    moved = left.migrate("moving", right)
    assert moved.state() == "running"
    assert "moving" not in left.guest_names()
    moved.check("true")

    answers = "grep -c 'bytes from' /tmp/pings"
    seen = int(pinger.check(answers))
    until(lambda: int(pinger.check(answers)) >= seen + 3,
          "pings are answered after the migration", timeout=20)
    pinger.check("kill $(cat /tmp/pid)")


def test_stop_leaves_nothing_behind():
    box = Box.start(f"gone{os.getpid()}"[:12])
    spaces = _namespaces(box.init_pid())
    box.add_guest("guest", Nic(), wait=False)
    assert len(_processes_in(spaces)) >= 5
    box.stop()
    assert not os.path.exists(box.layout.directory)
    assert box.name not in read_text("/proc/self/mounts")
    until(lambda: not _processes_in(spaces), "every process is gone",
          timeout=10)


def test_a_half_started_box_can_be_stopped(monkeypatch):
    name = f"half{os.getpid()}"[:12]

    def interrupted(self, bridges):
        raise KeyboardInterrupt

    monkeypatch.setattr(Box, "_start_daemons", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Box.start(name)
    assert "dead" in next(line for line in hostbox("list").splitlines()
                          if line.startswith(name))
    hostbox("stop", name)
    assert name not in hostbox("list")


def test_the_command_line(box, host):
    assert hostbox("run", box.name, "--", "hostname") == f"{box.name}\n"
    hostbox("run", box.name, "--", "sh", "-c", "exit 5", status=5)
    assert hostbox("in", box.name, "one", "--", "echo hi") == "hi\n"
    hostbox("in", box.name, "one", "--", "exit 7", status=7)
    assert hostbox("run", "nosuch", "--", "true", status=1) == (
        "hostbox: box nosuch is not running\n")
    assert hostbox("stop", "nosuch", status=1) == (
        "hostbox: there is no box nosuch\n")
    assert "one  running" in hostbox("guest", box.name, "list")
    assert f"{box.name}  pid" in hostbox("list")


def _namespaces(pid):
    """The namespaces of a process, None if it is gone."""
    try:
        return [os.readlink(f"/proc/{pid}/ns/{kind}")
                for kind in ("ipc", "mnt", "net", "pid", "uts")]
    except OSError:
        return None


def _processes_in(spaces):
    """The processes in one of 'spaces': while there is one, it is kept."""
    return [pid for pid in os.listdir("/proc") if pid.isdigit()
            and set(spaces) & set(_namespaces(pid) or [])]
