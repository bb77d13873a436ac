# SPDX-License-Identifier: Apache-2.0
"""libvirt's part when it runs hooks: the program under test, and its input."""

import os
import struct
import subprocess
import time

from host import access, vm_mac, vm_uuid

# What a host that is busy may add to a deadline; the default is longer.
SLACK_SECONDS = 2

OPERATIONS = {"prepare": "begin", "start": "begin", "started": "begin",
              "migrate": "begin", "reconnect": "begin", "stopped": "end",
              "release": "end", "updated": "begin",
              "port-created": "begin", "port-deleted": "begin"}


class Result:
    """How a hook ended, and how long that took."""

    def __init__(self, status, stderr, seconds):
        self.status = status
        self.stderr = stderr
        self.seconds = seconds

    def __repr__(self):
        return f"status {self.status} after {self.seconds:.3f} s: " \
               f"{self.stderr!r}"


class Hook:
    """A run of vnicd-hook that may not have ended; without 'is_whole' more is
    to come behind 'xml'."""

    def __init__(self, command, xml, is_whole=True):
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        try:
            self._process.stdin.write(xml)
            self._process.stdin.flush()
            if is_whole:
                self._process.stdin.close()
        except BrokenPipeError:     # It does not have to read everything.
            pass

    def is_running(self):
        return self._process.poll() is None

    def kill(self):
        self._process.kill()
        self._process.wait()

    def wait(self):
        stderr = self._process.stderr.read()
        stdout = self._process.stdout.read()
        status = self._process.wait(timeout=60)
        assert stdout == ""         # libvirt might take it for an XML.
        return Result(status, stderr, time.monotonic() - self._began)


class Hooks:
    """The hooks of a host."""

    def __init__(self, host):
        self.host = host
        self.config = host.dir / "hook.conf"
        self.configure()

    def configure(self, **settings):
        """Writes hook.conf; keys with _ for -."""
        settings.setdefault("socket", self.host.hook_socket())
        self.config.write_text("".join(
            f"{key.replace('_', '-')} = {value}\n"
            for key, value in settings.items()))
        self.config.chmod(0o644)

    def begin(self, driver, name, operation, xml="", sub_operation=None,
              is_whole=True):
        return Hook([self.host.program("vnicd-hook"),
                     f"--config={self.config}", driver, name, operation,
                     sub_operation or OPERATIONS.get(operation, "-"), "-"],
                    xml, is_whole)

    def run(self, *args, **kwargs):
        return self.begin(*args, **kwargs).wait()

    def passes(self, *args):
        result = self.run(*args)
        assert (result.status, result.stderr) == (0, ""), result
        return result

    def refuses(self, *args):
        """The one line with which the guest is refused."""
        result = self.run(*args)
        assert result.status == 1, result
        line, = result.stderr.splitlines()
        assert line.startswith("vnicd: ")
        return line[len("vnicd: "):]


def domain_xml(name, vm_id, interfaces, metadata="", is_live=True):
    """What a hook is told of a guest; 'interfaces' are XML."""
    number = " id='7'" if is_live else ""
    return (f"<domain type='qemu'{number}><name>{name}</name>"
            f"<uuid>{vm_id}</uuid>"
            f"<metadata><vnicd:vnics xmlns:vnicd='urn:vnicd:domain:1'>"
            f"{metadata}</vnicd:vnics></metadata>"
            f"<devices>{''.join(interfaces)}</devices></domain>")


def interface_xml(mac, port=None, vlan="", bridge="br0", network=None,
                  group=None, interface_id=None):
    """An interface as it is at 'start', or, without port, at 'prepare'."""
    merged = network and port
    kind = "network" if network and not port else "bridge"
    source = "".join(
        f" {key}='{value}'" for key, value in
        (("network", network), ("portgroup", group),
         ("bridge", bridge if merged or not network else None)) if value)
    target = f"<target dev='{port}'/>" if port else ""
    virtualport = "" if kind == "network" else _virtualport(interface_id)
    return (f"<interface type='{kind}'><mac address='{mac}'/>"
            f"<source{source}/>{vlan}{virtualport}{target}</interface>")


def _virtualport(interface_id):
    parameters = (f"<parameters interfaceid='{interface_id}'/>"
                  if interface_id else "")
    return f"<virtualport type='openvswitch'>{parameters}</virtualport>"


def simple_xml(name, number, tag, port=None, **kwargs):
    """A guest with one vNIC on access VLAN 'tag'."""
    return domain_xml(name, vm_uuid(number), [
        interface_xml(vm_mac(number), port, access(tag), **kwargs)])


def event_frame(*words, xml=b"", patience_ms=3000, version=1, kind=1):
    """A frame as vnicd-hook sends it."""
    encoded = [word.encode() + b"\0" for word in words]
    body = struct.pack(">I", patience_ms) + b"".join(
        struct.pack(">I", len(field)) + field for field in [*encoded, xml])
    return b"vnHk" + struct.pack(">HHI", version, kind, len(body)) + body


def verdict_frame(code, sentence=""):
    word = sentence.encode() + b"\0"
    body = struct.pack(">II", code, len(word)) + word
    return b"vnHk" + struct.pack(">HHI", 1, 2, len(body)) + body


def link_as(directory, folder, name, program):
    """Puts 'program' where libvirt would look for it."""
    path = directory / folder / name
    path.parent.mkdir(exist_ok=True)
    os.symlink(program, path)
    return str(path)


def start_xml():
    """The guest of most tests, all of whose ports are there."""
    return simple_xml("web1", 1, 55, "tap1")


def forgo_flows(host):
    """What a hook waits for of them, tests/guests knows.  Here libvirt knows
    nothing of the guests, so flows would go with each of its answers."""
    host.vsctl("set", "Open_vSwitch", ".", "external_ids:vnicd-guard=off")


def counts(agent, *keys):
    """What the agent has counted of hooks."""
    hooks = agent.status()["hooks"]
    return tuple(hooks[key] for key in keys)
