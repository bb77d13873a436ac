# SPDX-License-Identifier: Apache-2.0
"""What an operator is told about the fate of a frame is what a switch says
of it."""

import json
import signal
from pathlib import Path

import pytest
from host import until
from oracle.frames import ATTACKS, HARMLESS
from pipeline import Switch
from test_pipeline import BROADCAST, frame, guarded, mac, vnic

TOP = Path(__file__).resolve().parents[2]
FRAMES = {**{name: sent for name, (_, sent) in ATTACKS.items()}, **HARMLESS}


class Asked(Switch):
    """A switch that is asked about the bridge that was loaded last."""

    def ask(self, *question):
        return self.run(self.build / "tests/ask-switch", self.rundir,
                        self.dir / "bridge.json", "why", *question,
                        check=False)

    def why(self, *question):
        result = self.ask(*question)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def switch(tmp_path_factory, build):
    with Asked(tmp_path_factory.mktemp("switch"), build, TOP, 8) as switch:
        yield switch


def words(rows, what):
    return [row["words"] for row in rows if row["what"] == what]


@pytest.fixture(scope="module", params=("enforce", "monitor", "off"))
def guard(request, switch):
    switch.load(guarded(request.param))
    return request.param


@pytest.mark.parametrize("name", FRAMES)
def test_bytes_have_the_fate_of_the_packet(switch, guard, name):
    """The fields that we make of a packet are all that decides."""
    fate = switch.trace(1, FRAMES[name])
    rows = switch.why("p1", bytes(FRAMES[name]).hex())
    vnics = [f"on port {copy.port}, untagged" for copy in fate.copies
             if copy.port.startswith("p")]
    assert sorted(words(rows, "delivered")) == sorted(vnics), fate.text
    is_outside = any(copy.port == "up" for copy in fate.copies)
    assert any("up" in line for line in words(rows, "outside")) == is_outside
    broken = [row["rule"] for row in rows
              if row["what"] in ("dropped", "counted")]
    assert broken == [rule for table, rule in fate.rules if table == 119]
    if guard == "enforce" and broken:
        assert "guard level 'monitor'" in words(rows, "change")[0]


def test_questions_change_nothing(switch):
    switch.load([vnic(1, services=["any-mac"]), vnic(2, guard="monitor")])
    before = switch.appctl("fdb/show", "br0"), len(switch.flows(131))
    stolen = bytes(frame("52:54:00:01:00:09", BROADCAST)).hex()
    for port in "p1", "p2":
        switch.why(port, stolen)
    assert (switch.appctl("fdb/show", "br0"),
            len(switch.flows(131))) == before


def test_fields_are_enough(switch):
    switch.load(guarded("enforce"))
    rows = switch.why("p1", "arp,arp_spa=10.0.0.2,dl_dst=" + BROADCAST)
    assert [row["rule"] for row in rows if row["what"] == "dropped"] == ["arp"]
    rows = switch.why("p1", "udp,nw_src=10.0.0.1,tp_src=67,dl_dst=" + mac(2))
    assert [row["rule"] for row in rows
            if row["what"] == "dropped"] == ["dhcp-server"]
    assert "<allow service='dhcp-server'/>" in words(rows, "change")[0]


def test_the_mac_of_an_address_is_advised(switch):
    """Where the vNIC has several, and the address goes with another one."""
    shared = "00:00:5e:00:01:01"
    switch.load([vnic(1, addresses=[{"ip": "192.0.2.1"},
                                    {"ip": "192.0.2.100", "mac": shared}]),
                 vnic(2, addresses=[{"ip": "192.0.2.2"}])])
    for source, address in ((shared, "192.0.2.1"), (mac(1), "192.0.2.100")):
        rows = switch.why("p1", f"icmp,dl_src={source},nw_src={address},"
                          f"dl_dst={mac(2)}")
        change, = words(rows, "change")
        assert f"with that address and mac='{source}', or" in change
    change, = words(switch.why("p2", "icmp,nw_src=192.0.2.9"), "change")
    assert "with that address, or" in change


@pytest.mark.parametrize("level, fate", (("enforce", "dropped"),
                                         ("monitor", "passed")))
def test_what_is_beyond_the_limit_is_counted(switch, level, fate):
    switch.load([vnic(1, services=["any-mac"], guard=level), vnic(2)])
    for n in range(17):
        switch.send("p1", frame(f"52:54:00:01:00:{n:02x}", mac(2)))
    until(lambda: [(row["rule"], row["packets"], row["fate"])
                   for row in switch.why("p1")] == [("mac-limit", 1, fate)],
          "the last one is counted")


@pytest.mark.parametrize("level", ("enforce", "monitor"))
def test_what_happened_is_counted_by_rule(switch, level):
    switch.load(guarded(level))
    assert switch.why("p1") == []
    expected = {}
    for rule, sent in ATTACKS.values():
        switch.send("p1", sent)
        expected[rule] = expected.get(rule, 0) + 1
    for _ in range(3):
        switch.send("p1", frame(mac(1), BROADCAST, 77))
    expected["foreign-vlan"] = 3

    def counted():
        return {row["rule"]: row["packets"] for row in switch.why("p1")}
    until(lambda: counted() == expected, f"{expected} is counted")
    rows = {row["rule"]: row for row in switch.why("p1")}
    assert rows.pop("foreign-vlan")["fate"] == "dropped"
    for row in rows.values():
        assert row["fate"] == ("dropped" if level == "enforce" else "passed")
        assert bool(row["change"]) == (level == "enforce")
    assert switch.why("p2") == []


def test_a_bridge_that_does_not_answer(switch):
    switch.load([vnic(1)])
    switch.daemons["ovs-vswitchd"].send(signal.SIGSTOP)
    result = switch.ask("p1")
    switch.daemons["ovs-vswitchd"].send(signal.SIGCONT)
    assert result.returncode == 1
    assert (result.stderr.splitlines()[-1]
            == "bridge br0 did not tell its counters within 5 s")


def test_what_is_wrong_with_a_question(switch):
    switch.load([vnic(1)])
    for port, packet, sentence in (
            ("p9", "arp", "bridge br0 has no port p9"),
            ("p1", "52540", "packet '52540' is no whole Ethernet frame"),
            ("p1", "bogus", "Bad openflow flow syntax: in_port=1,bogus,dl_src="
             f"{mac(1)}: unknown field bogus")):
        result = switch.ask(port, packet)
        assert result.returncode == 1
        assert result.stderr.splitlines()[-1] == sentence
