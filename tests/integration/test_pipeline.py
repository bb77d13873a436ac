# SPDX-License-Identifier: Apache-2.0
"""Isolation and guard: the flows of described bridges in a real switch."""

import itertools
import re

import pytest
from oracle.frames import (ATTACKS, BPDU, BROADCAST, GUEST, HARMLESS, LACP,
                          LLDP, NOBODY, VICTIM_POLICY, advertise, ip6,
                          solicit)
from host import until
from pipeline import UPLINK, Copy
from pipeline_frames import (CDP, CLASSES, MULTICAST, N_PORTS, Q, copies,
                             foreign, frame, guarded, mac, ping, vnic)
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

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


def may_talk(a, b):
    """RFC 5517, between two of CLASSES; None is outside."""
    classes = [CLASSES.get(n, {"isolation": "promiscuous"}) for n in (a, b)]
    if any(c["isolation"] == "promiscuous" for c in classes):
        return True
    return (classes[0] == classes[1]
            and classes[0]["isolation"] == "community")


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
