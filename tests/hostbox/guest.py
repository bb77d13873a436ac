# SPDX-License-Identifier: Apache-2.0
"""One guest of a box: started through libvirt, commanded on its serial port.

The protocol is described in 'guest-init'.  A guest runs one command at a
time; a lock file keeps callers apart.
"""

import base64
import contextlib
import dataclasses
import os
import re
import secrets
import shlex
import socket
import time

from . import domain, layout
from .util import HostboxError, locked, read_text, until

BOOT_SECONDS = 60
ANSWER_SLACK_SECONDS = 10
READY = "hostbox-guest-ready"


@dataclasses.dataclass(frozen=True)
class Result:
    """How a command in a guest ended."""

    status: int
    output: str


class Guest:
    """A guest by name.  Holds nothing open: objects come and go freely."""

    def __init__(self, box, name):
        layout.check_name("guest", name)
        self.box = box
        self.name = name

    # Life.

    def define(self, nics, **kwargs):
        """Defines the domain; a NIC without a MAC is given one."""
        nics = [nic if nic.mac else dataclasses.replace(
                    nic, mac=domain.make_mac(self.box.name, self.name, i))
                for i, nic in enumerate(nics)]
        self.define_xml(domain.domain_xml(
            self.name, nics, image=self.box.image,
            guests_dir=layout.GUESTS_DIR, kvm=self.box.has_kvm, **kwargs))

    def define_xml(self, xml):
        self.box.virsh("define", self.box.put_file(f"{self.name}.xml", xml))

    def start(self, *, paused=False, wait=True):
        self.box.virsh("start", self.name, *(["--paused"] if paused else []),
                       timeout=60)
        if wait and not paused:
            self.wait_ready()

    def wait_ready(self):
        """Waits until the guest has booted and takes commands."""
        log = self.box.outside(self._file("log"))

        def is_ready():
            if READY in read_text(log, ""):
                return True
            if self.state() not in ("running", "paused"):
                raise HostboxError(f"guest {self.name} is {self.state()} and "
                                   f"did not boot: see {log}")
            return False
        until(is_ready, f"guest {self.name} boots", timeout=BOOT_SECONDS,
              interval=0.1)

    def destroy(self):
        self.box.virsh("destroy", self.name, timeout=60)

    def remove(self):
        """Stops the guest, if it runs, and forgets it."""
        if self.state() != "shut off":
            self.destroy()
        self.box.virsh("undefine", self.name, "--managed-save")
        for ending in ("xml", "log", "sock", "lock"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.box.outside(self._file(ending)))

    # Facts.

    def state(self):
        """As 'virsh domstate' says it: running, paused, shut off, ..."""
        return self.box.virsh("domstate", self.name).strip()

    def xml(self, *flags):
        return self.box.virsh("dumpxml", self.name, *flags)

    def uuid(self):
        return self.box.virsh("domuuid", self.name).strip()

    def macs(self):
        return re.findall(r"<mac address='([^']*)'", self.xml())

    def taps(self):
        """The host's names of the interfaces, in order; it must run."""
        return re.findall(r"<target dev='([^']*)'", self.xml())

    def pid(self):
        """QEMU's pid, as the box counts."""
        path = f"/run/libvirt/qemu/{self.name}.pid"
        return int(read_text(self.box.outside(path)))

    # Commands.

    def run(self, command, timeout=10):
        """Runs 'command', a shell line or a list of words, in the guest."""
        if not isinstance(command, str):
            command = shlex.join(command)
        token = secrets.token_hex(8)
        packed = base64.b64encode(command.encode()).decode()
        with locked(self.box.outside(self._file("lock"))):
            with self._connect() as port:
                port.settimeout(timeout + ANSWER_SLACK_SECONDS)
                # The empty line ends what a caller before us left unended.
                port.sendall(f"\n{token} {timeout} {packed}\n".encode())
                return self._read_answer(port, token, command, timeout)

    def check(self, command, timeout=10):
        """As run(), for a command that must succeed; returns its output."""
        result = self.run(command, timeout)
        if result.status:
            raise HostboxError(f"guest {self.name}: '{command}' ended with "
                               f"status {result.status}: "
                               f"{result.output.strip()}")
        return result.output

    def _connect(self):
        port = socket.socket(socket.AF_UNIX)
        try:
            port.connect(self.box.outside(self._file("sock")))
        except OSError as e:
            port.close()
            raise HostboxError(f"guest {self.name} of box {self.box.name} "
                               f"does not answer on its serial port: "
                               f"{e.strerror}") from e
        return port

    def _read_answer(self, port, token, command, timeout):
        data = b""
        header = re.compile(rb"(?:^|\n)%s (\d+) (\d+)\n" % token.encode())
        deadline = time.monotonic() + timeout + ANSWER_SLACK_SECONDS
        found = None
        while not found or len(data) < found.end() + int(found.group(2)):
            try:
                more = port.recv(65536)
            except TimeoutError:
                more = b""
            if not more or time.monotonic() > deadline:
                raise HostboxError(f"guest {self.name}: no answer to "
                                   f"'{command}' within {timeout} s")
            data += more
            found = found or header.search(data)
        output = data[found.end():].decode(errors="replace")
        return Result(int(found.group(1)), output)

    def _file(self, ending):
        return f"{layout.GUESTS_DIR}/{self.name}.{ending}"

    # Network.

    def set_address(self, address, device="eth0"):
        """Gives 'device' the address 'address' ("192.0.2.1/24")."""
        self.check(f"ip link set {device} up && "
                   f"ip addr replace {address} dev {device}")

    def add_vlan_device(self, tag, device="eth0"):
        """A tagged sub-interface, as in any Linux guest on a trunk."""
        name = f"{device}.{tag}"
        self.check(f"ip link add link {device} name {name} type vlan "
                   f"id {tag} && ip link set {name} up")
        return name

    def can_ping(self, address, tries=1):
        """True if 'address' answers one of 'tries' pings, a second each."""
        result = self.run(f"for try in $(seq {tries}); do "
                          f"ping -c 1 -W 1 {address} && exit; done; exit 1",
                          tries + 5)
        return result.status == 0

    def send_frame(self, frame, device="eth0", count=1, interval_ms=0):
        """Sends 'frame' (hex) as it is, tags and wrong addresses included."""
        self.check(f"guest-frame send {device} {frame} {count} {interval_ms}",
                   timeout=10 + count * interval_ms // 1000)

    @contextlib.contextmanager
    def capture(self, wanted, device="eth0", seconds=2, count=1):
        """Captures frames that contain 'wanted' (hex), sent in the body.

        Yields a list that holds the frames, in hex, once the body has
        ended."""
        frames = []
        out = f"/tmp/capture-{secrets.token_hex(4)}"
        self.check(f"guest-frame capture {device} {wanted} {seconds} {count} "
                   f"> {out} 2>&1 & echo $! > {out}.pid")
        until(lambda: "listening" in self.run(f"cat {out}").output,
              f"guest {self.name} listens on {device}", timeout=10)
        yield frames
        waited = f"while kill -0 $(cat {out}.pid) 2>&-; do usleep 20000; done"
        lines = self.check(f"{waited}; cat {out}; rm {out} {out}.pid",
                           timeout=seconds + 10).split()
        frames += [line for line in lines if line != "listening"]
