# SPDX-License-Identifier: Apache-2.0
"""Isolation and guard by real frames: what a trace cannot show, counters, and
what a switch learns from them."""

import pytest
from oracle.frames import ATTACKS, BROADCAST, HARMLESS, NOBODY, arp, rarp
from host import until
from pipeline import UPLINK, Copy
from pipeline_frames import (CDP, CLASSES, copies, foreign, frame, guarded,
                             mac, marker, ping, vnic)
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw


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
