# SPDX-License-Identifier: Apache-2.0
"""The flows of bridges, as the switch and the agent tell of them."""

import re

from host import until, vm_mac
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

OURS = "cookie=0x766e01"
LEARNT = re.compile("cookie=0x766e01[0-9a-f]{6}0034, table=131")
BROADCAST = "ff:ff:ff:ff:ff:ff"


# The switch.


def ofctl(host, *args):
    return host.run("ovs-ofctl", "-O", "OpenFlow14", *args).stdout


def dump(host, bridge="br0"):
    """The flows of a bridge, without what changes by itself."""
    text = ofctl(host, "--no-stats", "dump-flows", bridge)
    return sorted(line.strip() for line in text.splitlines()
                  if not LEARNT.search(line))


def our_flows(host, bridge="br0"):
    return [line for line in dump(host, bridge) if OURS in line]


def n_flows(host):
    return len(ofctl(host, "dump-flows", "br0").splitlines())


def our_groups(host):
    return sorted(re.findall(r"group_id=19797\d+",
                             ofctl(host, "dump-groups", "br0")))


def no_floods(host):
    """The ports that NORMAL does not flood to; OpenFlow 1.0 alone tells."""
    text = host.run("ovs-ofctl", "show", "br0").stdout
    found = re.findall(r"^ \d+\((\S+)\): .*\n *config: +(.*)", text,
                       re.MULTILINE)
    return {port for port, config in found if "NO_FLOOD" in config.split()}


def frag_mode(host):
    return host.run("ovs-ofctl", "get-frags", "br0").stdout.strip()


def set_guard(host, level):
    host.vsctl("set", "bridge", "br0", f"external_ids:vnicd-guard={level}")


def secure(host):
    host.vsctl("set-fail-mode", "br0", "secure")


# The agent.


def flows(agent, bridge="br0"):
    """What 'status' says of the flows of a bridge."""
    return next((b for b in agent.status()["openflow"]
                 if b["bridge"] == bridge), {"state": None})


def wait_flows(agent, state="installed"):
    return until(lambda: flows(agent)["state"] == state and flows(agent),
                 f"flows are {state}")


def wait_ready(agent, *numbers):
    until(lambda: all(agent.states().get((f"web{n}", vm_mac(n))) == "ready"
                      for n in numbers), "they are ready")


def start(host, agent, *numbers, tag=10):
    """VMs web1, … on ports tap1, …; ready."""
    for number in numbers:
        host.start_vm(f"web{number}", number, tag)
    wait_ready(agent, *numbers)


def frame(source, destination, *tags):
    """What VM 'source' sends to VM 'destination', or to all."""
    head = Ether(src=vm_mac(source),
                 dst=vm_mac(destination) if destination else BROADCAST)
    for vid in tags:
        head /= Dot1Q(vlan=vid)
    return head / IP(src=f"10.0.0.{source}") / ICMP() / Raw(b"x" * 40)


def receivers(host, port, packet):
    """The ports that a frame from 'port' leaves by."""
    host.run("ovs-appctl", "revalidator/wait")
    number = host.vsctl("get", "interface", port, "ofport")
    text = host.run("ovs-appctl", "ofproto/trace", "br0", f"in_port={number}",
                    bytes(packet).hex()).stdout
    actions = re.search("Datapath actions: (.*)", text)[1]
    numbers = dict(re.findall(r"^\s+(\S+) \d+/(\d+):",
                              host.run("ovs-appctl", "dpif/show").stdout,
                              re.MULTILINE))
    return sorted(name for name, odp in numbers.items()
                  if odp in re.sub(r"\([^)]*\)", "", actions).split(","))


def clean_up(host, *bridges):
    return host.run(host.program("vnicd"), "--cleanup", *bridges, check=False)
