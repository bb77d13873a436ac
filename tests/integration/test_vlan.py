# SPDX-License-Identifier: Apache-2.0
"""VLANs of vNICs: put right, reported, or left alone."""

import signal
import subprocess
import time

import pytest
from host import access, until, vm_mac, vm_uuid

CLEARED = "[]"


def is_in_state(agent, name, mac, state="ready"):
    return agent.states().get((name, mac)) == state


def wait_ready(agent, name, mac):
    until(lambda: is_in_state(agent, name, mac), f"{name} is ready")


def causes(agent):
    return [entry["cause"] for entry in agent.json("drift/list")]


def test_right_vnic_is_only_marked(host, agent):
    _, vm_id, mac, port = host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    assert host.column(port, "tag") == "10"
    assert vm_id in host.column(port, "external_ids:vnicd-vm-id", "interface")
    assert agent.status()["column_repairs"] == 0
    assert agent.json("drift/list") == []


MODES = {
    "access": (access(42), {"tag": "42"}),
    "trunk": ("<vlan trunk='yes'><tag id='10'/><tag id='20'/></vlan>",
              {"trunks": "[10, 20]"}),
    "native-untagged": (
        "<vlan trunk='yes'><tag id='10' nativeMode='untagged'/>"
        "<tag id='20'/></vlan>",
        {"tag": "10", "trunks": "[10, 20]", "vlan_mode": "native-untagged"}),
    "native-tagged": (
        "<vlan trunk='yes'><tag id='10' nativeMode='tagged'/>"
        "<tag id='20'/></vlan>",
        {"tag": "10", "trunks": "[10, 20]", "vlan_mode": "native-tagged"}),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_sets_and_clears(host, agent, mode):
    """The row that libvirt reuses has what another VM left in every column."""
    xml, columns = MODES[mode]
    vm_id, mac = vm_uuid(1), vm_mac(1)
    host.plug("tap1", vm_uuid(9), mac, ["tag=7", "trunk=7,8",
                                        "vlan_mode=native-tagged",
                                        "cvlans=9"])
    until(lambda: agent.json("vnic/list"), "the stale row is seen")
    host.start_domain("web1", vm_id, (mac, "tap1", xml))
    host.plug("tap1", vm_id, mac)
    wait_ready(agent, "web1", mac)

    for column in ("tag", "trunks", "vlan_mode", "cvlans"):
        assert host.column("tap1", column) == columns.get(column, CLEARED)
    assert set(causes(agent)) == {"stale-row"}


def test_operators_change_is_put_right(host, agent):
    _, _, mac, port = host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    before = agent.transactions()

    host.vsctl("set", "port", port, "tag=20")
    until(lambda: host.column(port, "tag") == "10", "the tag is put right")
    entry, = until(lambda: agent.json("drift/list"), "drift is listed")
    assert (entry["column"], entry["found"], entry["restored"],
            entry["cause"]) == ("tag", "20", "10", "operator")
    assert (entry["domain"], entry["mac"], entry["port"]) == ("web1", mac,
                                                              port)
    assert agent.transactions() == before + 1


def test_drift_is_counted_by_cause(host):
    """Of two VMs one is as somebody placed it, before there was an agent."""
    _, _, _, placed = host.start_vm("web1", 1, 10)
    _, _, mac, port = host.start_vm("web2", 2, 10)
    host.vsctl("set", "port", placed, "tag=77")
    agent = host.agent()
    wait_ready(agent, "web2", mac)
    for column in ("tag=20", "tag=30"):
        host.vsctl("set", "port", port, column)
        until(lambda: host.column(port, "tag") == "10", "it is put right")
    host.vsctl("clear", "port", port, "tag")
    until(lambda: host.column(port, "tag") == "10", "it is put right")

    until(lambda: agent.status()["drift_repaired"] == 3, "all are counted")
    drift = agent.status()["drift"]
    assert {"stale-row", "portgroup-edit"} < set(drift)
    assert {cause: (n["repaired"], n["reported"])
            for cause, n in drift.items() if any(n.values())} == {
        "operator": (2, 0), "libvirt-cleared": (1, 0),
        "first-contact": (0, 1)}
    line, = [line for line in agent.ask("status").splitlines()
             if line.startswith("drift ")]
    assert line.split(maxsplit=1)[1] == (
        "put right: 3 (operator 2, libvirt-cleared 1), "
        "only reported: 1 (first-contact 1)")


def test_lost_vlan_is_put_right(host, agent):
    _, _, mac, port = host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    host.vsctl("clear", "port", port, "tag")
    until(lambda: host.column(port, "tag") == "10", "the tag is put right")
    until(lambda: causes(agent) == ["libvirt-cleared"], "drift is listed")


def test_first_contact_moves_nobody(host):
    """Somebody placed this VM by hand, before there was an agent."""
    _, _, mac, port = host.start_vm("web1", 1, 10)
    host.start_vm("web2", 2, 10)
    host.vsctl("set", "port", port, "tag=77")

    agent = host.agent()
    until(lambda: is_in_state(agent, "web1", mac, "drifted"), "it is reported")
    wait_ready(agent, "web2", vm_mac(2))
    assert host.column(port, "tag") == "77"
    assert agent.status()["column_repairs"] == 0
    # The patch pair, and the mark of the right one.
    assert agent.transactions() == 2
    assert causes(agent) == ["first-contact"]
    plan, = agent.json("plan")
    assert (plan["kind"], plan["reason"]) == ("report", "first-contact")
    assert agent.vnics()["web1", mac]["reason"] == (
        "first-contact: VLAN 77 in the switch, 10 meant")

    did, = agent.json("reconcile")
    assert (did["kind"], did["before"], did["after"]) == ("set", "77", "10")
    assert host.column(port, "tag") == "10"
    wait_ready(agent, "web1", mac)


def test_no_vlan_is_no_intent(host):
    """Without <vlan> nothing is written, and what is there is shown."""
    for number, vlan in ((1, []), (2, ["tag=77"])):
        host.plug(f"tap{number}", vm_uuid(number), vm_mac(number), vlan)
        host.start_domain(f"web{number}", vm_uuid(number),
                          (vm_mac(number), f"tap{number}", ""))
    agent = host.agent()
    wait_ready(agent, "web1", vm_mac(1))
    wait_ready(agent, "web2", vm_mac(2))
    vnics = agent.vnics()
    assert vnics["web1", vm_mac(1)]["reason"] == "untagged-trunk"
    assert vnics["web2", vm_mac(2)]["reason"] == "vlan-not-in-xml"
    assert vnics["web2", vm_mac(2)]["tag"] == 77
    assert host.column("tap2", "tag") == "77"
    assert agent.status()["column_repairs"] == 0


def test_fake_bridge(host, agent):
    host.vsctl("add-br", "br0v10", "br0", "10")
    host.plug("tap1", vm_uuid(1), vm_mac(1), bridge="br0v10")
    host.start_domain("web1", vm_uuid(1),
                      (vm_mac(1), "tap1", "", "br0v10"))
    wait_ready(agent, "web1", vm_mac(1))
    vnic = agent.vnics()["web1", vm_mac(1)]
    assert (vnic["bridge"], vnic["tag"]) == ("br0", 10)
    shown, = agent.json("vnic/show", "web1")
    assert shown["vlan_source"] == "fake bridge br0v10"

    host.vsctl("set", "port", "tap1", "tag=20")
    until(lambda: host.column("tap1", "tag") == "10", "the tag is put right")


def test_quarantine_costs_one_vnic(host, agent):
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=7"])
    host.start_domain("web1", vm_uuid(1), (vm_mac(1), "tap1", access(0)))
    host.start_vm("web2", 2, 10)
    until(lambda: is_in_state(agent, "web1", vm_mac(1), "quarantined"),
          "web1 is quarantined")
    wait_ready(agent, "web2", vm_mac(2))
    assert agent.vnics()["web1", vm_mac(1)]["reason"] == (
        f"domain web1, interface {vm_mac(1)}: VLAN 0 is out of range "
        "(1..4094)")
    assert host.column("tap1", "tag") == "7"


def test_newcomer_with_a_taken_mac(host, agent):
    mac = vm_mac(1)
    host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    host.plug("tap2", vm_uuid(2), mac, ["tag=10"])
    host.start_domain("twin", vm_uuid(2), (mac, "tap2", access(10)))
    until(lambda: is_in_state(agent, "twin", mac, "quarantined"),
          "the newcomer is quarantined")
    assert f"web1/{mac}" in agent.vnics()["twin", mac]["reason"]
    wait_ready(agent, "web1", mac)


def test_starting_domain_is_right_before_libvirt_says_so(host, agent):
    """libvirt plugs first; the definition tells what is meant."""
    xml = host.domain_xml("web1", vm_uuid(1),
                          (vm_mac(1), "tap1", access(10)))
    domain = host.libvirt.defineXML(xml)
    until(lambda: agent.status()["libvirt"][0]["domains"] == 1,
          "the definition is known")
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=55"])
    until(lambda: host.column("tap1", "tag") == "10", "the tag is put right")
    domain.create()
    wait_ready(agent, "web1", vm_mac(1))


def test_burst_is_one_transaction(host, agent):
    """200 VMs, all with another VM's VLAN, come while the agent looks away: a
    pass has one transaction, and as many VMs as libvirt has told of by
    then."""
    count = 200
    args = []
    for n in range(count):
        args += host.plug_args(f"tap{n}", vm_uuid(n), vm_mac(n), ["tag=7"])
    host.send("ovs-vswitchd", signal.SIGSTOP)   # No port opens meanwhile.
    host.vsctl("--no-wait", *args[1:])
    until(lambda: len(agent.json("vnic/list")) == count, "the rows are seen")
    assert agent.transactions() == 0

    agent.send(signal.SIGSTOP)
    for n in range(count):
        host.start_domain(f"web{n}", vm_uuid(n),
                          (vm_mac(n), f"tap{n}", access(10)))
    agent.send(signal.SIGCONT)
    until(lambda: agent.status()["column_repairs"] == count,
          "all are put right", timeout=30)
    assert agent.transactions() <= 3

    host.send("ovs-vswitchd", signal.SIGCONT)
    until(lambda: agent.status()["vnics"]["ready"] == count, "all are ready",
          timeout=30)
    assert agent.transactions() <= agent.status()["passes"]


def test_foreign_rows_and_keys_are_never_written(host, agent):
    host.vsctl("add-port", "br0", "eth9", "tag=5", "--", "set", "interface",
               "eth9", "type=dummy", "external-ids:owner=me")
    _, _, mac, port = host.start_vm("web1", 1, 10)
    host.vsctl("set", "port", port, "external-ids:owner=me", "--", "set",
               "interface", port, "external-ids:mine=yes")
    wait_ready(agent, "web1", mac)
    before = host.vsctl("list", "port", "eth9"), host.vsctl(
        "--columns=external_ids,type,mtu_request", "list", "interface", "eth9")

    host.vsctl("set", "port", port, "tag=20")
    until(lambda: host.column(port, "tag") == "10", "the tag is put right")
    after = host.vsctl("list", "port", "eth9"), host.vsctl(
        "--columns=external_ids,type,mtu_request", "list", "interface", "eth9")
    assert before == after
    assert host.column(port, "external_ids:owner") == "me"
    assert host.column(port, "external_ids:mine", "interface") == '"yes"' or \
        host.column(port, "external_ids:mine", "interface") == "yes"


def test_unknown_guests_are_shown_and_left_alone(host, agent):
    host.plug("other0", vm_uuid(9), vm_mac(9), ["tag=9"])
    until(lambda: is_in_state(agent, None, vm_mac(9), "unmanaged"),
          "the row is shown")
    host.vsctl("set", "port", "other0", "tag=8")
    agent.ask("reconcile")
    assert host.column("other0", "tag") == "8"
    assert agent.transactions() == 0


def test_a_port_whose_keys_are_wrong_is_told_of(host, agent):
    """libvirt says that web1 has this port, the port says something else."""
    _, _, mac, port = host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    for key, value, reason in (
            ("vm-id", vm_uuid(9), f"but its vm-id is {vm_uuid(9)}, another "
                                  "domain's"),
            ("attached-mac", vm_mac(9), f"but its attached-mac is "
                                        f"{vm_mac(9)}")):
        right = host.column(port, f"external_ids:{key}", "interface")
        host.vsctl("set", "interface", port,
                   f'external_ids:{key}="{value}"')
        sentence = f"port {port} is there, {reason}"
        until(lambda: agent.vnics()["web1", mac]["reason"] == sentence,
              sentence)
        assert f"web1/{mac}: {sentence}" in agent.status()["warnings"]
        host.vsctl("set", "interface", port, f"external_ids:{key}={right}")
        wait_ready(agent, "web1", mac)


@pytest.mark.parametrize("damage", [
    ("clear", "interface", "{port}", "external_ids"),
    ("set", "interface", "{port}", "external_ids:vm-id=garbled"),
    ("del-port", "{port}", "--", "add-port", "br0", "{port}"),
], ids=("cleared", "garbled", "made anew"))
def test_keys_that_are_lost_are_put_back(host, agent, damage):
    """Without them it would be no guest's port, and switched past all
    flows."""
    _, vm_id, mac, port = host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    transactions = agent.transactions()
    host.vsctl(*(word.format(port=port) for word in damage))
    until(lambda: agent.json("drift/list"), "drift is listed")
    wait_ready(agent, "web1", mac)
    entry, = (entry for entry in agent.json("drift/list")
              if entry["column"] == "external_ids")
    assert (entry["found"], entry["restored"], entry["cause"]) == (
        "missing", "libvirt's keys", "operator")
    assert vm_id in host.column(port, "external_ids:vm-id", "interface")
    assert host.column(port, "tag") == "10"
    assert agent.transactions() <= transactions + 2


def test_lost_keys_are_only_reported_where_settings_say_so(host, agent):
    _, _, mac, port = host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    transactions = agent.transactions()
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-drift=report")
    host.vsctl("clear", "interface", port, "external_ids")
    until(lambda: is_in_state(agent, "web1", mac, "drifted"), "it is reported")
    assert agent.vnics()["web1", mac]["reason"] == (
        f"operator: port {port} has lost libvirt's keys")
    assert [op["kind"] for op in agent.json("plan")] == ["report"]
    assert agent.transactions() == transactions
    host.vsctl("remove", "bridge", "br0", "external_ids", "vnicd-drift")
    wait_ready(agent, "web1", mac)


def test_listings_answer_while_libvirt_hangs(host, agent):
    _, _, mac, port = host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    host.send("libvirtd", signal.SIGSTOP)
    try:
        host.vsctl("set", "port", port, "tag=20")
        for command in ("status", "vnic/list", "vlan/show", "plan",
                        "drift/list"):
            start = time.monotonic()
            agent.ask(command)
            assert time.monotonic() - start < 1     # A loaded machine.
        until(lambda: host.column(port, "tag") == "10",
              "the tag is put right without libvirt")
    finally:
        host.send("libvirtd", signal.SIGCONT)


def test_vnicctl_asks_the_same(host, agent):
    _, _, mac, _ = host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    result = subprocess.run([host.program("vnicctl"), "list"], env=host.env,
                            capture_output=True, text=True, timeout=20)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == agent.ask("vnic/list").strip()


def test_tables_line_up(host, agent):
    """Every character here is one column of a terminal."""
    for number, name in ((1, "Büro-é"), (2, "web")):
        host.start_vm(name, number, 10)
        wait_ready(agent, name, vm_mac(number))
    table = host.run(host.program("vnicctl"), "list").stdout.splitlines()
    column = table[0].index("STATE")
    assert [line[column:].split()[0] for line in table[2:]] == ["ready"] * 2


def test_nobody_wins_a_fight(host, agent):
    _, _, mac, port = host.start_vm("web1", 1, 10)
    wait_ready(agent, "web1", mac)
    for _ in range(6):
        host.vsctl("set", "port", port, "tag=20")
        until(lambda: host.column(port, "tag") == "10", "it is put right")
    host.vsctl("set", "port", port, "tag=20")
    until(lambda: [op["kind"] for op in agent.json("plan")] == ["back-off"],
          "the agent backs off")
    assert "trying once a minute" in agent.vnics()["web1", mac]["reason"]
    assert agent.status()["warnings"] == [
        f"drifted: 1 vNIC (web1/{mac})",
        f"port {port}: somebody sets tag to 20 again and again, put right 6 "
        "times; trying once a minute"]
    assert host.column(port, "tag") == "20"

    # The man page's way to find out who.
    log = host.run("ovsdb-tool", "show-log", "-m", host.database).stdout
    assert (f'ovs-vsctl set port {port} tag=20"\n  table Port row "{port}"'
            in log)

    agent.ask("reconcile")              # An operator has the last word.
    assert host.column(port, "tag") == "10"


def test_other_types_are_shown_and_left_alone(host, agent):
    xml = host.domain_xml("web1", vm_uuid(1), (vm_mac(1), "tap1", access(10)))
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=10"])
    host.libvirt.createXML(xml.replace(
        "</devices>", "<interface type='direct'>"
        f"<mac address='{vm_mac(2)}'/><source dev='eth0' mode='passthrough'/>"
        f"{access(20)}<target dev='mtap9'/></interface></devices>"))
    wait_ready(agent, "web1", vm_mac(1))
    listed = agent.vnics()["web1", vm_mac(2)]
    assert (listed["state"], listed["tag"], listed["port"]) == (
        "unmanaged", 20, "mtap9")
    assert "passthrough on eth0" in listed["reason"]
    shown, = agent.json("vnic/show", f"web1/{vm_mac(2)}")
    assert (shown["type"], shown["source_device"], shown["macvtap_mode"],
            shown["vlan"], shown["vlan_source"]) == (
        "direct", "eth0", "passthrough", "20", "interface")
