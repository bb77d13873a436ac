# SPDX-License-Identifier: Apache-2.0
"""A whole private KVM host, made of namespaces.

A box has its own mounts, network, processes and host name; in it run Debian's
own ovsdb-server, ovs-vswitchd (userspace datapath: no kernel module), libvirtd
and QEMU.  Nothing of the real host is touched: every directory that those
programs write to is a private one, kept under layout.root() so that logs and
consoles can be read from outside.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import uuid

from . import accel, image, layout
from .daemons import DAEMONS, Daemon, write_configuration
from .domain import network_xml
from .guest import Guest
from .process import Process
from .util import HostboxError, read_text, run, until, write_text

TESTS_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOOK_DRIVERS = ("qemu", "lxc", "network", "daemon")
NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb"),
}


def say_nothing(_message):
    """For callers who do not want to be told about progress."""


class Box:
    """A box by name; several objects may speak of the same box."""

    def __init__(self, name):
        self.layout = layout.Layout(name)
        self.name = name
        self._launcher = None

    # Life.

    @classmethod
    def start(cls, name, bridges=("br0",), say=say_nothing):
        """Makes a box with running daemons and the given bridges."""
        _need_root()
        box = cls(name)
        guest_image = image.get(say)
        kvm = accel.kvm_works(guest_image, say)
        box._make_directory()
        try:
            box._write_facts(guest_image, kvm)
            box._launch(kvm)
            say("starting ovsdb-server, ovs-vswitchd and libvirtd")
            box._start_daemons(bridges)
        except HostboxError as e:
            box._kill()
            raise HostboxError(f"{e} (its logs stay in {box.layout.logs} "
                               f"until 'hostbox stop {name}')") from e
        except BaseException:
            box._kill()
            raise
        return box

    @classmethod
    def find(cls, name):
        """The running box 'name'."""
        box = cls(name)
        if not box.is_running():
            raise HostboxError(f"box {name} is not running")
        return box

    @classmethod
    def all(cls):
        """Every box there is, the half-started and the dead ones too."""
        try:
            names = sorted(os.listdir(layout.root()))
        except FileNotFoundError:
            return []
        return [cls(name) for name in names
                if layout.NAME_PATTERN.fullmatch(name)]

    def _make_directory(self):
        os.makedirs(layout.root(), mode=0o700, exist_ok=True)
        try:
            os.mkdir(self.layout.directory)
        except FileExistsError:
            raise HostboxError(f"there is a box {self.name} already: "
                               f"stop it first") from None
        os.mkdir(self.layout.logs)
        os.mkdir(os.path.join(self.layout.directory, "root"))

    def _write_facts(self, guest_image, kvm):
        """What later commands on this box need to know."""
        write_text(self._facts_file(), json.dumps(
            {"image": guest_image.directory, "kvm": kvm}))
        write_configuration(self.layout, uuid.uuid4())

    def _facts_file(self):
        return os.path.join(self.layout.directory, "facts")

    def _launch(self, kvm):
        environment = dict(ENVIRONMENT, PYTHONPATH=TESTS_DIR,
                           PYTHONDONTWRITEBYTECODE="1",
                           **{k: os.environ[k] for k in
                              ("VNICD_CACHE", "VNICD_HOSTBOX_DIR")
                              if k in os.environ})
        if kvm:
            environment["HOSTBOX_KVM"] = "1"
        with open(self.layout.log("box"), "w", encoding="utf-8") as log:
            self._launcher = subprocess.Popen(
                ["unshare", *NAMESPACES, "--fork", "--kill-child", "--",
                 "/usr/bin/python3", "-m", "hostbox.supervisor", self.name],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env=environment, start_new_session=True)
        until(self._is_up, f"box {self.name} comes up", timeout=15)

    def _is_up(self):
        if self._launcher.poll() is not None:
            said = read_text(self.layout.log("box"), "").strip().splitlines()
            raise HostboxError(f"box {self.name} did not come up: "
                               f"{said[-1] if said else 'no message'}")
        return os.path.exists(self.layout.socket)

    def _start_daemons(self, bridges):
        """libvirtd takes its time and needs Open vSwitch only for guests."""
        self.daemon("libvirtd").spawn()
        self.daemon("ovsdb-server").start()
        self.vsctl("--no-wait", "init")
        self.daemon("ovs-vswitchd").start()
        for bridge in bridges:
            self.add_bridge(bridge)
        self.daemon("libvirtd").wait_ready()

    def lose_power(self, *others):
        """Ends the daemons, the guests and 'others', processes, all at once.

        What a host keeps in memory is lost, what it has on disk stays."""
        ending = [self.daemon(name) for name in DAEMONS] + list(others)
        guests = [self.guest(name).pid() for name in
                  self.virsh("list", "--name").split()]
        pids = [process.pid() for process in ending] + guests
        self.run(["kill", "-9", *map(str, pids)])
        for process in ending:
            process.wait()
        until(lambda: not any(self.has_process(pid) for pid in guests),
              f"the guests of box {self.name} end", timeout=20)
        for path in ("/run/libvirt", "/run/openvswitch"):
            shutil.rmtree(self.outside(path))

    def regain_power(self):
        """Boots the host anew; its guests are not started by themselves."""
        self._start_daemons(bridges=())

    def stop(self):
        """Kills everything in the box and removes what it left.

        Safe at any moment of the box's life, also when it never came up."""
        self._kill()
        if os.path.exists(self.layout.directory):
            shutil.rmtree(self.layout.directory)

    def _kill(self):
        """All of the box's processes die with the first one."""
        pid = self.init_pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
            until(lambda: not self.init_pid(), f"box {self.name} ends",
                  timeout=20)
        if self._launcher:
            self._launcher.kill()
            self._launcher.wait()
            self._launcher = None

    # Facts.

    def init_pid(self):
        """The outer pid of the box's first process, None if it is gone."""
        fields = read_text(self.layout.pid_file, "").split()
        if len(fields) != 2 or layout.start_time(fields[0]) != int(fields[1]):
            return None
        return int(fields[0])

    def is_running(self):
        return self.init_pid() is not None

    @property
    def image(self):
        return image.Image(self._facts()["image"])

    @property
    def has_kvm(self):
        return self._facts()["kvm"]

    def _facts(self):
        return json.loads(read_text(self._facts_file()))

    def outside(self, path):
        """Where the box's own file 'path' is found outside of it."""
        return self.layout.outside(path)

    def put_file(self, name, text):
        """Writes a file for the box's programs; returns its path inside."""
        path = f"{layout.GUESTS_DIR}/{name}"
        write_text(self.outside(path), text)
        return path

    # Processes.

    def enter(self, argv, cwd="/"):
        """The command that runs 'argv' in the box."""
        pid = self.init_pid()
        if not pid:
            raise HostboxError(f"box {self.name} is not running")
        return ["nsenter", f"--target={pid}", *NAMESPACES, f"--wdns={cwd}",
                "--", *argv]

    def run(self, argv, *, timeout=30, env=None):
        """Runs 'argv' in the box; returns what it printed, or raises."""
        return run(self.enter(argv), timeout=timeout,
                   env={**ENVIRONMENT, **(env or {})})

    def spawn(self, name, argv, env=None):
        """Starts a process that goes on until it ends or is told to."""
        self.ask(op="spawn", name=name, argv=list(argv),
                 env={**ENVIRONMENT, **(env or {})})
        return Process(self, name)

    def process(self, name):
        """A process that was spawned earlier, perhaps by somebody else."""
        return Process(self, name)

    def daemon(self, name):
        if name not in DAEMONS:
            raise HostboxError(f"no daemon '{name}': there are "
                               f"{', '.join(DAEMONS)}")
        return Daemon(self, DAEMONS[name])

    def ask(self, **request):
        """Sends one request to the supervisor and returns its reply."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            try:
                connection.connect(self.layout.socket)
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile() as answer:
                    reply = json.loads(answer.readline())
            except (OSError, ValueError) as e:
                raise HostboxError(f"box {self.name} does not answer: "
                                   f"{e}") from e
        if "error" in reply:
            raise HostboxError(f"box {self.name}: {reply['error']}")
        return reply

    def has_process(self, pid):
        """Is there a process that the box counts as 'pid'?"""
        return "yes" in self.run(["sh", "-c", f"[ ! -e /proc/{pid} ] "
                                              "|| echo yes"])

    # Open vSwitch and libvirt.

    def vsctl(self, *args, timeout=15):
        return self.run(["ovs-vsctl", f"--timeout={timeout}", *args],
                        timeout=timeout + 5)

    def appctl(self, *args, timeout=10):
        return self.run(["ovs-appctl", f"--timeout={timeout}", *args],
                        timeout=timeout + 5)

    def virsh(self, *args, timeout=30):
        return self.run(["virsh", "-q", *args], timeout=timeout)

    def add_bridge(self, bridge):
        self.vsctl("--may-exist", "add-br", bridge, "--", "set", "bridge",
                   bridge, "datapath_type=netdev")

    def guest(self, name):
        return Guest(self, name)

    def add_guest(self, name, *nics, wait=True, **kwargs):
        """Defines and starts a guest with the interfaces 'nics'."""
        guest = Guest(self, name)
        guest.define(nics, **kwargs)
        guest.start(wait=wait)
        return guest

    def add_network(self, name, bridge="br0", **kwargs):
        """Defines and starts a libvirt network on an Open vSwitch bridge;
        see domain.network_xml()."""
        xml = network_xml(name, bridge, **kwargs)
        self.virsh("net-define", self.put_file(f"net-{name}.xml", xml))
        self.virsh("net-start", name)

    def remove_network(self, name):
        self.virsh("net-destroy", name)
        self.virsh("net-undefine", name)

    def guest_names(self):
        return self.virsh("list", "--all", "--name").split()

    def install_hooks(self, program):
        """Has libvirt run 'program', as 'make install' does with vnicd-hook.
        libvirt looks for hooks when it starts and when it is reloaded."""
        for driver in HOOK_DRIVERS:
            directory = self.outside(f"{layout.HOOKS_DIR}/{driver}.d")
            os.makedirs(directory)
            os.symlink(program, os.path.join(directory, "50-vnicd"))
        self.daemon("libvirtd").signal(signal.SIGHUP)

    # Other boxes.

    def join(self, other, bridge="br0"):
        """Connects the two boxes' bridges with a cable.

        Returns the names of its two ends: an uplink port in each box."""
        ours, theirs = f"up-{other.name}", f"up-{self.name}"
        run(["ip", "link", "add", ours, "netns", str(self.init_pid()),
             "type", "veth", "peer", "name", theirs,
             "netns", str(other.init_pid())])
        for box, port in ((self, ours), (other, theirs)):
            # See domain.OFFLOADS_OFF.
            box.run(["ethtool", "-K", port, "tx", "off"])
            box.run(["ip", "link", "set", port, "up"])
            box.vsctl("add-port", bridge, port)
        return ours, theirs

    def libvirt_uri(self):
        """Of this box's libvirtd, for the real host and for other boxes."""
        path = self.outside("/run/libvirt/libvirt-sock")
        return f"qemu+unix:///system?socket={path}"

    def migrate(self, guest_name, other, timeout=60):
        """Moves a running guest to the joined box 'other'."""
        self.virsh(*_migration(guest_name, other), timeout=timeout)
        return Guest(other, guest_name)

    def start_migration(self, guest_name, other, mib_per_second, *options):
        """The same, so slowly; returns the process that does it."""
        return self.spawn(f"migrate-{guest_name}", [
            "virsh", "-q", *_migration(guest_name, other),
            "--bandwidth", f"{mib_per_second}", *options])


def _migration(guest_name, other):
    """What to tell virsh."""
    path = other.outside(f"{layout.GUESTS_DIR}/{guest_name}.migration")
    return ["migrate", "--live", "--p2p", "--persistent", "--undefinesource",
            guest_name, other.libvirt_uri(), "--migrateuri", f"unix://{path}"]


def _need_root():
    if os.geteuid() != 0:
        raise HostboxError("a box is made of namespaces: run as root")
