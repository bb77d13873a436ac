# SPDX-License-Identifier: Apache-2.0
"""Settings in the database: they take effect at once, bad ones change
nothing."""

from host import until, vm_mac, vm_uuid


def state(agent, name, number):
    return agent.states().get((name, vm_mac(number)))


def set_bridge(host, setting):
    host.vsctl("set", "bridge", "br0", f"external_ids:{setting}")


def start_ready(host, agent, number=1):
    _, _, mac, port = host.start_vm(f"web{number}", number, 10)
    until(lambda: state(agent, f"web{number}", number) == "ready", "ready")
    return port


def test_drift_is_only_reported(host, agent):
    port = start_ready(host, agent)
    host.vsctl("set", "Open_vSwitch", ".", "external_ids:vnicd-drift=report")
    host.vsctl("set", "port", port, "tag=20")
    until(lambda: state(agent, "web1", 1) == "drifted", "drift is reported")
    entry, = until(lambda: agent.json("drift/list"), "drift is listed")
    assert (entry["cause"], entry["restored"]) == ("operator", None)
    assert host.column(port, "tag") == "20"

    set_bridge(host, "vnicd-drift=fix")         # Goes before the host's.
    until(lambda: host.column(port, "tag") == "10", "the tag is put right")


def test_written_fix_is_for_first_contact_too(host):
    _, _, _, port = host.start_vm("web1", 1, 10)
    host.vsctl("set", "port", port, "tag=77")
    agent = host.agent()
    until(lambda: state(agent, "web1", 1) == "drifted", "it is reported")
    set_bridge(host, "vnicd-drift=fix")
    until(lambda: host.column(port, "tag") == "10", "the tag is put right")


def test_unmanaged_bridge_bears_no_trace(host, agent):
    port = start_ready(host, agent)
    set_bridge(host, "vnicd-manage=no")
    until(lambda: "vnicd" not in host.column(port, "external_ids",
                                             "interface"), "the mark goes")
    host.vsctl("set", "port", port, "tag=20")
    until(lambda: agent.vnics()["web1", vm_mac(1)]["state"] == "unmanaged",
          "it is not ours")
    assert host.column(port, "tag") == "20"

    # Ours again: what somebody did meanwhile is met for the first time.
    host.vsctl("remove", "bridge", "br0", "external_ids", "vnicd-manage")
    until(lambda: state(agent, "web1", 1) == "drifted", "it is reported")
    assert agent.json("drift/list")[-1]["cause"] == "first-contact"
    assert host.column(port, "tag") == "20"
    agent.ask("reconcile")
    assert host.column(port, "tag") == "10"


def test_an_operator_who_changes_his_mind_is_no_fight(host, agent):
    port = start_ready(host, agent)
    for _ in range(8):
        set_bridge(host, "vnicd-manage=no")
        until(lambda: "vnicd" not in host.column(port, "external_ids",
                                                 "interface"), "no trace")
        host.vsctl("remove", "bridge", "br0", "external_ids", "vnicd-manage")
        until(lambda: state(agent, "web1", 1) == "ready", "it is ready")
    assert agent.status()["warnings"] == []


def test_bridge_with_a_controller_is_somebody_elses(host, agent):
    host.vsctl("set-controller", "br0", f"punix:{host.rundir}/none.sock")
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=7"])
    host.start_domain("web1", vm_uuid(1),
                      (vm_mac(1), "tap1", "<vlan><tag id='10'/></vlan>"))
    until(lambda: state(agent, "web1", 1) == "unmanaged", "it is not ours")
    assert host.column("tap1", "tag") == "7"
    bridge, = agent.json("bridge/list")
    assert (bridge["bridge"], bridge["managed"]) == ("br0", False)
    set_bridge(host, "vnicd-manage=yes")
    until(lambda: state(agent, "web1", 1) == "drifted", "it is reported")
    agent.ask("reconcile")
    assert host.column("tap1", "tag") == "10"


def test_default_vlan(host, agent):
    set_bridge(host, "vnicd-default-vlan=99")
    host.plug("tap1", vm_uuid(1), vm_mac(1))
    host.start_domain("web1", vm_uuid(1), (vm_mac(1), "tap1", ""))
    until(lambda: host.column("tap1", "tag") == "99", "the default is set")
    until(lambda: state(agent, "web1", 1) == "ready", "ready")
    shown, = agent.json("vnic/show", "web1")
    assert shown["vlan_source"] == "vnicd-default-vlan"


def test_bridges_are_listed_with_what_is_in_force(host, agent):
    host.vsctl("add-port", "br0", "eth9", "--", "set", "interface", "eth9",
               "type=dummy", "--", "set", "bridge", "br0", "fail_mode=secure",
               "external_ids:vnicd-follow=no",
               "external_ids:vnicd-guard=enforce",
               "external_ids:vnicd-orphans=report", "--", "set",
               "Open_vSwitch", ".", "external_ids:vnicd-guard=off",
               "external_ids:vnicd-unknown-address=drop")
    bridge = until(lambda: next((b for b in agent.json("bridge/list")
                                 if b["uplinks"]), None), "it is listed")
    assert bridge == {"bridge": "br0", "managed": True,
                      "fail_mode": "secure", "drift": "fix", "follow": False,
                      "default_vlan": None, "orphans": "report",
                      "metadata": "all",
                      "guard": "enforce", "fail_mode_setting": "keep",
                      "unknown_address": "drop", "unknown_port": "drop",
                      "no_intent": "row",
                      "said_by": ["vnicd-follow: bridge",
                                  "vnicd-orphans: bridge",
                                  "vnicd-guard: bridge",
                                  "vnicd-unknown-address: host"],
                      "uplinks": ["eth9"], "connected": None}
    assert "eth9" in agent.ask("bridge/list")


def test_bad_values_are_reported(host, agent):
    set_bridge(host, "vnicd-default-vlan=4095")
    set_bridge(host, "vnicd-frob=1")
    port = start_ready(host, agent)
    warnings = agent.status()["warnings"]
    assert ("bridge br0: vnicd-default-vlan='4095' must be empty or "
            "1..4094") in warnings
    assert "bridge br0: there is no setting 'vnicd-frob'" in warnings
    assert host.column(port, "tag") == "10"
