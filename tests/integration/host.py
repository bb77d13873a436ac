# SPDX-License-Identifier: Apache-2.0
"""A KVM host without guests: a real ovsdb-server, a real ovs-vswitchd with its
dummy datapath, a real libvirtd with its test driver, and the real agent.

Needs no root.  Everything lives below one directory and ends with it.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import uuid
from pathlib import Path

import libvirt

from hostbox import util

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
NOBODY = 65534
START_SECONDS = 40              # libvirtd looks at the machine first.
SANITIZER_WORDS = ("Sanitizer", "runtime error:")


def until(condition, what, timeout=10, interval=0.02):
    """Waits until 'condition()' is true and returns its value."""
    return util.until(condition, what, timeout=timeout, interval=interval)


def portgroup(name, vlan="", default=False):
    is_default = " default='yes'" if default else ""
    return f"<portgroup name='{name}'{is_default}>{vlan}</portgroup>"


def access(tag):
    return f"<vlan><tag id='{tag}'/></vlan>"


class Daemon:
    """A process in the foreground, its output in a log file."""

    def __init__(self, log, *command, **kwargs):
        self.log = log
        self.command = command
        self.kwargs = kwargs
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, **self.kwargs)
        return self

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Ends the process and returns its exit status."""
        if not self.is_running():
            return self.process and self.process.returncode
        self.send(signal.SIGCONT)
        self.send(number)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def text(self):
        return Path(self.log).read_text(errors="replace")


class Agent(Daemon):
    """The agent, and what an operator asks it."""

    def __init__(self, host, *options):
        self.host = host
        super().__init__(host.dir / "vnicd.log", host.program("vnicd"),
                         *options, env=host.env)
        self.expected = []

    def start(self):
        super().start()
        until(lambda: self.answers(), "the agent answers")
        return self

    def answers(self):
        assert self.is_running(), self.text()
        return self.host.run("ovs-appctl", "-t", self.control_socket(),
                             "version", check=False).returncode == 0

    def control_socket(self):
        return str(self.host.rundir / f"vnicd.{self.process.pid}.ctl")

    def ask(self, *words):
        """The reply to an operator's command, as text."""
        return self.host.run("ovs-appctl", "-t", "vnicd", *words).stdout

    def refuses(self, *words):
        """The sentence with which the agent refuses a command."""
        result = self.host.run("ovs-appctl", "-t", "vnicd", *words,
                               check=False)
        assert result.returncode != 0
        return result.stderr.splitlines()[0]

    def json(self, *words):
        return json.loads(self.ask(*words, "--format=json"))

    def status(self):
        return self.json("status")

    def vnics(self):
        """The vNICs by (domain, MAC)."""
        return {(v["domain"], v["mac"]): v for v in self.json("vnic/list")}

    def states(self):
        return {key: vnic["state"] for key, vnic in self.vnics().items()}

    def transactions(self):
        return self.status()["ovsdb_transactions"]

    def expect_warning(self, words):
        """A line of the log with these words is no failure."""
        self.expected.append(words)

    def complaints(self):
        """Lines of the log that nobody expected."""
        return [line for line in self.text().splitlines()
                if ("|WARN|" in line or "|ERR|" in line
                    or any(word in line for word in SANITIZER_WORDS))
                and not any(words in line for words in self.expected)]


class Host:
    """The host; use it as a context."""

    DATAPATH = "dummy"
    SWITCH_OPTIONS = ("--enable-dummy=override",)

    def __init__(self, directory, build):
        self.dir = Path(directory)
        self.build = Path(build)
        self.rundir = self.dir / "run"
        self.database = self.dir / "conf.db"
        self.env = {**os.environ, "OVS_RUNDIR": str(self.rundir),
                    "OVS_LOGDIR": str(self.dir), "OVS_DBDIR": str(self.dir)}
        self.daemons = {}
        self._connection = None

    def __enter__(self):
        self.start_switch()
        self.start("libvirtd")
        return self

    def start_switch(self):
        self.rundir.mkdir()
        self.run("ovsdb-tool", "create", self.database, SCHEMA)
        self.start("ovsdb-server")
        self.vsctl("--no-wait", "init")
        self.start("ovs-vswitchd")

    def __exit__(self, *_):
        for daemon in self.daemons.values():
            if daemon.is_running():             # A test that failed may have
                daemon.send(signal.SIGCONT)     # stopped it.
        if self._connection:
            self._connection.close()
        for name in reversed(list(self.daemons)):
            self.daemons[name].stop()

    def program(self, name):
        folder = {"vnicd": "controller", "vnicctl": "ctl",
                  "vnicd-hook": "libvirt-hooks"}[name]
        return str(self.build / folder / name)

    def run(self, *command, check=True):
        result = subprocess.run([str(word) for word in command], env=self.env,
                                capture_output=True, text=True, timeout=60)
        assert not check or result.returncode == 0, result
        return result

    # Daemons.

    def start(self, name):
        """Starts a daemon of the host and waits until it can be used."""
        getattr(self, "_start_" + name.replace("-", "_"))()

    def stop(self, name, number=signal.SIGTERM):
        self.daemons[name].stop(number)

    def send(self, name, number):
        self.daemons[name].send(number)

    def agent(self, *options, start=True):
        """A new agent with the usual options and these."""
        if not any(word.startswith("--connect") for word in options):
            options += ("--connect=" + self.uri(),)
        options += (f"--hook-socket={self.hook_socket()}",)
        self.daemons["vnicd"] = agent = Agent(self, *options)
        return agent.start() if start else agent

    def hook_socket(self):
        return self.rundir / "hook.sock"

    @staticmethod
    def settled(agent):
        """Waits until the agent knows everything and has nothing to do."""
        def is_settled():
            status = agent.status()
            return (all(c["state"] == "synced" for c in status["libvirt"])
                    and status["ovsdb"]["state"] == "active"
                    and not status["vnics"]["waiting"]
                    and not any(op["kind"] != "report"
                                for op in agent.json("plan")))
        until(is_settled, "the agent settles")

    def _launch(self, name, *command, **kwargs):
        self.daemons[name] = Daemon(self.dir / f"{name}.log", *command,
                                    **{"env": self.env, **kwargs}).start()

    def _start_ovsdb_server(self):
        path = self.rundir / "db.sock"
        path.unlink(missing_ok=True)            # A crash leaves it.
        self._launch("ovsdb-server", "ovsdb-server", f"--remote=punix:{path}",
                     f"--pidfile={self.rundir}/ovsdb-server.pid",
                     str(self.database))
        until(lambda: _listens(path), "ovsdb-server listens")

    def _start_ovs_vswitchd(self):
        pidfile = self.rundir / "ovs-vswitchd.pid"
        pidfile.unlink(missing_ok=True)
        self._launch("ovs-vswitchd", "ovs-vswitchd", *self.SWITCH_OPTIONS,
                     "--disable-system", f"--pidfile={pidfile}",
                     f"unix:{self.rundir}/db.sock")
        until(pidfile.exists, "ovs-vswitchd runs")

    def _start_libvirtd(self):
        home = self.dir / "libvirt"
        for folder in ("run", "conf", "cache", "data"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        config = home / "libvirtd.conf"
        config.write_text('auth_unix_rw = "none"\nauth_unix_ro = "none"\n')
        self._launch("libvirtd", *self._as_nobody(home), "/usr/sbin/libvirtd",
                     "-f", str(config),
                     env={"PATH": os.environ["PATH"], "HOME": str(home),
                          "XDG_RUNTIME_DIR": f"{home}/run",
                          "XDG_CONFIG_HOME": f"{home}/conf",
                          "XDG_CACHE_HOME": f"{home}/cache",
                          "XDG_DATA_HOME": f"{home}/data"})
        until(self._libvirtd_answers, "libvirtd answers",
              timeout=START_SECONDS)

    def _libvirtd_answers(self):
        daemon = self.daemons["libvirtd"]
        assert daemon.is_running(), daemon.text()
        return self._try_connect() is not None

    @staticmethod
    def _as_nobody(home):
        """As root libvirtd would be the system's own."""
        if os.geteuid() != 0:
            return ()
        for path in (home, *home.rglob("*")):
            shutil.chown(path, NOBODY, NOBODY)
        for parent in home.parents[:3]:
            parent.chmod(parent.stat().st_mode | 0o011)
        return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                "--clear-groups")

    # libvirt.

    def uri(self):
        socket = self.dir / "libvirt/run/libvirt/libvirt-sock"
        return f"test+unix:///default?socket={socket}"

    def _try_connect(self):
        libvirt.registerErrorHandler(lambda *_: None, None)
        try:
            self._connection = libvirt.open(self.uri())
        except libvirt.libvirtError:
            return None
        for domain in self._connection.listAllDomains():
            domain.destroy()        # The driver comes with one.
            domain.undefine()
        return self._connection

    @property
    def libvirt(self):
        return self._connection

    # Open vSwitch.

    def vsctl(self, *args):
        return self.run("ovs-vsctl", *args).stdout.strip()

    def restrict(self, change):
        """From now on the database refuses what its schema does not allow when
        'change' has been at its tables."""
        schema = json.loads(Path(SCHEMA).read_text())
        change(schema["tables"])
        path = self.dir / "restricted.ovsschema"
        path.write_text(json.dumps(schema))
        self.run("ovsdb-client", "convert", f"unix:{self.rundir}/db.sock",
                 path)

    def add_bridge(self, name="br0"):
        self.vsctl("add-br", name, "--", "set", "bridge", name,
                   f"datapath_type={self.DATAPATH}")

    def ports(self, bridge="br0"):
        """The ports of a bridge, but for the agent's own patch pair."""
        pair = self.vsctl("--bare", "--columns=name", "find", "interface",
                          "external_ids:vnicd-patch!=nobody").split()
        return [port for port in self.vsctl("list-ports", bridge).split()
                if port not in pair]

    def column(self, port, column, table="port"):
        return self.vsctl("get", table, port, column)

    # The fake plugger: what libvirt does with a switch, without guests.

    @staticmethod
    def plug_args(port, vm_id, mac, vlan_args=(), bridge="br0"):
        """The arguments with which libvirt runs ovs-vsctl for a vNIC."""
        keys = {"attached-mac": f'"{mac}"', "iface-id": f'"{uuid.uuid4()}"',
                "vm-id": f'"{vm_id}"', "iface-status": "active"}
        args = ["--", "--may-exist", "add-port", bridge, port, *vlan_args]
        for key, value in keys.items():
            args += ["--", "set", "Interface", port,
                     f"external-ids:{key}={value}"]
        return args

    def plug(self, *args, **kwargs):
        self.vsctl(*self.plug_args(*args, **kwargs)[1:])

    @staticmethod
    def domain_xml(name, vm_id, *interfaces):
        """'interfaces' are (mac, port, VLAN XML[, bridge])."""
        return domain_xml(name, vm_id,
                          "".join(_interface_xml(*i) for i in interfaces))

    @staticmethod
    def network_xml(name, *elements, bridge="br0"):
        return (f"<network><name>{name}</name><forward mode='bridge'/>"
                f"<bridge name='{bridge}'/><virtualport type='openvswitch'/>"
                f"{''.join(elements)}</network>")

    def start_network(self, name, *elements):
        """'elements' are <vlan> and <portgroup>, as XML."""
        return self.libvirt.networkCreateXML(self.network_xml(name, *elements))

    def start_network_vm(self, name, number, network, tag, group=None,
                         vlan=""):
        """A whole VM on a network.  The test driver, unlike QEMU's, does not
        merge the network's VLAN into the XML; the port has it: 'tag'."""
        vm_id, mac, port = vm_uuid(number), vm_mac(number), f"tap{number}"
        self.plug(port, vm_id, mac, [f"tag={tag}"] if tag else [])
        interface = _network_interface_xml(mac, port, network, group, vlan)
        self.libvirt.createXML(domain_xml(name, vm_id, interface))
        return mac, port

    def start_domain(self, name, vm_id, *interfaces):
        """Starts a transient domain: its XML is the live one at once."""
        return self.libvirt.createXML(
            self.domain_xml(name, vm_id, *interfaces))

    def start_vm(self, name, number, tag, port=None):
        """A whole VM with one vNIC on access VLAN 'tag', as libvirt leaves
        it: plugged, then running.  Returns (domain, vm_id, mac, port)."""
        vm_id, mac = vm_uuid(number), vm_mac(number)
        port = port or f"tap{number}"
        self.plug(port, vm_id, mac, [f"tag={tag}"])
        domain = self.start_domain(name, vm_id, (mac, port, access(tag)))
        return domain, vm_id, mac, port


def _listens(path):
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


def vm_uuid(number):
    return str(uuid.UUID(int=0x6A6F0A502F0E4B5C9D0E000000000000 + number))


def vm_mac(number):
    return f"52:54:00:00:{number >> 8 & 0xff:02x}:{number & 0xff:02x}"


def domain_xml(name, vm_id, devices):
    """A domain of libvirt's test driver; 'devices' are XML."""
    return (f"<domain type='test'><name>{name}</name><uuid>{vm_id}</uuid>"
            f"<memory>1024</memory><os><type>hvm</type></os>"
            f"<devices>{devices}</devices></domain>")


def _network_interface_xml(mac, port, network, group=None, vlan=""):
    asked = f" portgroup='{group}'" if group else ""
    return (f"<interface type='network'><mac address='{mac}'/>"
            f"<source network='{network}'{asked}/>{vlan}"
            f"<target dev='{port}'/></interface>")


def _interface_xml(mac, port, vlan, bridge="br0"):
    return (f"<interface type='bridge'><mac address='{mac}'/>"
            f"<source bridge='{bridge}'/>{vlan}"
            f"<virtualport type='openvswitch'/><target dev='{port}'/>"
            f"</interface>")
