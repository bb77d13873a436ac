# SPDX-License-Identifier: Apache-2.0
"""Where a box keeps its files, seen from outside and from inside.

Outside, a box is one directory:

    ROOT/NAME/pid           its first process: "PID START-TIME"
    ROOT/NAME/init.sock     where that process takes requests
    ROOT/NAME/log/          what the box and each of its daemons print
    ROOT/NAME/root/...      the private directories: what the box sees as
                            /run/libvirt is ROOT/NAME/root/run/libvirt
"""

import os
import re

from .util import HostboxError, cache_dir, read_text

PRIVATE_DIRS = ("/run", "/etc/openvswitch", "/etc/libvirt", "/etc/vnicd",
                "/var/lib/openvswitch", "/var/lib/libvirt",
                "/var/log/openvswitch", "/var/log/libvirt")

# Inside the box: serial ports, consoles and XML of its guests.
GUESTS_DIR = "/run/hostbox"

# Inside the box: what libvirt runs, by driver.
HOOKS_DIR = "/etc/libvirt/hooks"

NAME_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,11}")


def root():
    """The directory of all boxes."""
    return os.environ.get("VNICD_HOSTBOX_DIR", "/run/vnicd-hostbox")


def check_name(what, name):
    if not NAME_PATTERN.fullmatch(name):
        raise HostboxError(f"{what} name '{name}' is not 1 to 12 of a-z, 0-9 "
                           "and '-', beginning with a letter")


def libvirt_cache():
    """libvirt's capability cache outlives the box: probing QEMU is slow."""
    path = os.path.join(cache_dir(), "libvirt")
    os.makedirs(path, exist_ok=True)
    return path


def start_time(pid):
    """When process 'pid' began, in ticks since boot; None if it is gone.

    Together with the number it names one process for ever."""
    stat = read_text(f"/proc/{pid}/stat")
    if stat is None:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


class Layout:
    """The paths of one box."""

    def __init__(self, name):
        check_name("box", name)
        self.name = name
        self.directory = os.path.join(root(), name)
        self.pid_file = os.path.join(self.directory, "pid")
        self.socket = os.path.join(self.directory, "init.sock")
        self.logs = os.path.join(self.directory, "log")

    def outside(self, path):
        """Where the box's own file 'path' is found outside of it."""
        return os.path.join(self.directory, "root", path.lstrip("/"))

    def log(self, name):
        return os.path.join(self.logs, f"{name}.log")
