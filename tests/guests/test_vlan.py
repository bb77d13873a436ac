# SPDX-License-Identifier: Apache-2.0
"""The VLANs of running guests: right on the wire, kept right, and reported.

One host with six guests, booted once.  Every test leaves the VLANs as they
were, most of them by letting the agent put them right.
"""

import csv
import io
import re

import pytest

import switch
from hostbox import HostboxError, Nic, Vlan

VLANS = {
    "one": Vlan.access(10),
    "two": Vlan.access(10),
    "other": Vlan.access(20),
    "trunk": Vlan.trunk(10, 20),
    "native": Vlan.native_untagged(10, 10, 20),
    "bare": None,
}
COLUMNS = {
    "one": switch.vlan(None, 10),
    "two": switch.vlan(None, 10),
    "other": switch.vlan(None, 20),
    "trunk": switch.vlan(None, None, [10, 20]),
    "native": switch.vlan("native-untagged", 10, [10, 20]),
    "bare": switch.vlan(),
}
ETHERTYPE = "88b5"
BROADCAST = "ffffffffffff"


@pytest.fixture(scope="module")
def guests(boot):
    return boot({name: Nic(vlan=vlan) for name, vlan in VLANS.items()})


def forget_marks(box):
    """The host as it was before the agent first saw it."""
    for tap in switch.port_names(box):
        box.vsctl("remove", "interface", tap, "external_ids", "vnicd-ready",
                  "--", "remove", "interface", tap, "external_ids",
                  "vnicd-vm-id")


def update_nic(box, guest, edit, *flags):
    """virsh update-device with the guest's own interface, edited."""
    xml, = re.findall(r"<interface.*?</interface>", guest.xml(), re.DOTALL)
    path = box.put_file(f"{guest.name}-nic.xml", edit(xml))
    box.virsh("update-device", guest.name, path, *flags)


def is_vlan(wanted):
    return lambda found: found == wanted


# What is there at first contact.


def test_a_right_host_is_only_marked(box, guests, stopped_agent):
    """The first look writes our marks, in one transaction, or in two if the
    patch pair is not there yet; the second look nothing: that is for
    check_settled()."""
    forget_marks(box)
    before = switch.snapshot(box)
    stopped_agent.start()
    for guest in guests.values():
        stopped_agent.wait_state(guest)
    assert stopped_agent.transactions() <= 2
    after = switch.snapshot(box)
    assert after["port"] == before["port"]
    for row in after["interface"]:
        for key in ("vnicd-ready", "vnicd-vm-id"):
            row["external_ids"].pop(key, None)
    assert after["interface"] == before["interface"]


def test_the_marks_say_whose_and_since_when(box, agent, one, port):
    agent.wait_state(one)
    ids = switch.external_ids(box, port)
    assert ids["vnicd-vm-id"] == ids["vm-id"] == one.uuid()
    assert int(ids["vnicd-ready"]) > 1_700_000_000_000


def test_what_was_there_before_us_is_only_reported(box, stopped_agent, one,
                                                   port):
    """Somebody may have meant it so.  'reconcile' puts it right."""
    forget_marks(box)
    switch.set_port(box, port, "tag=20")
    stopped_agent.start()
    row = stopped_agent.wait_state(one, "drifted")
    assert "first-contact" in row["reason"]
    report, = [d for d in stopped_agent.drift() if d["port"] == port]
    assert (report["column"], report["found"], report["restored"],
            report["cause"]) == ("tag", "20", None, "first-contact")
    assert any(op["kind"] == "report" and op["key"] == f"Port {port} tag"
               and (op["before"], op["after"]) == ("20", "10")
               for op in stopped_agent.plan())
    assert switch.columns(box, port)["tag"] == 20
    assert "vnicd-ready" not in switch.external_ids(box, port)

    stopped_agent.call("reconcile")
    assert switch.columns(box, port) == COLUMNS["one"]
    stopped_agent.wait_state(one)
    assert stopped_agent.plan() == []


# What operators are shown.


@pytest.mark.parametrize("name", VLANS)
def test_each_kind_of_vlan_is_listed(box, agent, guests, name):
    row = agent.wait_state(guests[name])
    columns = COLUMNS[name]
    tap = guests[name].taps()[0]
    assert switch.columns(box, tap) == columns
    assert row["domain_uuid"] == guests[name].uuid()
    assert row["mac"] == guests[name].macs()[0]
    assert (row["port"], row["bridge"]) == (tap, "br0")
    assert row["ofport"] > 0
    assert (row["tag"], row["trunks"] or []) == (columns["tag"],
                                                 columns["trunks"])
    assert row["reason"] == ("untagged-trunk" if name == "bare" else None)


def test_the_members_of_a_vlan(agent, guests):
    agent.wait_state(guests["native"])
    members = {(row["domain"], row["tagged"])
               for row in agent.call("vlan/show", "br0")
               if row["vlan"] in (10, None) and row["role"] == "vnic"}
    assert members == {("one", False), ("two", False), ("trunk", True),
                       ("native", False), ("bare", True)}


def test_a_vnic_in_detail(agent, one):
    agent.wait_state(one)
    by_name = agent.call("vnic/show", "one")
    assert agent.call("vnic/show", f"one/{one.macs()[0]}") == by_name
    detail, = by_name if isinstance(by_name, list) else [by_name]
    assert detail["domain"] == "one" and detail["vlan"] == "10"


@pytest.mark.parametrize("command", ["status", "vnic/list", "vlan/show",
                                     "plan", "drift/list"])
def test_every_listing_has_three_formats(box, agent, guests, command):
    agent.wait_state(guests["one"])
    agent.call(command)
    assert agent.appctl(command, "--format=table").strip()
    text = agent.appctl(command, "--format=csv")
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1


def test_wrong_requests_are_answered_with_a_sentence(box, agent):
    for request in (["vnic/list", "br7"], ["vnic/show", "nobody"],
                    ["plan", "--format=xml"]):
        with pytest.raises(HostboxError, match=r"failed with status 2: \w+"):
            agent.appctl(*request)


def test_vnicctl(agent, one, guests):
    for guest in guests.values():
        agent.wait_state(guest)
    assert re.search(r"^one +52:54:", agent.ctl("list"), re.MULTILINE)
    assert "52:54:" in agent.ctl("show", "one")
    assert re.search(r"^br0 +10 ", agent.ctl("vlan"), re.MULTILINE)
    assert agent.ctl("list", "--format", "json").startswith("[")
    agent.ctl("plan", status=0)
    agent.ctl("drift", status=0)
    agent.ctl("status", status=0)
    agent.ctl("reconcile", status=0)
    agent.ctl("nonsense", status=2)
    agent.ctl("show", status=2)


def test_vnicctl_says_what_it_found(box, agent, one, port):
    agent.wait_state(one)
    switch.set_port(box, port, "tag=20")
    agent.wait_repaired(port, is_vlan(COLUMNS["one"]))
    assert "operator" in agent.ctl("drift", status=1)


def test_vnicctl_without_an_agent(stopped_agent):
    said = stopped_agent.ctl("list", status=3)
    assert said.startswith("vnicctl: ") and len(said.splitlines()) == 1


# Drift.


@pytest.mark.parametrize("setting, column, found", [
    ("tag=20", "tag", "20"),
    ("trunks=20,30", "trunks", "[20,30]"),
    ("vlan_mode=trunk", "vlan_mode", "trunk"),
])
def test_an_operators_change_is_put_right(box, agent, one, port, setting,
                                          column, found):
    agent.wait_state(one)
    n_transactions = agent.transactions()
    switch.set_port(box, port, setting)
    assert agent.wait_repaired(port, is_vlan(COLUMNS["one"])) < 1
    agent.wait_state(one)
    assert agent.transactions() == n_transactions + 1
    entry, = agent.drift()
    assert (entry["domain"], entry["mac"], entry["port"]) == (
        "one", one.macs()[0], port)
    assert (entry["column"], entry["found"], entry["cause"]) == (
        column, found, "operator")
    assert re.search(r"INFO\|vnic one/.*\(operator\)", agent.log())


@pytest.mark.parametrize("name", ["trunk", "native"])
def test_trunks_are_put_right(box, agent, guests, name):
    tap = guests[name].taps()[0]
    agent.wait_state(guests[name])
    switch.set_port(box, tap, "tag=30", "trunks=[]", "vlan_mode=[]")
    agent.wait_repaired(tap, is_vlan(COLUMNS[name]))
    assert {entry["cause"] for entry in agent.drift()} == {"operator"}


def test_a_port_that_lost_its_vlan_is_put_right_at_once(box, agent, one,
                                                        port):
    agent.wait_state(one)
    box.vsctl("--no-wait", "clear", "port", port, "tag")
    agent.wait_repaired(port, is_vlan(COLUMNS["one"]))
    entry, = agent.drift()
    assert (entry["column"], entry["found"], entry["restored"],
            entry["cause"]) == ("tag", "[]", "10", "libvirt-cleared")


def test_several_changes_are_one_repair(box, agent, guests):
    """One pass, one transaction, whatever came together."""
    for guest in guests.values():
        agent.wait_state(guest)
    n_transactions = agent.transactions()
    taps = {name: guests[name].taps()[0] for name in VLANS if name != "bare"}
    command = []
    for tap in taps.values():
        command += ["--", "set", "port", tap, "tag=30", "trunks=[]",
                    "vlan_mode=[]"]
    box.vsctl("--no-wait", *command)
    for name, tap in taps.items():
        agent.wait_repaired(tap, is_vlan(COLUMNS[name]))
    assert agent.transactions() == n_transactions + 1


def test_foreign_columns_and_ports_are_left_alone(box, agent, one, port):
    agent.wait_state(one)
    box.vsctl("add-port", "br0", "foreign0", "tag=77", "--", "set",
              "interface", "foreign0", "type=internal", "--", "set", "port",
              port, "external_ids:site=north", "other_config:priority-tags="
              "true")
    try:
        n_transactions = agent.transactions()
        agent.call("reconcile")
        assert agent.transactions() == n_transactions
        assert switch.columns(box, "foreign0")["tag"] == 77
        assert "site=north" in box.vsctl("get", "port", port, "external_ids")
    finally:
        box.vsctl("del-port", "foreign0", "--", "clear", "port", port,
                  "external_ids", "other_config")


# Changes that are meant.


@pytest.mark.parametrize("flags", [("--live",), ("--live", "--config")])
def test_a_live_update_is_followed(box, agent, guests, flags):
    """A legal change without any event: intent, not drift."""
    guest = guests["two"]
    tap = guest.taps()[0]
    agent.wait_state(guest)

    def set_tag(new):
        update_nic(box, guest, lambda xml: re.sub(
            r"(<vlan>\s*<tag id=')\d+", rf"\g<1>{new}", xml), *flags)
    set_tag(20)
    try:
        agent.wait_state(guest, tag=20)
        assert switch.columns(box, tap) == switch.vlan(None, 20)
        assert guests["other"].can_ping("192.0.2.2", tries=5)
    finally:
        set_tag(10)
    agent.wait_state(guest, tag=10)
    assert switch.columns(box, tap) == COLUMNS["two"]
    assert agent.drift() == []


def test_vlan_lost_by_a_port_group_change(box, stopped_agent, guests):
    """libvirt moves a vNIC to another port group, writes the right VLAN
    to its XML, and none at all to the switch."""
    box.add_network("lan", portgroups={"red": Vlan.access(10),
                                       "blue": Vlan.access(20)})
    guest = box.add_guest("netted", Nic(network="lan", portgroup="red"),
                          wait=False)
    try:
        tap = guest.taps()[0]

        def set_group(group):
            update_nic(box, guest, lambda xml: network_interface(
                xml, "lan", group), "--live")

        set_group("blue")
        assert switch.columns(box, tap) == switch.vlan(), "no fault, no test"
        set_group("red")

        stopped_agent.start()
        stopped_agent.wait_connected()
        stopped_agent.call("reconcile")
        assert switch.columns(box, tap) == switch.vlan(None, 10)
        set_group("blue")
        stopped_agent.wait_repaired(tap, is_vlan(switch.vlan(None, 20)))
        # The definition still says red.
        stopped_agent.wait_state(guest, "pending", tag=20)
    finally:
        guest.remove()
        box.remove_network("lan")


def test_an_edited_port_group_is_followed(box, agent, guests):
    """libvirt tells running guests nothing of it, and nobody else."""
    box.add_network("lan", portgroups={"red": Vlan.access(10)})
    guest = box.add_guest("netted", Nic(network="lan", portgroup="red"))
    try:
        tap = guest.taps()[0]
        agent.wait_state(guest, tag=10)
        box.virsh("net-update", "lan", "modify", "portgroup",
                  "<portgroup name='red'><vlan><tag id='20'/></vlan>"
                  "</portgroup>", "--live", "--config")
        agent.wait_state(guest, tag=20)
        assert switch.columns(box, tap) == switch.vlan(None, 20)
        entry, = agent.drift()
        assert entry["cause"] == "portgroup-edit"

        guest.set_address("192.0.2.99/24")
        assert guests["other"].can_ping("192.0.2.99", tries=5)
    finally:
        guest.remove()
        box.remove_network("lan")


def network_interface(live_xml, network, group):
    """How an operator would write the interface that is 'live_xml' now, with
    another port group.  libvirt insists on the interface id of the moment."""
    kept = "".join(re.search(pattern, live_xml, re.DOTALL).group()
                   for pattern in ("<mac [^>]*>", "<model [^>]*>",
                                   "<virtualport.*</virtualport>",
                                   "<driver>.*</driver>", "<alias [^>]*>",
                                   "<address [^>]*>"))
    return (f"<interface type='network'>{kept}<rom enabled='no'/>"
            f"<source network='{network}' portgroup='{group}'/></interface>")


# Rows left over.


STALE = [
    ("access", ["tag=42"], Vlan.access(10), switch.vlan(None, 10)),
    ("native", ["vlan_mode=native-untagged", "tag=42", "trunks=42,43"],
     Vlan.access(10), switch.vlan(None, 10)),
    ("trunk", ["trunks=42,43"], Vlan.trunk(10, 20),
     switch.vlan(None, None, [10, 20])),
    ("bare", ["tag=42"], None, switch.vlan()),
]


@pytest.fixture
def newcomer(box):
    """Starts a guest whose tap has the name of the stale row."""
    guest = box.guest("newcomer")

    def start(vlan):
        guest.define([Nic(vlan=vlan, target="stale0")])
        guest.start(paused=True)
        return guest
    yield start
    guest.remove()


@pytest.mark.parametrize("kind, stale, vlan, right", STALE,
                         ids=[case[0] for case in STALE])
def test_without_an_agent_a_stale_row_wins(box, newcomer, kind, stale, vlan,
                                           right):
    """The fault itself: the new guest runs in the dead one's VLAN.  If libvirt
    ever mends this, the test after this one has lost its subject."""
    switch.leave_row(box, "stale0", *stale)
    newcomer(vlan)
    assert switch.columns(box, "stale0") != right


@pytest.mark.parametrize("kind, stale, vlan, right", STALE,
                         ids=[case[0] for case in STALE])
def test_a_stale_row_is_put_right_before_the_first_packet(
        box, agent, newcomer, kind, stale, vlan, right):
    switch.leave_row(box, "stale0", *stale)
    agent.wait_connected()
    guest = newcomer(vlan)
    agent.wait_state(guest)
    assert switch.columns(box, "stale0") == right
    assert guest.state() == "paused"    # It has not run yet.
    assert {entry["cause"] for entry in agent.drift()} == {"stale-row"}


# No intent, wrong intent.


def test_a_guest_without_vlan_keeps_what_the_port_has(box, agent, guests):
    guest = guests["bare"]
    tap = guest.taps()[0]
    agent.wait_state(guest, reason="untagged-trunk")
    n_transactions = agent.transactions()
    switch.set_port(box, tap, "tag=33")
    try:
        agent.wait_state(guest, reason="vlan-not-in-xml")
        agent.call("reconcile")
        assert switch.columns(box, tap)["tag"] == 33
        assert agent.transactions() == n_transactions
        assert agent.drift() == []
    finally:
        box.vsctl("clear", "port", tap, "tag")
    agent.wait_state(guest, reason="untagged-trunk")


@pytest.mark.parametrize("tag", [0, 4095])
def test_a_vlan_that_is_none_is_quarantined(box, agent, tag):
    guest = box.guest("wrong")
    guest.define([Nic(vlan=Vlan.access(tag))])
    guest.start(paused=True)
    try:
        row = agent.wait_state(guest, "quarantined")
        assert f"{tag}" in row["reason"] and "1..4094" in row["reason"]
        assert "vnicd-ready" not in switch.external_ids(box, row["port"])
    finally:
        guest.remove()
    agent.wait_gone(guest)


def test_the_second_of_two_equal_macs_is_quarantined(box, agent, one):
    agent.wait_state(one)
    twin = box.guest("twin")
    twin.define([Nic(vlan=Vlan.access(10), mac=one.macs()[0])])
    twin.start(paused=True)
    try:
        row = agent.wait_state(twin, "quarantined")
        assert re.search(r"\bone\b", row["reason"])
        agent.wait_state(one)
    finally:
        twin.remove()
    agent.wait_gone(twin)


def test_equal_macs_in_different_vlans_are_no_conflict(box, agent, one):
    twin = box.guest("twin")
    twin.define([Nic(vlan=Vlan.access(20), mac=one.macs()[0])])
    twin.start(paused=True)
    try:
        agent.wait_state(twin)
        agent.wait_state(one)
    finally:
        twin.remove()


# A bridge that is a VLAN.


def test_a_fake_bridge_is_its_parent_and_a_vlan(box, agent):
    box.vsctl("--may-exist", "add-br", "br0v30", "br0", "30")
    guest = box.guest("faker")
    guest.define([Nic(bridge="br0v30")])
    guest.start(paused=True)
    try:
        row = agent.wait_state(guest, bridge="br0", tag=30)
        tap = row["port"]
        switch.set_port(box, tap, "tag=10")
        agent.wait_repaired(tap, lambda found: switch.is_access(found, 30))
        agent.wait_state(guest, tag=30)
        assert "fake bridge br0v30" in agent.ctl("show", "faker")
    finally:
        guest.remove()
        box.vsctl("del-br", "br0v30")


# On the wire.


def test_pings_pass_inside_a_vlan_and_fail_across(agent, guests):
    for name in ("one", "native"):
        agent.wait_state(guests[name])
    assert guests["one"].can_ping("192.0.2.2", tries=5)
    assert guests["native"].can_ping("192.0.2.1", tries=5)
    assert not guests["one"].can_ping("192.0.2.3", tries=2)


@pytest.mark.parametrize("tag, receivers", [(10, {"one"}), (20, {"other"}),
                                            (30, set())])
def test_tagged_frames_on_a_trunk(agent, guests, tag, receivers):
    agent.wait_state(guests["trunk"])
    source = guests["trunk"].macs()[0].replace(":", "")
    payload = f"{tag:04x}" * 30
    with guests["one"].capture(payload) as at_one, \
            guests["other"].capture(payload) as at_other:
        guests["trunk"].send_frame(
            f"{BROADCAST}{source}8100{tag:04x}{ETHERTYPE}{payload}")
    received = {"one": at_one, "other": at_other}
    untagged = f"{BROADCAST}{source}{ETHERTYPE}{payload}"
    assert received == {name: [untagged] if name in receivers else []
                        for name in received}


def test_flows_hold_where_columns_drift(box, agent, guests, port):
    """What is on its bridge goes by flows; only who is outside goes by the
    columns of his port."""
    agent.wait_state(guests["one"])
    agent.stop()
    switch.set_port(box, port, "tag=20")
    assert guests["one"].can_ping("192.0.2.2", tries=5)
    assert not guests["one"].can_ping("192.0.2.3", tries=2)
    agent.start()
    agent.wait_repaired(port, is_vlan(COLUMNS["one"]))


@pytest.fixture
def normal(box, agent, guests):
    """No flows on the bridge: everything goes by the columns."""
    agent.wait_state(guests["one"])
    box.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=off")
    agent.wait_for(lambda: agent.status()["openflow"] == [], "no flows")
    yield
    box.vsctl("remove", "bridge", "br0", "external_ids", "vnicd-guard")
    agent.wait_for(lambda: [b["state"] for b in agent.status()["openflow"]]
                   == ["installed"], "flows are back")


@pytest.mark.usefixtures("normal")
def test_frames_cross_again_after_a_repair(box, agent, guests, port):
    """Drift cuts a guest off; the repair brings it back."""
    agent.wait_state(guests["one"])
    agent.stop()
    switch.set_port(box, port, "tag=20")
    assert not guests["one"].can_ping("192.0.2.2", tries=2)
    assert guests["one"].can_ping("192.0.2.3", tries=5)
    agent.start()
    agent.wait_repaired(port, is_vlan(COLUMNS["one"]))
    assert guests["one"].can_ping("192.0.2.2", tries=5)
    assert not guests["one"].can_ping("192.0.2.3", tries=2)
