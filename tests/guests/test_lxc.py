# SPDX-License-Identifier: Apache-2.0
"""Containers of libvirt's LXC driver: their ports are vNICs like any other.

The driver puts each container into control groups, which a box does not have.
So the kernel's own are mounted in it; libvirt makes groups of its own there,
and removes them with the container.
"""

import os

import pytest

import hooks
import switch
from hostbox import HostboxError, Vlan

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


ON_BRIDGE = ("bridge", "<source bridge='br0'/>"
             "<virtualport type='openvswitch'/><vlan><tag id='10'/></vlan>")


def on_network(group):
    return "network", f"<source network='lan' portgroup='{group}'/>"


def domain_xml(name, kind, source):
    """A container that shares the box's files and sleeps."""
    return f"""
<domain type='lxc'><name>{name}</name>
  <memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type>exe</type><init>/bin/sleep</init><initarg>infinity</initarg></os>
  <devices>
    <interface type='{kind}'><mac address='{MACS[name]}'/>{source}</interface>
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

    def create(self, interface=ON_BRIDGE):
        path = self.box.put_file(f"{self.name}.xml",
                                 domain_xml(self.name, *interface))
        self.box.virsh("-c", URI, "create", path)

    def start(self):
        self.create()
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
    hooks.install(box)
    hooks.configure(box, fail="open", deadline_ms=1)
    box.daemon("libvirtd").restart()
    running = {name: Container(box, name) for name in NAMES}
    for container in running.values():
        container.start()
    yield running
    for container in running.values():
        container.virsh("destroy")


@pytest.fixture(scope="module")
def lan(box):
    box.add_network("lan", portgroups={"web": Vlan.access(30)})
    yield
    box.remove_network("lan")


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


# Hooks.


STALE_TAG = 42
N_STALE = 40                    # More than any test here has had ports.


@pytest.fixture
def newcomer(containers, box):
    """A container that has yet to start, on a host with hooks."""
    left = containers["left"]
    left.virsh("destroy")
    yield left
    hooks.configure(box, fail="open", deadline_ms=1)
    if left.name not in box.virsh("-c", URI, "list", "--name").split():
        left.start()


@pytest.fixture
def hooked_agent(box, containers, newcomer, stopped_agent):
    hooks.configure(box)
    stopped_agent.start("--connect=qemu:///system", f"--connect={URI}")
    stopped_agent.wait_connected()
    return stopped_agent


@pytest.fixture
def stale_rows(box):
    """Whatever libvirt calls the next port, there is a row of that name."""
    used = switch.port_names(box)
    names = [name for name in (f"vnet{n}" for n in range(N_STALE))
             if name not in used]
    switch.leave_rows(box, names, f"tag={STALE_TAG}")
    yield
    switch.remove_ports(box, names)


WATCH = f"""
[ "$2" = start ] || exit 0
{{
    pgrep -f "libvirt_lxc --name $1"
    port=$(ovs-vsctl --bare --columns=name find interface \\
        external_ids:attached-mac='"{MACS['left']}"')
    ovs-vsctl --no-wait get port "$port" tag
}} > /run/hostbox/seen
"""


@pytest.fixture
def watch(box):
    """Reads what the tag of a container's port was when the agent's hook was
    done, and whether the container was there."""
    seen = box.outside("/run/hostbox/seen")
    path = hooks.add_script(box, "60-watch", WATCH, driver="lxc")

    def read():
        with open(seen, encoding="ascii") as f:
            return f.read().split()

    yield read
    os.remove(path)


@pytest.mark.parametrize("interface, tag", [
    (ON_BRIDGE, 10), (on_network("web"), 30)], ids=["bridge", "network"])
def test_stale_row_is_right_before_it_starts(
        newcomer, hooked_agent, lan, stale_rows, watch, interface, tag):
    newcomer.create(interface)
    assert watch() == [str(tag)]
    hooked_agent.wait_state(newcomer, tag=tag)
    newcomer.virsh("destroy")
    hooked_agent.wait_gone(newcomer)


def test_virsh_shows_what_is_wrong(newcomer, hooked_agent, lan):
    with pytest.raises(HostboxError, match="vnicd: domain left, interface "
                       f"{MACS['left']}: network lan has no port group db"):
        newcomer.create(on_network("db"))
    assert hooked_agent.status()["hooks"]["refused"] == 1
    hooked_agent.wait_gone(newcomer)


def test_absent_agent_fails_closed(box, newcomer):
    hooks.configure(box, deadline_ms=500)
    with pytest.raises(HostboxError, match="guest left may not start"):
        newcomer.create()
    hooks.configure(box, deadline_ms=500, fail="open")
    newcomer.create()
