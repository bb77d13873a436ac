# SPDX-License-Identifier: Apache-2.0
"""vNICs for described bridges, what they send, and who gets it."""

from oracle.frames import GUEST, VICTIM_POLICY
from pipeline import Copy
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

N_PORTS = 8
MULTICAST = "01:00:5e:01:02:03"
CDP = "01:00:0c:cc:cc:cc"
Q = 0x8100
# Of isolation, by vNIC.
CLASSES = {
    1: {"isolation": "promiscuous"},
    2: {"isolation": "isolated"},
    3: {"isolation": "isolated"},
    4: {"isolation": "community", "community": 1},
    5: {"isolation": "community", "community": 1},
    6: {"isolation": "community", "community": 2},
}


def mac(number):
    return f"52:54:00:00:00:{number:02x}"


def foreign(number):
    """A MAC address that is no vNIC's."""
    return f"52:54:00:01:00:{number:02x}"


def vnic(number, **members):
    """vNIC 'number' on port 'number', on access VLAN 10."""
    return {"number": number, "ofport": number, "mac": mac(number),
            "vlan_mode": "access", "tag": 10, "guard": "enforce", **members}


def frame(source, destination, *tags, payload=None):
    """A frame of an IP packet that is harmless, unless told otherwise."""
    head = Ether(src=source, dst=destination)
    for vid in tags:
        head /= Dot1Q(vlan=vid)
    return head / (payload or ping())


def ping(source="10.0.0.1"):
    return IP(src=source, dst="10.0.0.99") / ICMP() / Raw(b"x" * 40)


def marker(source, destination, number, *tags):
    """A frame that is like no other."""
    return frame(source, destination, *tags,
                 payload=IP(src="10.0.0.1", dst="10.0.0.99", proto=253)
                 / Raw(b"%08d" % number * 6))


def guarded(level):
    """The guest and its victim; vNIC 3 has no addresses that we know, and
    vNIC 4 needs the pipeline whatever the level is."""
    return [vnic(1, guard=level, **GUEST), vnic(2, **VICTIM_POLICY), vnic(3),
            vnic(4, isolation="isolated", tag=30)]


def copies(receivers, tags, *outside):
    """One copy for each vNIC, and one for each port outside, a trunk."""
    tags = tuple((Q, vid) for vid in tags)
    return sorted([Copy(f"p{n}", tags) for n in receivers]
                  + [Copy(port, ((Q, 10),)) for port in outside])
