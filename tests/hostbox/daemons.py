# SPDX-License-Identifier: Apache-2.0
"""The three daemons of a KVM host: how each starts, and when it is ready."""

import dataclasses
import os
from typing import Callable, Sequence

from .process import Process
from .util import HostboxError, until, write_text

READY_SECONDS = 60

LIBVIRTD_CONF = """\
# No polkit, no D-Bus: whoever reaches the socket is root already.
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_ro_perms = "0777"
unix_sock_rw_perms = "0770"
host_uuid = "{host_uuid}"
"""

QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
dynamic_ownership = 0
remember_owner = 0
stdio_handler = "file"
"""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How to start a daemon in the foreground and how to see it answer."""

    name: str
    argv: Sequence[str]
    probe: Sequence[str]
    prepare: Callable = lambda box: None


def _make_database(box):
    if not os.path.exists(box.outside("/etc/openvswitch/conf.db")):
        box.run(["ovsdb-tool", "create", "/etc/openvswitch/conf.db",
                 "/usr/share/openvswitch/vswitch.ovsschema"])


def _make_run_directory(box):
    os.makedirs(box.outside("/run/openvswitch"), exist_ok=True)


def _prepare_ovsdb_server(box):
    _make_run_directory(box)
    _make_database(box)


DAEMONS = {recipe.name: recipe for recipe in (
    Recipe("ovsdb-server",
           ("ovsdb-server", "/etc/openvswitch/conf.db", "--pidfile",
            "--remote=punix:/run/openvswitch/db.sock", "-vconsole:info",
            "-vsyslog:off"),
           ("ovs-appctl", "--timeout=5", "-t", "ovsdb-server", "version"),
           _prepare_ovsdb_server),
    Recipe("ovs-vswitchd",
           ("ovs-vswitchd", "unix:/run/openvswitch/db.sock", "--pidfile",
            "-vconsole:info", "-vsyslog:off"),
           ("ovs-appctl", "--timeout=5", "-t", "ovs-vswitchd", "version"),
           _make_run_directory),
    Recipe("libvirtd", ("libvirtd",), ("virsh", "-q", "uri")),
)}


def write_configuration(layout, host_uuid):
    """libvirt's settings for a host without polkit, cgroups and systemd."""
    os.makedirs(layout.outside("/etc/libvirt"))
    write_text(layout.outside("/etc/libvirt/libvirtd.conf"),
               LIBVIRTD_CONF.format(host_uuid=host_uuid))
    write_text(layout.outside("/etc/libvirt/qemu.conf"), QEMU_CONF)


class Daemon(Process):
    """One daemon of one box, to be started, stopped, killed and frozen."""

    def __init__(self, box, recipe):
        super().__init__(box, recipe.name)
        self.recipe = recipe

    def spawn(self):
        """Starts it and does not wait for it to answer."""
        self.recipe.prepare(self.box)
        self.box.spawn(self.name, self.recipe.argv)

    def start(self):
        """Starts it and waits until it answers."""
        self.spawn()
        self.wait_ready()

    def restart(self):
        self.stop()
        self.start()

    def wait_ready(self):
        until(self._answers, f"{self.name} answers (see {self.log})",
              timeout=READY_SECONDS)

    def _answers(self):
        if not self.is_running():
            raise HostboxError(f"{self.name} ended with status "
                               f"{self.status()}: see {self.log}")
        try:
            self.box.run(self.recipe.probe, timeout=10)
        except HostboxError:
            return False
        return True
