# SPDX-License-Identifier: Apache-2.0
"""What a guest must not send, with the rule that it breaks, and what every
guest sends in a day.

The guest is vNIC 1, on access VLAN 10, with one IPv4 and one IPv6 address;
vNIC 2 is its victim, and has link-local address fe80::2."""

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest, ICMPv6MLDone, ICMPv6MLQuery, ICMPv6MLReport,
    ICMPv6MLReport2, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS,
    ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr,
    IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    RouterAlert)
from scapy.layers.l2 import ARP, LLC, SNAP, Dot1Q, Dot3, Ether
from scapy.packet import Raw

BROADCAST = "ff:ff:ff:ff:ff:ff"
NOBODY = "52:54:00:00:99:99"    # A MAC address that is nobody's.
MAC, VICTIM = "52:54:00:00:00:01", "52:54:00:00:00:02"
IP4, VICTIM4 = "10.0.0.1", "10.0.0.2"
IP6, VICTIM6 = "2001:db8::1", "2001:db8::2"
LINK_LOCAL = "fe80::5054:ff:fe00:1"
VICTIM_LINK_LOCAL = "fe80::2"
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"
DATA = Raw(b"x" * 64)

GUEST = {"addresses": [{"ip": IP4}, {"ip": IP6}]}
VICTIM_POLICY = {"addresses": [{"ip": VICTIM4}, {"ip": VICTIM6},
                               {"ip": VICTIM_LINK_LOCAL}]}


def ether(payload, dst=VICTIM, src=MAC):
    return Ether(src=src, dst=dst) / payload


def arp(op="is-at", psrc=IP4, hwsrc=MAC, src=MAC, dst=BROADCAST, **fields):
    return ether(ARP(op=op, psrc=psrc, hwsrc=hwsrc, pdst=VICTIM4, **fields),
                 dst, src)


def rarp(op=3, mac=MAC, target=None):
    return Ether(src=MAC, dst=BROADCAST, type=0x8035) / ARP(
        op=op, hwsrc=mac, hwdst=target or mac, psrc="0.0.0.0",
        pdst="0.0.0.0")


def snap(code, payload, dst=VICTIM, oui=0):
    return (Dot3(src=MAC, dst=dst) / LLC(dsap=0xaa, ssap=0xaa, ctrl=3)
            / SNAP(OUI=oui, code=code) / payload)


def ip4(payload, src=IP4, dst=VICTIM4, to=VICTIM, **fields):
    return ether(IP(src=src, dst=dst, **fields) / payload, to)


def ip6(payload, src=LINK_LOCAL, dst=ALL_NODES, to=ALL_NODES_MAC, **fields):
    return ether(IPv6(src=src, dst=dst, hlim=255, **fields) / payload, to)


def first_fragment(payload):
    """The first of several fragments of IPv6, as raw bytes behind it."""
    return IPv6ExtHdrFragment(m=1, id=7, nh=58) / payload


def offer(sport=67, dport=68):
    return (UDP(sport=sport, dport=dport) / BOOTP(op=2)
            / DHCP(options=[("message-type", "offer"), "end"]))


def solicit(target=VICTIM6, option=MAC):
    """A neighbour solicitation; 'option' is the sender's MAC address."""
    ns = ICMPv6ND_NS(tgt=target)
    return ns / ICMPv6NDOptSrcLLAddr(lladdr=option) if option else ns


def advertise(target=IP6, option=MAC, **fields):
    na = ICMPv6ND_NA(tgt=target, **fields)
    return na / ICMPv6NDOptDstLLAddr(lladdr=option) if option else na


IGMP_QUERY = Raw(bytes.fromhex("1164ee9b00000000"))
IGMP_REPORT = Raw(bytes.fromhex("1600f8faef010203"))
HBH = IPv6ExtHdrHopByHop(options=[RouterAlert()])
DST = IPv6ExtHdrDestOpt()

ATTACKS = {
    # Layer 2.
    "foreign-mac": ("source-mac", ether(IP(src=IP4, dst=VICTIM4) / DATA,
                                        src=NOBODY)),
    "victims-mac": ("source-mac",
                    ether(IP(src=IP4, dst=VICTIM4) / DATA, BROADCAST,
                          VICTIM)),
    "multicast-mac": ("source-mac",
                      ether(IP(src=IP4, dst=VICTIM4) / DATA,
                            src="01:00:5e:00:00:05")),
    "priority-tag": ("vlan-tag", ether(Dot1Q(vlan=0, prio=5)
                                       / IP(src=IP4, dst=VICTIM4) / DATA)),
    "priority-tag-and-arp": ("vlan-tag", ether(
        Dot1Q(vlan=0) / ARP(op=2, psrc=VICTIM4, hwsrc=MAC), BROADCAST)),
    "two-priority-tags": ("vlan-tag", ether(
        Dot1Q(vlan=0) / Dot1Q(vlan=0) / IP(src=VICTIM4, dst=IP4) / DATA)),
    "priority-tag-and-vlan": ("vlan-tag", ether(
        Dot1Q(vlan=0) / Dot1Q(vlan=20) / IP(src=IP4, dst=VICTIM4) / DATA)),
    "experimental-ethertype": ("ethertype",
                               Ether(src=MAC, dst=VICTIM, type=0x88b5) / DATA),
    "pppoe": ("ethertype", Ether(src=MAC, dst=VICTIM, type=0x8863) / DATA),
    "macsec": ("ethertype", Ether(src=MAC, dst=VICTIM, type=0x88e5) / DATA),
    "llc": ("ethertype", Dot3(src=MAC, dst=VICTIM)
            / LLC(dsap=0xf0, ssap=0xf0, ctrl=3) / DATA),
    "snap-other-oui": ("ethertype", snap(0x2000, DATA, oui=0x00000c)),
    "snap-arp": ("arp", snap(0x0806, ARP(op=2, psrc=VICTIM4, hwsrc=MAC))),
    "snap-ipv4": ("ipv4-source", snap(0x0800, IP(src=VICTIM4, dst=IP4)
                                      / DATA)),
    "cdp": ("reserved-destination", snap(0x2000, DATA, "01:00:0c:cc:cc:cc",
                                         0x00000c)),
    # ARP.
    "arp-reply-for-victim": ("arp", arp(psrc=VICTIM4)),
    "arp-request-for-victim": ("arp", arp("who-has", psrc=VICTIM4)),
    "arp-gratuitous-for-victim": ("arp", ether(ARP(
        op=1, psrc=VICTIM4, pdst=VICTIM4, hwsrc=MAC), BROADCAST)),
    "arp-other-sender": ("arp", arp(hwsrc=VICTIM)),
    "arp-reply-for-nobody": ("arp", arp(psrc="0.0.0.0")),
    "arp-other-operation": ("arp", arp(8)),
    "rarp-for-victim": ("rarp", rarp(mac=VICTIM)),
    "rarp-other-target": ("rarp", rarp(target=VICTIM)),
    "rarp-reply": ("rarp", rarp(op=4)),
    # IPv4 sources.
    "ipv4-of-victim": ("ipv4-source", ip4(TCP(), src=VICTIM4)),
    "ipv4-of-nobody": ("ipv4-source", ip4(UDP(dport=53), src="198.51.100.1")),
    "ipv4-in-broadcast": ("ipv4-source",
                          ip4(UDP(dport=53), src=VICTIM4, to=BROADCAST)),
    "ipv4-any-to-dhcp-server": ("ipv4-source", ip4(
        UDP(sport=68, dport=67), src="10.0.0.66", to=BROADCAST)),
    "ipv4-unspecified": ("ipv4-source", ip4(UDP(dport=53), src="0.0.0.0")),
    "ipv4-loopback": ("ipv4-source", ip4(TCP(), src="127.0.0.1")),
    "ipv4-multicast": ("ipv4-source", ip4(TCP(), src="224.0.0.5")),
    "ipv4-fragment-of-victim": ("ipv4-source",
                                ip4(DATA, src=VICTIM4, frag=8)),
    # IPv6 sources.
    "ipv6-of-victim": ("ipv6-source", ip6(TCP(), src=VICTIM6)),
    "ipv6-of-nobody": ("ipv6-source", ip6(TCP(), src="2001:db8:ff::1")),
    "link-local-of-victim": ("ipv6-source", ip6(UDP(dport=53),
                                                src=VICTIM_LINK_LOCAL)),
    "link-local-made-from-mac": ("ipv6-source", ip6(
        UDP(dport=53), src="fe80::5054:ff:fe00:3")),
    "ipv6-loopback": ("ipv6-source", ip6(TCP(), src="::1")),
    "ipv6-multicast": ("ipv6-source", ip6(TCP(), src="ff02::5")),
    "ipv6-unspecified": ("ipv6-source", ip6(TCP(), src="::")),
    "ipv6-unspecified-echo": ("ipv6-source", ip6(ICMPv6EchoRequest(),
                                                 src="::")),
    "ipv6-unspecified-fragment": ("ipv6-source", ip6(
        first_fragment(ICMPv6ND_NS(tgt=IP6)), src="::")),
    "dad-with-option": ("ipv6-source", ip6(solicit(IP6), src="::")),
    # DHCP servers.
    "dhcp-offer": ("dhcp-server", ip4(offer(), to=BROADCAST)),
    "dhcp-offer-from-other-port": ("dhcp-server", ip4(offer(5555))),
    "dhcp-offer-to-other-port": ("dhcp-server", ip4(offer(dport=5555))),
    "dhcp-offer-first-fragment": ("dhcp-server", ip4(offer(), flags="MF")),
    "dhcpv6-reply": ("dhcp-server", ip6(UDP(sport=547, dport=546) / DATA)),
    "dhcpv6-reply-from-other-port": ("dhcp-server",
                                     ip6(UDP(sport=5555, dport=546) / DATA)),
    "dhcpv6-reply-behind-options": ("dhcp-server", ip6(
        HBH / DST / UDP(sport=547, dport=546) / DATA)),
    "dhcpv6-reply-first-fragment": ("dhcp-server", ip6(
        IPv6ExtHdrFragment(m=1, id=7, nh=17)
        / UDP(sport=547, dport=546) / DATA)),
    # Routers.
    "ra": ("router-advertisement", ip6(ICMPv6ND_RA())),
    "ra-behind-hop-by-hop": ("router-advertisement",
                             ip6(HBH / ICMPv6ND_RA())),
    "ra-behind-options": ("router-advertisement",
                          ip6(DST / DST / ICMPv6ND_RA())),
    "ra-first-fragment": ("fragment", ip6(first_fragment(ICMPv6ND_RA()))),
    "ra-atomic-fragment": ("router-advertisement", ip6(
        IPv6ExtHdrFragment(m=0, offset=0, id=7, nh=58) / ICMPv6ND_RA())),
    "redirect": ("router-advertisement", ip6(ICMPv6ND_Redirect(
        tgt=LINK_LOCAL, dst=VICTIM6))),
    "icmp-redirect": ("router-advertisement",
                      ip4(ICMP(type=5, code=1, gw=IP4) / DATA)),
    "irdp": ("router-advertisement", ip4(ICMP(type=9) / DATA)),
    "igmp-query": ("multicast-querier", ip4(
        IGMP_QUERY, dst="224.0.0.1", to="01:00:5e:00:00:01", proto=2)),
    "igmp-query-unspecified": ("multicast-querier", ip4(
        IGMP_QUERY, "0.0.0.0", "224.0.0.1", "01:00:5e:00:00:01", proto=2)),
    "mld-query": ("multicast-querier", ip6(HBH / ICMPv6MLQuery())),
    # Neighbour discovery.
    "ns-of-other-mac": ("nd-option", ip6(solicit(option=VICTIM))),
    "na-of-other-mac": ("nd-option", ip6(advertise(option=VICTIM))),
    "na-for-victim": ("nd-target", ip6(advertise(VICTIM6))),
    "na-for-victim-without-option": ("nd-target",
                                     ip6(advertise(VICTIM6, None))),
    "na-for-victims-link-local": ("nd-target",
                                  ip6(advertise(VICTIM_LINK_LOCAL))),
    "na-with-code": ("nd-option", ip6(advertise(code=1))),
    "na-option-twice": ("nd-target", ip6(
        advertise(VICTIM6, NOBODY) / ICMPv6NDOptDstLLAddr(lladdr=VICTIM))),
    "ns-option-twice": ("nd-target", ip6(
        solicit(option=VICTIM) / ICMPv6NDOptSrcLLAddr(lladdr=VICTIM))),
    "na-first-fragment": ("fragment", ip6(first_fragment(
        advertise(VICTIM6)))),
    "dad-for-victim": ("nd-target", ip6(solicit(VICTIM6, None), src="::")),
    "dad-for-victims-link-local": ("nd-target", ip6(
        solicit(VICTIM_LINK_LOCAL, None), src="::")),
    # Headers that hide what follows.
    "cut-header-chain": ("header-chain", ip6(
        IPv6ExtHdrFragment(m=1, id=7, nh=60)
        / IPv6ExtHdrDestOpt(nh=17))),
    "broken-header-chain": ("header-chain", ip6(
        Raw(bytes.fromhex("3aff000000000000")), nh=0)),
}

# What only bridges send each other: these never reach a guest, unless the
# operator makes the bridge forward them.
BRIDGE_ID = "0000" + MAC.replace(":", "")       # Nobody's is better.
BPDU = (Dot3(src=MAC, dst="01:80:c2:00:00:00")
        / LLC(dsap=0x42, ssap=0x42, ctrl=3)
        / Raw(bytes.fromhex(f"0000000000{BRIDGE_ID}00000000{BRIDGE_ID}8001"
                            "0000140002000f00")))
LLDP = Ether(src=MAC, dst="01:80:c2:00:00:0e", type=0x88cc) / Raw(
    bytes.fromhex("0207045254000000010403070131060200780000"))
LACP = Ether(src=MAC, dst="01:80:c2:00:00:02", type=0x8809) / DATA

HARMLESS = {
    "arp-request": arp("who-has"),
    "arp-reply": arp(),
    "arp-gratuitous": ether(ARP(op=1, psrc=IP4, pdst=IP4, hwsrc=MAC),
                            BROADCAST),
    "arp-probe": arp("who-has", psrc="0.0.0.0"),
    "rarp-announcement": rarp(),
    "dhcp-discover": ip4(UDP(sport=68, dport=67) / BOOTP(), "0.0.0.0",
                         "255.255.255.255", BROADCAST),
    "dhcp-renew": ip4(UDP(sport=68, dport=67) / BOOTP()),
    "dhcpv6-solicit": ip6(UDP(sport=546, dport=547) / DATA, dst="ff02::1:2"),
    "dad": ip6(solicit(IP6, None), src="::"),
    "dad-link-local": ip6(solicit(LINK_LOCAL, None), src="::"),
    "ns": ip6(solicit()),
    "ns-unicast-without-option": ip6(solicit(option=None), src=IP6,
                                     dst=VICTIM6, to=VICTIM),
    "na": ip6(advertise()),
    "na-without-option": ip6(advertise(option=None)),
    "na-link-local": ip6(advertise(LINK_LOCAL)),
    "rs": ip6(ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=MAC)),
    "rs-unspecified": ip6(ICMPv6ND_RS(), src="::"),
    "mld-report": ip6(HBH / ICMPv6MLReport(mladdr="ff02::1:ff00:1")),
    "mld-report-unspecified": ip6(HBH / ICMPv6MLReport2(), src="::"),
    "mld-done": ip6(HBH / ICMPv6MLDone(mladdr="ff02::1:ff00:1")),
    "igmp-report": ip4(IGMP_REPORT, dst="239.1.2.3", to="01:00:5e:01:02:03",
                       proto=2),
    "igmp-report-unspecified": ip4(IGMP_REPORT, "0.0.0.0", "239.1.2.3",
                                   "01:00:5e:01:02:03", proto=2),
    "tcp": ip4(TCP(dport=443)),
    "tcp-ipv6": ip6(TCP(dport=443), src=IP6, dst=VICTIM6, to=VICTIM),
    "udp": ip4(UDP(dport=53) / DATA),
    "udp-broadcast": ip4(UDP(dport=137) / DATA, dst="10.0.0.255",
                         to=BROADCAST),
    "udp-first-fragment": ip4(UDP(dport=53) / DATA, flags="MF"),
    "udp-later-fragment": ip4(DATA, frag=8, proto=17),
    "udp-ipv6-first-fragment": ip6(
        IPv6ExtHdrFragment(m=1, id=7, nh=17) / UDP(dport=53) / DATA, src=IP6),
    "udp-ipv6-later-fragment": ip6(
        IPv6ExtHdrFragment(m=0, offset=8, id=7, nh=17) / DATA, src=IP6),
    "ping": ip4(ICMP() / DATA),
    "ping-ipv6": ip6(ICMPv6EchoRequest() / DATA, src=IP6),
    "ping-ipv6-first-fragment": ip6(first_fragment(
        ICMPv6EchoRequest() / DATA), src=IP6),
    "other-protocol": ip4(DATA, proto=47),
    "other-protocol-ipv6": ip6(DATA, src=IP6, nh=132),
}
