# SPDX-License-Identifier: Apache-2.0
"""Isolation and guard: the flows of described bridges in a real switch."""

import itertools
import re
from pathlib import Path

import pytest
from oracle.frames import (ATTACKS, BPDU, BROADCAST, GUEST, HARMLESS, LACP,
                          LLDP, NOBODY, VICTIM_POLICY, advertise, arp, ip6,
                          rarp, solicit)
from host import until
from pipeline import UPLINK, Copy, Switch
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

TOP = Path(__file__).resolve().parents[2]
N_PORTS = 8
MULTICAST = "01:00:5e:01:02:03"
CDP = "01:00:0c:cc:cc:cc"
Q = 0x8100


@pytest.fixture(scope="module")
def switch(tmp_path_factory, build):
    with Switch(tmp_path_factory.mktemp("switch"), build, TOP,
                N_PORTS) as switch:
        yield switch


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


# What NORMAL does.

PORTS = {"p1": ["tag=10"], "p2": ["tag=10"], "p3": ["trunks=10,20"]}
STACKS = [(1, ()), (1, (0,)), (1, (0, 5)), (1, (0, 10)), (1, (5,)),
          (1, (10, 5)), (3, (10,)), (3, (10, 5)), (3, (10, 5, 6)), (3, (0, 5)),
          (UPLINK, (10,)), (UPLINK, (10, 0)), (UPLINK, (10, 5)),
          (UPLINK, (10, 5, 6)), (UPLINK, (5, 10))]


def set_ports(switch, columns, flood):
    for port in PORTS:
        switch.vsctl("clear", "port", port, "tag", "trunks")
        if columns:
            switch.vsctl("set", "port", port, *PORTS[port])
        switch.run("ovs-ofctl", "mod-port", "br0", port, flood)


def stacked(port, tags):
    return frame(foreign(9) if port == UPLINK else mac(port), BROADCAST, *tags)


def heard(switch, port, tags):
    """Who gets a broadcast with these tags, and with which."""
    return [copy for copy in switch.trace(port, stacked(port, tags)).copies
            if copy.port in (*PORTS, "up")]


def trio(level):
    return [vnic(1, guard=level), vnic(2, guard=level),
            vnic(3, guard=level, vlan_mode="trunk", tag=-1, trunks=[10, 20])]


@pytest.fixture(params=(1, 2, 0))
def vlan_limit(switch, request):
    """At how many tags the switch looks."""
    switch.vsctl("set", "Open_vSwitch", ".",
                 f"other_config:vlan-limit={request.param}")
    yield request.param
    set_ports(switch, False, "no-flood")
    switch.vsctl("remove", "Open_vSwitch", ".", "other_config", "vlan-limit")


def test_a_monitor_passes_what_normal_passes(switch, vlan_limit):
    """However many tags a frame has, and the switch looks at."""
    set_ports(switch, True, "flood")
    switch.use_normal()
    normal = [heard(switch, *stack) for stack in STACKS]
    assert len(normal[0]) == 3
    set_ports(switch, False, "no-flood")
    for level in "monitor", "off":
        # Without need there would be no pipeline.
        switch.load([*trio(level), vnic(4, tag=99)], passes_unknown_ports=True)
        assert [heard(switch, *stack) for stack in STACKS] == normal, level

    switch.load(trio("enforce"))
    for tags in (0,), (0, 5), (0, 10):
        assert heard(switch, 1, tags) == []


# Classes.

MODES = {
    # What a port sends and receives in VLAN 10.
    "access": ({"vlan_mode": "access", "tag": 10}, ()),
    "trunk": ({"vlan_mode": "trunk", "tag": -1, "trunks": [10, 20]}, (10,)),
    "native-untagged": ({"vlan_mode": "native-untagged", "tag": 10,
                         "trunks": [10, 20]}, ()),
}
CLASSES = {
    1: {"isolation": "promiscuous"},
    2: {"isolation": "isolated"},
    3: {"isolation": "isolated"},
    4: {"isolation": "community", "community": 1},
    5: {"isolation": "community", "community": 1},
    6: {"isolation": "community", "community": 2},
}


def may_talk(a, b):
    """RFC 5517, between two of CLASSES; None is outside."""
    classes = [CLASSES.get(n, {"isolation": "promiscuous"}) for n in (a, b)]
    if any(c["isolation"] == "promiscuous" for c in classes):
        return True
    return (classes[0] == classes[1]
            and classes[0]["isolation"] == "community")


def copies(receivers, tags, *outside):
    """One copy for each vNIC, and one for each port outside, a trunk."""
    tags = tuple((Q, vid) for vid in tags)
    return sorted([Copy(f"p{n}", tags) for n in receivers]
                  + [Copy(port, ((Q, 10),)) for port in outside])


@pytest.fixture(scope="module",
                params=[(mode, "enforce") for mode in MODES]
                + [("access", "monitor"), ("access", "off")],
                ids="-".join)
def classes(request, switch):
    """The six ports, all in one mode; the tags that this needs."""
    mode, level = request.param
    vlans, tags = MODES[mode]
    switch.load([vnic(n, guard=level, **{**c, **vlans})
                 for n, c in CLASSES.items()])
    return switch, tags, level


def test_unicast_goes_to_those_who_may_talk_alone(classes):
    switch, tags, _ = classes
    for a, b in itertools.permutations(CLASSES, 2):
        fate = switch.trace(a, frame(mac(a), mac(b), *tags))
        expected = [b] if may_talk(a, b) else []
        assert fate.copies == copies(expected, tags), fate.text
        assert may_talk(a, b) == ((140, "isolation") not in fate.rules)


@pytest.mark.parametrize("destination", (BROADCAST, MULTICAST))
def test_floods_reach_each_once_and_the_sender_never(classes, destination):
    switch, tags, _ = classes
    for a in CLASSES:
        fate = switch.trace(a, frame(mac(a), destination, *tags))
        receivers = [b for b in CLASSES if b != a and may_talk(a, b)]
        assert fate.copies == copies(receivers, tags, "up", "br0"), fate.text


def test_unknown_unicast_goes_outside(classes):
    """And to guests whose MAC addresses nobody enforces."""
    switch, tags, level = classes
    for a in CLASSES:
        fate = switch.trace(a, frame(mac(a), foreign(1), *tags))
        receivers = [1] if level != "enforce" and a != 1 else []
        assert fate.copies == copies(receivers, tags, "up", "br0"), fate.text


@pytest.mark.parametrize("destination", (mac(1), mac(2), BROADCAST, NOBODY))
def test_foreign_mac_goes_nowhere(classes, destination):
    """At no level, from whoever is not promiscuous."""
    switch, tags, level = classes
    for a in CLASSES if level == "enforce" else list(CLASSES)[1:]:
        other = mac(a % len(CLASSES) + 1)
        for source in (NOBODY, other, MULTICAST):
            fate = switch.trace(a, frame(source, destination, *tags))
            assert not fate.copies, fate.text
            assert (119, "source-mac") in fate.rules


@pytest.mark.parametrize("level", ("monitor", "off"))
def test_no_other_violation_hides_a_foreign_mac(switch, level):
    """What is counted and passed comes behind what is not."""
    switch.load([vnic(1, isolation="isolated", guard=level, **GUEST),
                 vnic(2, **VICTIM_POLICY)])
    for _, sent in ATTACKS.values():
        assert switch.trace(1, sent).copies or sent.src != mac(1) \
            or sent.dst == CDP
        stolen = sent.copy()
        stolen.src = NOBODY
        fate = switch.trace(1, stolen)
        assert not fate.copies, fate.text
        assert (119, "source-mac") in fate.rules


def test_outside_talks_to_all(classes):
    switch, tags, _ = classes
    for b in CLASSES:
        fate = switch.trace(UPLINK, frame(NOBODY, mac(b), 10))
        assert fate.copies == copies([b], tags), fate.text
    for destination in (BROADCAST, MULTICAST):
        fate = switch.trace(UPLINK, frame(NOBODY, destination, 10))
        assert fate.copies == copies(CLASSES, tags, "br0"), fate.text


def test_outside_gets_nothing_back(classes):
    switch, tags, level = classes
    fate = switch.trace(UPLINK, frame(NOBODY, foreign(2), 10))
    receivers = [] if level == "enforce" else [1]
    assert fate.copies == copies(receivers, tags, "br0"), fate.text


@pytest.fixture
def snooping(switch):
    switch.vsctl("set", "bridge", "br0", "mcast_snooping_enable=true")
    yield
    switch.vsctl("set", "bridge", "br0", "mcast_snooping_enable=false")


def test_joining_a_group_is_no_way_around(switch, snooping, numbers):
    """A switch that snoops sends a group's frames to the port of the report,
    past all checks, if it ever sees a vNIC's port."""
    switch.load([vnic(n, **c) for n, c in CLASSES.items()])
    for n in 1, 2, 3:
        report = HARMLESS["igmp-report"].copy()
        report.src, report[IP].id = mac(n), next(numbers) & 0xffff
        switch.send(f"p{n}", report)
    until(lambda: "239.1.2.3" in switch.appctl("mdb/show", "br0"),
          "the group is known")
    ports = switch.appctl("mdb/show", "br0").split("\n")[1:]
    assert not [line for line in ports if line.split()[:1] in
                [[str(n)] for n in CLASSES]]

    group = "01:00:5e:01:02:03"
    sent = Ether(src=mac(2), dst=group) / IP(src="10.0.0.2", dst="239.1.2.3",
                                             proto=253) / Raw(b"x" * 40)
    fate = switch.trace(2, sent)
    assert [c for c in fate.copies if c.port[0] == "p"] == copies([1], ())
    outside = Ether(src=NOBODY, dst=group) / Dot1Q(vlan=10) / sent[IP]
    fate = switch.trace(UPLINK, outside)
    assert [c for c in fate.copies if c.port[0] == "p"] == copies(CLASSES, ())


# The guard.


def guarded(level):
    """The guest and its victim; vNIC 3 has no addresses that we know, and
    vNIC 4 needs the pipeline whatever the level is."""
    return [vnic(1, guard=level, **GUEST), vnic(2, **VICTIM_POLICY), vnic(3),
            vnic(4, isolation="isolated", tag=30)]


@pytest.fixture(scope="module", params=("enforce", "monitor", "off"))
def guard(request, switch):
    switch.load(guarded(request.param))
    return request.param


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack(switch, guard, attack):
    """Dropped, or counted by the same rule and passed, or merely passed: so
    that it is the guard that drops it."""
    rule, sent = ATTACKS[attack]
    fate = switch.trace(1, sent)
    broken = [name for table, name in fate.rules if table == 119]
    assert broken == {"enforce": [rule], "monitor": [rule],
                      "off": ["source-mac"] if attack in UNLEARNABLE else []
                      }[guard], fate.text
    assert bool(fate.copies) == (guard != "enforce"
                                 and attack != "cdp"), fate.text


# Source addresses that are not learnt, even where nobody looks.
UNLEARNABLE = ("victims-mac", "multicast-mac")


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_frames_pass(switch, guard, name):
    fate = switch.trace(1, HARMLESS[name])
    assert fate.copies, fate.text
    assert not [name for table, name in fate.rules if table == 119]


def test_unknown_addresses_pass_only_where_they_may(switch):
    frames = {name: sent for name, (rule, sent) in ATTACKS.items()
              if rule in ("arp", "ipv4-source", "ipv6-source", "nd-target")}
    spoofs = ("arp-reply-for-victim", "ipv4-of-victim", "ipv6-of-victim",
              "na-for-victim", "dad-for-victim")
    for passes in True, False:
        switch.load([vnic(1), vnic(2, **VICTIM_POLICY)],
                    passes_unknown_addresses=passes)
        for name in spoofs:
            fate = switch.trace(1, frames[name])
            assert bool(fate.copies) == passes, (name, fate.text)
        # Not even then.
        for name in ("link-local-of-victim", "na-for-victims-link-local",
                     "ipv4-loopback", "ipv6-multicast", "ipv4-unspecified",
                     "arp-other-sender"):
            assert not switch.trace(1, frames[name]).copies, name
        for name in ("dhcp-discover", "arp-probe", "dad-link-local",
                     "na-link-local", "rarp-announcement", "rs"):
            assert switch.trace(1, HARMLESS[name]).copies, name


def test_where_link_local_addresses_are_listed_no_other_passes(switch):
    """Nor as an unknown IPv6 address, which may pass."""
    switch.load([vnic(1, addresses=[{"ip": "fe80::1"}]), vnic(2)])
    for address, passes in (("fe80::1", True), ("2001:db8::7", True),
                            ("fe80::7", False),
                            ("fe80::5054:ff:fe00:1", False)):
        for sent in (ip6(TCP(), src=address),
                     ip6(advertise(address), src="fe80::1"),
                     ip6(solicit(address, None), src="::")):
            fate = switch.trace(1, sent)
            assert bool(fate.copies) == passes, (address, fate.text)


# Against a plain bridge.


@pytest.fixture
def normal(switch):
    """A function: the copies of a frame of vNIC 1 on a bridge without us."""
    ports = [f"p{n}" for n in range(1, N_PORTS + 1)]

    def flood(word):
        for port in ports:
            switch.run("ovs-ofctl", "mod-port", "br0", port, word)

    def copies_of(frames):
        switch.use_normal()
        # What a sender of frames to vNIC 2 has had an answer from.
        switch.appctl("fdb/add", "br0", "p2", "10", mac(2))
        flood("flood")
        found = {name: switch.trace(1, sent).copies
                 for name, sent in frames.items()}
        flood("no-flood")
        return found

    words = [["--", "set", "port", port, "tag=10"] for port in ports]
    switch.vsctl(*sum(words, [])[1:])
    yield copies_of
    words = [["--", "clear", "port", port, "tag"] for port in ports]
    switch.vsctl(*sum(words, [])[1:])


@pytest.mark.parametrize("level", ("monitor", "off"))
def test_without_enforcement_nothing_is_lost(switch, normal, level):
    """Each copy that a plain bridge makes is there."""
    frames = {**{name: sent for name, (_, sent) in ATTACKS.items()},
              **HARMLESS}
    expected = normal(frames)
    switch.load([vnic(n, guard=level) for n in range(1, N_PORTS + 1)])
    for name, sent in frames.items():
        # What bridges send each other is the bridge's own.
        assert bool(expected[name]) == (name != "cdp"), name
        switch.forget()
        fate = switch.trace(1, sent)
        assert set(expected[name]) <= set(fate.copies), (name, fate.text)
        assert len(fate.copies) == len(set(fate.copies)), (name, fate.text)


# Roles.

ROLES = {
    "dhcp-server": ["dhcp-server"],
    "router-advertisement": ["router-advertisement", "multicast-querier"],
}


@pytest.mark.parametrize("service", ROLES)
def test_a_role_allows_what_it_is_for_and_no_more(switch, service):
    switch.load([vnic(1, services=[service], **GUEST),
                 vnic(2, **VICTIM_POLICY), vnic(3)])
    for name, (rule, sent) in ATTACKS.items():
        fate = switch.trace(1, sent)
        assert bool(fate.copies) == (rule in ROLES[service]), (name, fate.text)
    for name, sent in HARMLESS.items():
        assert switch.trace(1, sent).copies, name


LINK_CONTROL = {"bpdu": BPDU, "lldp": LLDP}


@pytest.fixture
def forwarding(switch):
    switch.vsctl("set", "bridge", "br0", "other_config:forward-bpdu=true")
    yield
    switch.vsctl("clear", "bridge", "br0", "other_config")


@pytest.mark.parametrize("service", LINK_CONTROL)
def test_link_control_needs_its_service(switch, forwarding, service):
    others = [vnic(2), vnic(3)]
    for services in ([], [service], ["router-advertisement"]):
        switch.load([vnic(1, services=services), *others],
                    forwards_bpdus=True)
        for name, sent in LINK_CONTROL.items():
            fate = switch.trace(1, sent)
            receivers = [2, 3] if name in services else []
            outside = ("up", "br0") if name in services else ()
            assert fate.copies == copies(receivers, (), *outside), fate.text
        assert not switch.trace(1, LACP).copies
    switch.load([vnic(1, guard="monitor"), *others], forwards_bpdus=True)
    for sent in *LINK_CONTROL.values(), LACP:
        fate = switch.trace(1, sent)
        assert (119, "reserved-destination") in fate.rules
        assert fate.copies == copies([2, 3], (), "up", "br0"), fate.text


@pytest.mark.parametrize("level", ("enforce", "monitor", "off"))
def test_link_control_reaches_no_guest(switch, level):
    """No more than NORMAL would let it, unless told otherwise."""
    switch.load([vnic(1, guard=level), vnic(2), vnic(3, isolation="isolated")])
    for sent in BPDU, LLDP, LACP:
        fate = switch.trace(1, sent)
        assert not fate.copies, fate.text
        assert ((130, "link-control") in fate.rules) == (level != "enforce")


# Ports that nobody knows.


def test_unknown_ports(switch):
    hello = frame("52:54:00:00:77:77", BROADCAST)
    switch.load([vnic(1)])
    fate = switch.trace(7, hello)
    assert not fate.copies and fate.rules == [(0, "unknown-port")]

    switch.load([vnic(1)], passes_unknown_ports=True)
    fate = switch.trace(7, hello)
    # As the bridge is configured: port p7 is a trunk, and so is the uplink.
    assert fate.copies == [Copy("br0", ()), Copy("up", ())]


# VLANs.

TAGS = (None, 0, 10, 20, 30, 100, 4095)
VLAN_MODES = {
    # The members of a vNIC, and the VLAN in which a frame is that arrives
    # with one of TAGS.
    "access": ({"vlan_mode": "access", "tag": 10}, {None: 10, 0: 10}),
    "trunk": ({"vlan_mode": "trunk", "tag": -1, "trunks": [10, 20]},
              {10: 10, 20: 20}),
    "trunk of all": ({"vlan_mode": "trunk", "tag": -1},
                     {None: 0, 0: 0, 10: 10, 20: 20, 30: 30, 100: 100}),
    "native-untagged": ({"vlan_mode": "native-untagged", "tag": 10,
                         "trunks": [10, 20]},
                        {None: 10, 0: 10, 10: 10, 20: 20}),
    "native-tagged": ({"vlan_mode": "native-tagged", "tag": 10,
                       "trunks": [10, 20]},
                      {None: 10, 0: 10, 10: 10, 20: 20}),
}
LISTENERS = {
    # By number: the members of a vNIC, and the tags with which it gets a
    # frame of a VLAN; those that are not there it does not get.
    2: ({"vlan_mode": "access", "tag": 10}, {10: ()}),
    3: ({"vlan_mode": "trunk", "tag": -1, "trunks": [10, 20]},
        {10: ((Q, 10),), 20: ((Q, 20),)}),
    4: ({"vlan_mode": "trunk", "tag": -1},
        {vid: ((Q, vid),) if vid else () for vid in (0, 10, 20, 30, 100)}),
    5: ({"vlan_mode": "native-untagged", "tag": 10, "trunks": [10, 20]},
        {10: (), 20: ((Q, 20),)}),
    6: ({"vlan_mode": "native-tagged", "tag": 10, "trunks": [10, 20]},
        {10: ((Q, 10),), 20: ((Q, 20),)}),
    # On all VLANs, and yet not on that of frames which are in none.
    7: ({"vlan_mode": "native-untagged", "tag": 10},
        {10: (), **{vid: ((Q, vid),) for vid in (20, 30, 100)}}),
    8: ({"vlan_mode": "native-tagged", "tag": 10},
        {vid: ((Q, vid),) for vid in (10, 20, 30, 100)}),
}


@pytest.mark.parametrize("level", ("enforce", "monitor", "off"))
@pytest.mark.parametrize("mode", VLAN_MODES)
def test_vlans(switch, mode, level):
    vlans, vlan_of = VLAN_MODES[mode]
    listeners = [vnic(n, guard=level, **members)
                 for n, (members, _) in LISTENERS.items()]
    switch.load([vnic(1, guard=level, **vlans), *listeners])
    for tag in TAGS:
        tags = () if tag is None else (tag,)
        fate = switch.trace(1, frame(mac(1), BROADCAST, *tags))
        vid = vlan_of.get(tag)
        if tag == 0 and level == "enforce":
            vid = None
        expected = [Copy(f"p{n}", gets[vid]) for n, (_, gets)
                    in LISTENERS.items() if vid in gets]
        if vid is not None:
            outside = ((Q, vid),) if vid else ()
            expected += [Copy("up", outside), Copy("br0", outside)]
        assert fate.copies == sorted(expected), (tag, fate.text)
        for n, (_, gets) in LISTENERS.items():
            fate = switch.trace(1, frame(mac(1), mac(n), *tags))
            to_it = [c for c in fate.copies if c.port == f"p{n}"]
            assert to_it == ([Copy(f"p{n}", gets[vid])] if vid in gets
                             else []), (tag, fate.text)


def test_priorities_are_kept(switch):
    trunk = {"vlan_mode": "trunk", "tag": -1, "trunks": [10]}
    switch.load([vnic(1, **trunk), vnic(2, **trunk), vnic(3, guard="monitor")])
    urgent = Ether(src=mac(1), dst=BROADCAST) / Dot1Q(vlan=10, prio=5) / ping()
    fate = switch.trace(1, urgent)
    assert fate.copies == sorted(copies([2], (10,), "up", "br0")
                                 + copies([3], ())), fate.text
    tags = re.findall(r"push_vlan\(vid=10,pcp=(\d)\)", fate.text)
    assert set(tags) <= {"5"}, fate.text
    # A priority tag is a priority, in the VLAN of the port.
    urgent = Ether(src=mac(3), dst=BROADCAST) / Dot1Q(vlan=0, prio=5) / ping()
    fate = switch.trace(3, urgent)
    assert fate.copies == copies([1, 2], (10,), "up", "br0"), fate.text
    assert "(vid=10,pcp=5)" in fate.text and "pcp=0" not in fate.text


def test_more_receivers_than_one_group_holds(switch):
    """600 vNICs; those whose ports are there have the highest and the lowest
    numbers."""
    few = [vnic(n) for n in range(1, 5)]
    many = [{**vnic(n), "ofport": 100 + n,
             "mac": f"52:54:00:02:{n >> 8:02x}:{n & 0xff:02x}"}
            for n in range(5, 597)]
    last = [{**vnic(n), "number": 592 + n} for n in range(5, 9)]
    switch.load([*few, *many, *last])
    fate = switch.trace(1, frame(mac(1), BROADCAST))
    assert fate.copies == copies(range(2, 9), (), "up", "br0"), fate.text


AD = 0x88a8


@pytest.fixture
def two_tags(switch):
    """What QinQ needs of the switch."""
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:vlan-limit=2")
    yield
    switch.vsctl("remove", "Open_vSwitch", ".", "other_config", "vlan-limit")


def test_tunnels_put_a_service_tag_in_front(switch, two_tags):
    """As NORMAL does: an 802.1ad tag, the customer's one below it."""
    tunnel = {"vlan_mode": "dot1q-tunnel", "tag": 100}
    switch.load([vnic(1, **tunnel), vnic(2, **tunnel),
                 vnic(3, **tunnel, cvlans=[10, 11]),
                 vnic(4, vlan_mode="trunk", tag=-1, trunks=[100]),
                 vnic(5, vlan_mode="access", tag=100)])
    service = (AD, 100)
    for tags in ((), (10,), (12,)):
        fate = switch.trace(1, frame(mac(1), BROADCAST, *tags))
        customer = tuple((Q, vid) for vid in tags)
        below = (service, *customer)
        expected = [Copy("p2", customer), Copy("p4", below), Copy("up", below),
                    Copy("br0", below)]
        if tags == (10,):
            expected.append(Copy("p3", customer))
        if not tags:
            expected.append(Copy("p5", ()))
        assert fate.copies == sorted(expected), (tags, fate.text)
    assert switch.trace(3, frame(mac(3), BROADCAST, 10)).copies
    for tags in (), (12,):
        fate = switch.trace(3, frame(mac(3), BROADCAST, *tags))
        assert not fate.copies and (0, "foreign-vlan") in fate.rules

    # And back.
    customer, below = ((Q, 10),), (service, (Q, 10))
    sent = Ether(src=NOBODY, dst=mac(2), type=AD) / Dot1Q(vlan=100) \
        / Dot1Q(vlan=10) / ping()
    fate = switch.trace(UPLINK, sent)
    assert fate.copies == [Copy("br0", below), Copy("p2", customer)], fate.text


def test_a_second_tag_is_seen_where_the_switch_looks(switch, two_tags):
    """It is a tag then, and not an EtherType."""
    trunk = {"vlan_mode": "trunk", "tag": -1, "trunks": [10, 20]}
    switch.load([vnic(1, **trunk), vnic(2, **trunk)])
    fate = switch.trace(1, frame(mac(1), BROADCAST, 10, 20))
    assert not fate.copies and (119, "vlan-tag") in fate.rules, fate.text
    assert switch.trace(1, frame(mac(1), BROADCAST, 10)).copies


def test_a_tunnel_hides_nothing(switch, two_tags):
    """The guard looks below the tag of the customer."""
    tunnel = {"vlan_mode": "dot1q-tunnel", "tag": 100}
    switch.load([vnic(1, **tunnel, **GUEST),
                 vnic(2, **tunnel, **VICTIM_POLICY), vnic(3, **tunnel)])
    for name, (rule, sent) in ATTACKS.items():
        if rule != "vlan-tag":
            fate = switch.trace(1, with_tag(sent))
            broken = [name for table, name in fate.rules if table == 119]
            assert (fate.copies, broken) == ([], [rule]), (name, fate.text)
    for name, sent in HARMLESS.items():
        assert switch.trace(1, with_tag(sent)).copies, name


def with_tag(sent):
    sent = bytes(sent)
    return sent[:12] + bytes.fromhex("8100000a") + sent[12:]


# Real frames: what a trace cannot show.

def marker(source, destination, number, *tags):
    """A frame that is like no other."""
    return frame(source, destination, *tags,
                 payload=IP(src="10.0.0.1", dst="10.0.0.99", proto=253)
                 / Raw(b"%08d" % number * 6))


@pytest.fixture
def numbers(request):
    """Numbers for markers, other ones for each test."""
    start = sum(request.node.name.encode()) * 10000
    return itertools.count(start)


def test_each_receiver_has_one_copy(switch, numbers):
    switch.load([vnic(n, **c) for n, c in CLASSES.items()])
    hello = marker(mac(1), BROADCAST, next(numbers))
    switch.send("p1", hello)
    for n in range(2, 7):
        switch.wait_for(f"p{n}", hello)
    outside = marker(mac(1), BROADCAST, 0, 10)
    outside[IP].payload = hello[IP].payload
    switch.wait_for("up", outside)
    last = marker(mac(2), mac(1), next(numbers))
    switch.send("p2", last)
    switch.wait_for("p1", last)
    for n in range(1, 7):
        assert switch.sent(f"p{n}").count(bytes(hello)) == (n != 1)
    assert switch.sent("up").count(bytes(outside)) == 1


def test_a_second_tag_is_seen_with_a_warm_cache(switch, numbers):
    trunk = {"vlan_mode": "trunk", "tag": -1, "trunks": [10, 20]}
    switch.load([vnic(1, **trunk), vnic(2, **trunk),
                 vnic(3, tag=20)])
    for _ in range(2):
        warm = marker(mac(1), BROADCAST, next(numbers), 10)
        attack = marker(mac(1), BROADCAST, next(numbers), 10, 20)
        last = marker(mac(1), BROADCAST, next(numbers), 10)
        for sent in warm, attack, last:
            switch.send("p1", sent)
        switch.wait_for("p2", last)
        payload = bytes(attack)[-48:]
        assert not [got for port in ("p2", "p3", "up")
                    for got in switch.sent(port) if payload in got]


def test_monitor_counts_what_enforce_drops(switch):
    """Each rule, once for each frame, by vNIC."""
    for level in "enforce", "monitor":
        switch.load(guarded(level))
        expected = {}
        for rule, sent in ATTACKS.values():
            switch.send("p1", sent)
            expected[rule] = expected.get(rule, 0) + 1
        until(lambda: switch.counted(1) == expected,
              f"{level} has counted {expected}")
        for sent in HARMLESS.values():
            switch.send("p1", sent)
        switch.send("p3", ATTACKS["ra"][1])
        until(lambda: switch.counted(3) == {"source-mac": 1}, "it has counted")
        assert switch.counted(1) == expected
        assert switch.counted(2) == {}


def test_any_mac_learns_up_to_its_limit(switch, numbers):
    switch.load([vnic(1, services=["any-mac"]), vnic(2),
                 vnic(3, isolation="isolated"), vnic(4, tag=20)])
    for n in range(1, 17):
        hello = marker(foreign(n), mac(2), next(numbers))
        switch.send("p1", hello)
        switch.wait_for("p2", hello)
    until(lambda: len(switch.flows(131)) == 17, "16 addresses are learnt")

    # One too many, another's, and a group's.
    switch.send("p1", marker(foreign(17), mac(2), next(numbers)))
    switch.send("p1", marker(mac(2), BROADCAST, next(numbers)))
    switch.send("p1", marker("01:00:5e:00:00:01", mac(2), next(numbers)))
    until(lambda: switch.counted(1) == {"mac-limit": 1, "source-mac": 2},
          "three frames are dropped")
    assert len(switch.flows(131)) == 17

    # What is learnt is delivered, in its VLAN, to whom it may talk to.
    for n in 2, 3:
        assert switch.trace(n, frame(mac(n), foreign(5))).copies == [
            Copy("p1", ())]
    fate = switch.trace(UPLINK, frame(NOBODY, foreign(5), 10))
    assert fate.copies == copies([1], (), "br0"), fate.text
    fate = switch.trace(4, frame(mac(4), foreign(5)))
    assert "p1" not in [copy.port for copy in fate.copies]
    # What is not, is flooded there, and nowhere else.
    fate = switch.trace(2, frame(mac(2), foreign(99)))
    assert fate.copies == copies([1], (), "up", "br0"), fate.text


def test_a_monitor_passes_what_is_beyond_the_limit(switch, numbers):
    switch.load([vnic(1, services=["any-mac"], guard="monitor"), vnic(2)])
    for n in range(1, 19):
        hello = marker(foreign(n), mac(2), next(numbers))
        switch.send("p1", hello)
        switch.wait_for("p2", hello)
    until(lambda: switch.counted(1) == {"mac-limit": 2}, "two are counted")
    assert len(switch.flows(131)) == 17


def test_behind_any_mac_others_announce_themselves(switch):
    sent = (rarp(mac=foreign(1)), arp("who-has", "0.0.0.0", foreign(1)))
    for services in [], ["any-mac"]:
        switch.load([vnic(1, services=services), vnic(2)])
        for announcement in sent:
            fate = switch.trace(1, announcement)
            assert bool(fate.copies) == bool(services), fate.text


def test_what_was_learnt_goes_with_its_vnic(switch, numbers):
    switch.load([vnic(1, services=["any-mac"]), vnic(2)])
    hello = marker(foreign(1), mac(2), next(numbers))
    switch.send("p1", hello)
    switch.wait_for("p2", hello)
    until(lambda: len(switch.flows(131)) == 2, "it is learnt")
    switch.ofctl("del-flows", "br0", "in_port=1,table=128")
    assert len(switch.flows(131)) == 1


def load_and_remember(switch, *vnics):
    """Loads what is meant now, and leaves what was learnt before."""
    learnt = next(f for f in switch.flows(131) if "dl_dst" in f)
    switch.load(vnics)
    match = learnt.split("priority=")[1].replace(" actions=", ",actions=")
    switch.ofctl("add-flow", "br0", f"table=131,priority={match}")


def test_learnt_addresses_stay_in_their_vlans(switch, numbers):
    """Where a vNIC has left a VLAN, nothing that was learnt there is
    delivered to it, for as long as it is remembered."""
    switch.load([vnic(1, services=["any-mac"]), vnic(2)])
    hello = marker(foreign(1), mac(2), next(numbers))
    switch.send("p1", hello)
    switch.wait_for("p2", hello)
    until(lambda: len(switch.flows(131)) == 2, "it is learnt")
    load_and_remember(switch, vnic(1, services=["any-mac"], tag=20), vnic(2))
    fate = switch.trace(2, frame(mac(2), foreign(1)))
    assert not fate.copies and (160, "not-its-vlan") in fate.rules, fate.text


@pytest.mark.parametrize("level", ("monitor", "off"))
def test_where_nobody_enforces_addresses_are_learnt(switch, numbers, level):
    switch.load([vnic(1, guard=level), vnic(2), vnic(3, guard=level, tag=20)])
    hello = marker(foreign(1), mac(2), next(numbers))
    switch.send("p1", hello)
    switch.wait_for("p2", hello)
    until(lambda: len(switch.flows(131)) == 2, "it is learnt")
    assert switch.trace(2, frame(mac(2), foreign(1))).copies == [
        Copy("p1", ())]
    # 'off' does not count.
    expected = {"source-mac": 1} if level == "monitor" else {}
    until(lambda: switch.counted(1) == expected, "it is counted")


def hears(switch, source, port, *tags):
    """Somebody at 'port' sends from 'source'."""
    switch.send(port, frame(source, BROADCAST, *tags))


def is_found(switch, address, *ports):
    """vNIC 2 reaches 'address' at 'ports', and nowhere else."""
    asked = frame(mac(2), address)
    until(lambda: {c.port for c in switch.trace(2, asked).copies}
          == set(ports), f"{address} is at {ports}")


@pytest.mark.parametrize("level", ("monitor", "off"))
def test_what_is_for_outside_is_flooded_to_guests_once(switch, level):
    """Until somebody was heard from there."""
    switch.load([vnic(n, guard=level) for n in (1, 2, 3)])
    is_found(switch, foreign(1), "p1", "p3", "up", "br0")
    hears(switch, foreign(1), "up", 10)
    is_found(switch, foreign(1), "up")
    # In another VLAN it is somebody else, and where nobody is, of no use.
    hears(switch, foreign(2), "up", 20)
    is_found(switch, foreign(2), "p1", "p3", "up", "br0")
    assert len([f for f in switch.flows(131) if "0xffffff" in f]) == 1


def test_where_all_enforce_nothing_is_learnt(switch, numbers):
    switch.load([vnic(1), vnic(2), vnic(3, isolation="isolated",
                                        guard="monitor")])
    hello = marker(foreign(1), mac(2), next(numbers), 10)
    switch.send("up", hello)
    hello = Ether(bytes(hello)[:12] + bytes(hello)[16:])
    switch.wait_for("p2", hello)
    assert len(switch.flows(131)) == 1


@pytest.mark.parametrize("services, level", (
    ([], "monitor"), ([], "off"), (["any-mac"], "enforce")))
def test_a_learnt_address_moves(switch, services, level):
    """As soon as it is heard from elsewhere, outside or here."""
    many = {"services": services, "guard": level}
    switch.load([vnic(1, **many), vnic(2), vnic(3, **many)])
    for port in "p1", "up", "p3", "p1", "up", "p1":
        hears(switch, foreign(1), port, *[10] * (port == "up"))
        is_found(switch, foreign(1), port)


@pytest.mark.parametrize("level", ("monitor", "off"))
def test_a_guests_own_address_moves(switch, level):
    """Where nobody enforces it: to another vNIC of a bond in the guest, or to
    another bridge."""
    switch.load([vnic(1, guard=level), vnic(2), vnic(3, guard=level)])
    is_found(switch, mac(1), "p1")
    for port in "p3", "p1", "up", "p1", "up", "p3":
        hears(switch, mac(1), port, *[10] * (port == "up"))
        is_found(switch, mac(1), port)


@pytest.mark.parametrize("policy", (
    {}, {"services": ["any-mac"]},
    {"guard": "monitor", "isolation": "isolated"}))
def test_an_enforced_address_never_moves(switch, numbers, policy):
    switch.load([vnic(1, **policy), vnic(2), vnic(3, guard="monitor"),
                 vnic(4, services=["any-mac"])])
    for port in "p3", "p4", "up":
        hears(switch, mac(1), port, *[10] * (port == "up"))
        hello = marker(mac(2), mac(1), next(numbers))
        switch.send("p2", hello)
        switch.wait_for("p1", hello)
        is_found(switch, mac(1), "p1")


def test_where_it_was_learnt_the_class_of_now_counts(switch):
    switch.load([vnic(1, guard="monitor"), vnic(2, isolation="isolated")])
    hears(switch, foreign(1), "p1")
    is_found(switch, foreign(1), "p1")
    shared = [{"ip": "10.0.0.1", "mac": foreign(1)}]
    load_and_remember(switch, vnic(1, isolation="isolated", addresses=shared),
                      vnic(2, isolation="isolated"))
    fate = switch.trace(2, frame(mac(2), foreign(1)))
    assert not fate.copies and (140, "isolation") in fate.rules, fate.text


VIP, VIRTUAL_MAC = "10.0.0.100", "00:00:5e:00:01:07"


def test_a_shared_address_follows_its_router(switch, numbers):
    routers = [vnic(n, addresses=[{"ip": f"10.0.0.{n}"},
                                  {"ip": VIP, "mac": VIRTUAL_MAC}])
               for n in (1, 2)]
    switch.load([*routers, vnic(3), vnic(4, addresses=[{"ip": "10.0.0.4"}])])
    asked = frame(mac(3), VIRTUAL_MAC)
    for master in "p1", "p2", "up", "p1":
        announcement = ARP(op=1, psrc=VIP, pdst=VIP, hwsrc=VIRTUAL_MAC)
        switch.send(master, frame(VIRTUAL_MAC, BROADCAST,
                                  *[10] * (master == "up"),
                                  payload=announcement))
        until(lambda m=master: [c.port for c in switch.trace(3, asked).copies]
              == [m], f"the address is at {master}")

    for port, attack in (
            (4, frame(VIRTUAL_MAC, BROADCAST)),
            (4, Ether(src=mac(4), dst=BROADCAST)
             / ARP(op=2, psrc=VIP, hwsrc=mac(4))),
            (1, Ether(src=mac(1), dst=BROADCAST)
             / ARP(op=2, psrc=VIP, hwsrc=mac(1))),
            (1, Ether(src=VIRTUAL_MAC, dst=BROADCAST)
             / ARP(op=2, psrc="10.0.0.1", hwsrc=VIRTUAL_MAC)),
            (1, Ether(src=VIRTUAL_MAC, dst=BROADCAST) / ping("10.0.0.2"))):
        assert not switch.trace(port, attack).copies
    for router in 1, 2:
        sent = Ether(src=VIRTUAL_MAC, dst=mac(3)) / ping(VIP)
        assert switch.trace(router, sent).copies
        sent = Ether(src=mac(router), dst=mac(3)) / ping(f"10.0.0.{router}")
        assert switch.trace(router, sent).copies


def advertisement(address, destination="224.0.0.18", protocol=112):
    """What the master of VIRTUAL_MAC sends, from an address of its own."""
    return (Ether(src=VIRTUAL_MAC, dst="01:00:5e:00:00:12")
            / IP(src=address, dst=destination, ttl=255, proto=protocol)
            / Raw(b"x" * 12))


def advertisement6(address, destination="ff02::12", protocol=112):
    return (Ether(src=VIRTUAL_MAC, dst="33:33:00:00:00:12")
            / IPv6(src=address, dst=destination, hlim=255, nh=protocol)
            / Raw(b"x" * 24))


def test_a_router_advertises_itself_from_the_shared_mac(switch):
    """RFC 9568, 7.2: the addresses of the sender in it are its own."""
    shared = {"ip": VIP, "mac": VIRTUAL_MAC}
    switch.load([vnic(1, addresses=[{"ip": "10.0.0.1"}, shared]),
                 vnic(2, addresses=[{"ip": "10.0.0.2"}, {"ip": "fe80::2"},
                                    {"ip": "fd00::2"}, shared]),
                 vnic(3, addresses=[{"ip": "10.0.3.0/24"},
                                    {"ip": "10.0.4.1", "vlan": 20}, shared]),
                 vnic(4, addresses=[{"ip": "10.0.0.4"}])])
    for port, sent in (
            (1, advertisement("10.0.0.1")), (1, advertisement(VIP)),
            (2, advertisement("10.0.0.2")), (2, advertisement6("fe80::2")),
            (1, advertisement6("fe80::5054:ff:fe00:1")),
            (3, advertisement("10.0.3.9"))):
        fate = switch.trace(port, sent)
        assert "p4" in [copy.port for copy in fate.copies], fate.text

    for port, attack in (
            (1, advertisement("10.0.0.2")), (1, advertisement6("fe80::2")),
            (1, advertisement("10.0.0.1", "224.0.0.22")),
            (1, advertisement("10.0.0.1", "10.0.0.4")),
            (1, advertisement("10.0.0.1", protocol=89)),
            (2, advertisement6("fe80::3")), (2, advertisement6("fd00::2")),
            (2, advertisement6("fe80::2", "ff02::1")),
            (2, advertisement6("fe80::2", protocol=89)),
            (3, advertisement("10.0.4.1")), (4, advertisement("10.0.0.4"))):
        fate = switch.trace(port, attack)
        assert not fate.copies, fate.text


@pytest.mark.parametrize("level, expected", (("enforce", "p2"),
                                             ("monitor", "p1")))
def test_what_is_dropped_moves_no_shared_address(switch, level, expected):
    shared = {"ip": VIP, "mac": VIRTUAL_MAC}
    switch.load([vnic(1, guard=level, addresses=[{"ip": "10.0.0.1"}, shared]),
                 vnic(2, addresses=[{"ip": "10.0.0.2"}, shared]), vnic(3)])
    asked = frame(mac(3), VIRTUAL_MAC)

    def receivers():
        return [copy.port for copy in switch.trace(3, asked).copies]

    switch.send("p2", arp("is-at", VIP, VIRTUAL_MAC, VIRTUAL_MAC))
    until(lambda: receivers() == ["p2"], "the master is known")
    switch.send("p1", Ether(src=VIRTUAL_MAC, dst=BROADCAST) / ping("10.9.9.9"))
    until(lambda: switch.counted(1) == {"ipv4-source": 1}, "it is counted")
    assert receivers() == [expected]


def test_what_is_dropped_tells_of_no_address(switch):
    """Neither of one behind 'any-mac', nor that a guest has come."""
    switch.load([vnic(1, services=["any-mac"]),
                 vnic(2, place="incoming")])
    switch.send("p1", frame(foreign(1), CDP))
    switch.send("p2", frame(mac(2), CDP))
    for n in 1, 2:
        until(lambda n=n: switch.counted(n) == {"reserved-destination": 1},
              "it is counted")
    assert len(switch.flows(131)) == 1


# Migration.


def test_who_runs_elsewhere_is_outside(switch):
    """Until the guest runs here, its frames go where it is."""
    switch.load([vnic(1), vnic(2, place="elsewhere")])
    assert (switch.trace(1, frame(mac(1), mac(2))).copies
            == copies([], (), "up", "br0"))
    assert (switch.trace(1, frame(mac(1), BROADCAST)).copies
            == copies([2], (), "up", "br0"))
    switch.load([vnic(1), vnic(2)])
    assert switch.trace(1, frame(mac(1), mac(2))).copies == copies([2], ())


def test_who_is_coming_is_here_once_it_sends(switch, numbers):
    """Nobody has to tell the switch, which forgets it all again."""
    coming = vnic(2, place="incoming")
    switch.load([vnic(1), coming])
    asked = frame(mac(1), mac(2))
    outside = copies([], (), "up", "br0")
    assert switch.trace(1, asked).copies == outside

    hello = marker(mac(2), BROADCAST, next(numbers))
    switch.send("p2", hello)
    switch.wait_for("p1", hello)
    until(lambda: switch.trace(1, asked).copies == copies([2], ()),
          "it is here")
    switch.load([vnic(1), vnic(2)])
    assert switch.trace(1, asked).copies == copies([2], ())
    assert len(switch.flows(131)) == 1
    switch.load([vnic(1), vnic(2, place="elsewhere")])
    assert switch.trace(1, asked).copies == outside
