# SPDX-License-Identifier: Apache-2.0
"""Containers of libvirt's LXC driver: their ports are vNICs like any other.

The driver puts each container into control groups, which a box does not have.
So the kernel's own are mounted in it; libvirt makes groups of its own there,
and removes them with the container.
"""

import pytest

import switch
from hostbox import HostboxError

URI = "lxc:///system"
NAMES = ("left", "right")
MACS = {"left": "52:54:00:6c:00:01", "right": "52:54:00:6c:00:02"}
ADDRESSES = {"left": "192.0.2.1", "right": "192.0.2.2"}

# The hierarchies of the first version, where the kernel uses them, or else
# the one of the second.
MOUNT_CGROUPS = """
set -e
mount -t tmpfs none /sys/fs/cgroup
cd /sys/fs/cgroup
v1=$(awk '!/^#/ && $2 != 0 { print $1 }' /proc/cgroups)
for controller in $v1; do
    mkdir $controller
    mount -t cgroup -o $controller none $controller
done
if [ -n "$v1" ]; then
    mkdir systemd
    mount -t cgroup -o none,name=systemd none systemd
else
    mount -t cgroup2 none /sys/fs/cgroup
fi
"""


def domain_xml(name):
    """A container that shares the box's files and sleeps."""
    return f"""
<domain type='lxc'><name>{name}</name>
  <memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type>exe</type><init>/bin/sleep</init><initarg>infinity</initarg></os>
  <devices>
    <interface type='bridge'><mac address='{MACS[name]}'/>
      <source bridge='br0'/><virtualport type='openvswitch'/>
      <vlan><tag id='10'/></vlan></interface>
    <console type='pty'/>
  </devices>
</domain>"""


class Container:
    """A container by name."""

    def __init__(self, box, name):
        self.box = box
        self.name = name

    def virsh(self, command, *args):
        return self.box.virsh("-c", URI, command, self.name, *args)

    def start(self):
        path = self.box.put_file(f"{self.name}.xml", domain_xml(self.name))
        self.box.virsh("-c", URI, "create", path)
        # Open vSwitch's userspace datapath reads raw frames.
        self.run("/usr/sbin/ethtool", "-K", "eth0", "tx", "off")
        self.run("/usr/sbin/ip", "address", "add",
                 f"{ADDRESSES[self.name]}/24", "dev", "eth0")
        self.run("/usr/sbin/ip", "link", "set", "eth0", "up")

    def run(self, *argv):
        return self.virsh("lxc-enter-namespace", "--noseclabel", "--", *argv)

    def can_ping(self, address, tries=1):
        try:
            self.run("/usr/bin/ping", "-c", "1", "-w", str(tries), address)
        except HostboxError:
            return False
        return True

    def say_vlan(self, attributes):
        self.virsh("metadata", "--live", "--uri", "urn:vnicd:domain:1",
                   "--key", "vnicd", "--set",
                   f"<vnics><vnic mac='{MACS[self.name]}'>"
                   f"<vlan {attributes}/></vnic></vnics>")


@pytest.fixture(scope="module")
def containers(box):
    box.run(["sh", "-c", MOUNT_CGROUPS])
    box.daemon("libvirtd").restart()
    running = {name: Container(box, name) for name in NAMES}
    for container in running.values():
        container.start()
    yield running
    for container in running.values():
        container.virsh("destroy")


@pytest.fixture
def lxc_agent(stopped_agent, containers):
    """An agent that listens to both of the host's drivers."""
    stopped_agent.start("--connect=qemu:///system", f"--connect={URI}")
    stopped_agent.wait_connected()
    for container in containers.values():
        stopped_agent.wait_state(container)
    return stopped_agent


def test_a_change_by_hand_is_put_right(box, lxc_agent, containers):
    port = lxc_agent.wait_state(containers["left"], tag=10)["port"]
    assert containers["left"].can_ping(ADDRESSES["right"], tries=5)
    switch.set_port(box, port, "tag=20")
    lxc_agent.wait_repaired(port, lambda found: found["tag"] == 10)
    entry, = lxc_agent.drift()
    assert (entry["domain"], entry["cause"]) == ("left", "operator")


def test_metadata_is_followed(box, lxc_agent, containers):
    left, right = containers["left"], containers["right"]
    right.say_vlan("mode='access' tag='20'")
    port = lxc_agent.wait_state(right, tag=20)["port"]
    assert switch.columns(box, port) == switch.vlan(None, 20)
    assert not left.can_ping(ADDRESSES["right"], tries=2)
    right.say_vlan("mode='native-untagged' tag='10' trunks='20'")
    lxc_agent.wait_state(right, vlan_mode="native-untagged")
    assert left.can_ping(ADDRESSES["right"], tries=5)


def test_a_container_that_ends_is_forgotten(box, lxc_agent, containers):
    left = containers["left"]
    port = lxc_agent.wait_state(left)["port"]
    left.virsh("destroy")
    lxc_agent.wait_gone(left)
    assert port not in switch.port_names(box)
    left.start()
    lxc_agent.wait_state(left, tag=10)
