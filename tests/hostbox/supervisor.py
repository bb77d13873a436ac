# SPDX-License-Identifier: Apache-2.0
"""The first process of a box: makes the mounts, then looks after processes.

It runs as pid 1 of new namespaces, so that its death is the death of
everything in the box.  It starts what it is told to start and remembers how
each ended; callers outside talk to it through a Unix socket, one line of JSON
each way:

    {"op": "spawn", "name": N, "argv": [...], "env": {...}}  -> {"pid": P}
    {"op": "signal", "name": N, "signal": S}                 -> {}
    {"op": "status", "name": N}        -> {"pid": P, "status": null or S}

A status is that of a shell: 128 + S for death by signal S.  A request that
cannot be met is answered with {"error": SENTENCE}.
"""

import json
import os
import re
import selectors
import signal
import socket
import sys

from . import layout
from .util import HostboxError, cache_dir, read_text, run, write_text

REQUEST_MAX = 256 * 1024
LIBVIRT_ACCOUNT = "libvirt-qemu"


def main(name):
    paths = layout.Layout(name)
    _register(paths)
    _mount_everything(paths)
    _prepare_network(paths)
    Supervisor(paths).serve()


def _register(paths):
    """Writes down who we are, as the world outside counts processes.

    /proc is still the outer one here, which is what makes this possible."""
    pid = os.readlink("/proc/self")
    write_text(paths.pid_file, f"{pid} {layout.start_time(pid)}\n")


def _mount_everything(paths):
    """Each directory of the box's own, and each that boxes share, is put
    together below paths.outside("/") first and then laid over the host's."""
    shared = _shared_dirs()
    for path in layout.PRIVATE_DIRS:
        os.makedirs(paths.outside(path), exist_ok=True)
    os.makedirs(paths.outside(layout.GUESTS_DIR))
    for path, source in shared.items():
        os.makedirs(paths.outside(path), exist_ok=True)
        run(["mount", "--bind", source, paths.outside(path)])
    run(["mount", "-t", "proc", "proc", "/proc"])
    run(["mount", "-t", "sysfs", "sysfs", "/sys"])
    _hide_kvm(paths)
    mount_points = [*layout.PRIVATE_DIRS, *shared]
    for path in mount_points:
        _make_mount_point(path, paths)
    # The box itself usually lies below /run: that one is covered last.  What
    # is mounted below it by then comes along.
    for path in sorted(mount_points, key=lambda p: p == "/run"):
        if path == "/run" or not path.startswith("/run/"):
            run(["mount", "--rbind", paths.outside(path), path])
    _extend_files(paths)


def _shared_dirs():
    """{path in the box: directory of the host}

    Boxes see each other's sockets, for migration.  libvirt's cache outlives
    the box because probing QEMU is slow."""
    return {layout.root(): layout.root(), cache_dir(): cache_dir(),
            "/var/cache/libvirt": layout.libvirt_cache()}


def _hide_kvm(paths):
    """A /dev/kvm that exists and does not work costs 40 s and hangs guests.

    Hidden by a file that even root may not write to: libvirt takes KVM for
    usable if it may, and would probe QEMU anew at every start."""
    if os.path.exists("/dev/kvm") and not os.environ.get("HOSTBOX_KVM"):
        nothing = os.path.join(paths.directory, "no-kvm")
        write_text(nothing, "")
        run(["mount", "--bind", nothing, "/dev/kvm"])
        run(["mount", "-o", "remount,bind,ro", "/dev/kvm"])


def _make_mount_point(path, paths):
    """If the host lacks the directory 'path', makes it for the box alone: in
    memory, laid over the nearest directory that the host has."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    scratch = os.path.join(paths.directory, "overlay")
    if not os.path.ismount(scratch):
        os.makedirs(scratch)
        run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", scratch])
    layer = os.path.join(scratch, parent.strip("/").replace("/", "-"))
    os.makedirs(os.path.join(layer, "upper"))
    os.makedirs(os.path.join(layer, "work"))
    run(["mount", "-t", "overlay", "overlay", "-o",
         f"lowerdir={parent},upperdir={layer}/upper,workdir={layer}/work",
         parent])
    os.makedirs(path)


def _extend_files(paths):
    """libvirtd insists on the account that its system package would have
    made, even where QEMU is to run as root, and looks up the host's name."""
    for path, name, line in (
            ("/etc/passwd", LIBVIRT_ACCOUNT, "{}:x:64055:64055::/:/bin/false"),
            ("/etc/group", LIBVIRT_ACCOUNT, "{}:x:64055:"),
            ("/etc/hosts", paths.name, "127.0.0.1 {}")):
        text = read_text(path, "")
        if not re.search(rf"^(?:127\S+\s+)?{name}(?::|$)", text, re.M):
            write_text(paths.outside(path), f"{text}{line.format(name)}\n")
            run(["mount", "--bind", paths.outside(path), path])


def _prepare_network(paths):
    """No IPv6 by default: the host's own router solicitations would appear
    on every tap before its guest runs."""
    socket.sethostname(paths.name)
    for scope in ("all", "default"):
        setting = f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"
        if os.path.exists(setting):
            with open(setting, "w", encoding="ascii") as f:
                f.write("1")
    run(["ip", "link", "set", "lo", "up"])


class Supervisor:
    """Starts processes, signals them, and knows how they ended."""

    def __init__(self, paths):
        self._paths = paths
        self._pids = {}         # name -> pid of the newest process so named
        self._statuses = {}     # pid -> how it ended, or None while it runs
        self._ops = {"spawn": self._spawn, "signal": self._signal,
                     "status": self._status}

    def serve(self):
        wakeup, wakeup_write = os.pipe()
        os.set_blocking(wakeup, False)
        os.set_blocking(wakeup_write, False)
        signal.set_wakeup_fd(wakeup_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        listener = socket.socket(socket.AF_UNIX)
        unheard = f"{self._paths.socket}.new"   # Until somebody listens.
        listener.bind(unheard)
        listener.listen(16)
        os.rename(unheard, self._paths.socket)
        selector = selectors.DefaultSelector()
        selector.register(wakeup, selectors.EVENT_READ)
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    self._answer(listener)
                else:
                    os.read(wakeup, 4096)
            self._reap()

    def _reap(self):
        """Every orphan of the box ends up here, not only our own children."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if self._statuses.get(pid, 0) is None:
                code = os.waitstatus_to_exitcode(status)
                self._statuses[pid] = code if code >= 0 else 128 - code

    def _answer(self, listener):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            try:
                request = json.loads(self._read_line(connection))
                self._reap()
                reply = self._ops[request["op"]](request)
            except (KeyError, OSError, ValueError) as e:
                reply = {"error": str(e)}
            try:
                connection.sendall(json.dumps(reply).encode() + b"\n")
            except OSError as e:
                print(f"supervisor: a caller went away: {e}", file=sys.stderr)

    @staticmethod
    def _read_line(connection):
        data = b""
        while not data.endswith(b"\n"):
            more = connection.recv(65536)
            if not more or len(data) > REQUEST_MAX:
                raise ValueError("request too long or incomplete")
            data += more
        return data

    def _spawn(self, request):
        name, argv = request["name"], request["argv"]
        if self._is_running(name):
            raise ValueError(f"{name} is already running")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawnp(
            argv[0], argv, request["env"], setsid=True,
            setsigdef=[signal.SIGPIPE],
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, self._paths.log(name), flags, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2)])
        self._pids[name] = pid
        self._statuses[pid] = None
        return {"pid": pid}

    def _signal(self, request):
        name = request["name"]
        if not self._is_running(name):
            raise ValueError(f"{name} is not running")
        os.kill(self._pids[name], request["signal"])
        return {}

    def _status(self, request):
        name = request["name"]
        if name not in self._pids:
            raise ValueError(f"{name} has not been started")
        pid = self._pids[name]
        return {"pid": pid, "status": self._statuses[pid]}

    def _is_running(self, name):
        return name in self._pids and self._statuses[self._pids[name]] is None


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except HostboxError as e:
        sys.exit(f"supervisor: {e}")
