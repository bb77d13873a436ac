# SPDX-License-Identifier: Apache-2.0
"""What a vNIC may do, as metadata and settings say it: decided and shown."""

import libvirt
import pytest

from host import access, until, vm_mac, vm_uuid
from test_metadata import URI, say, vnic, wait_ready

ISOLATED = "<isolation class='isolated'/>"
WEB = ("<isolation class='community' group='web'/><guard level='enforce'/>"
       "<allow service='dhcp-server'/><allow service='lldp'/>"
       "<address ip='10.0.0.5'/><address ip='2001:db8::/64' vlan='10'/>"
       "<address ip='10.0.0.100' mac='00:00:5e:00:01:07'/>")
POLICY_KEYS = ("isolation", "community", "guard", "services", "addresses")


def policy(agent):
    """The policy of web1 and, apart, who said it."""
    shown, *_ = agent.json("vnic/show", "web1")
    return ({key: shown[key] for key in POLICY_KEYS},
            {key: shown[key + "_source"] for key in POLICY_KEYS
             if key != "community"})


def listed(agent):
    shown = vnic(agent)
    return shown["isolation"], shown["community"], shown["guard"]


def set_host(host, setting):
    host.vsctl("set", "Open_vSwitch", ".", f"external_ids:{setting}")


def set_bridge(host, setting):
    host.vsctl("set", "bridge", "br0", f"external_ids:{setting}")


def test_a_change_of_it_alone_is_followed(host, agent):
    domain, *_ = host.start_vm("web1", 1, 10)
    wait_ready(agent)
    assert listed(agent) == ("promiscuous", None, "monitor")
    before = agent.transactions()
    say(domain, ISOLATED)
    until(lambda: listed(agent) == ("isolated", None, "monitor"), "isolated")
    say(domain, WEB)
    until(lambda: listed(agent) == ("community", "web", "enforce"), "web")
    assert "community web" in agent.ask("vnic/list")
    say(domain, None)
    until(lambda: listed(agent) == ("promiscuous", None, "monitor"), "as was")
    until(lambda: vnic(agent)["state"] == "ready", "its flows are there")
    until(lambda: "vnicd-isolation" not in host.column(
        "tap1", "external_ids", "interface"), "no class is noted any more")
    assert agent.transactions() <= before + 3   # One for each class.


def test_all_of_it_is_shown(host, agent):
    domain, *_ = host.start_vm("web1", 1, 10)
    wait_ready(agent)
    say(domain, WEB)
    until(lambda: vnic(agent)["isolation"] == "community", "it is followed")
    meant, sources = policy(agent)
    assert meant == {
        "isolation": "community", "community": "web", "guard": "enforce",
        "services": ["dhcp-server", "lldp"],
        "addresses": ["10.0.0.5", "2001:db8::/64 in VLAN 10",
                      "10.0.0.100 of 00:00:5e:00:01:07"]}
    assert set(sources.values()) == {"metadata"}

    say(domain, ISOLATED)
    set_host(host, "vnicd-guard=off")
    until(lambda: listed(agent) == ("isolated", None, "off"), "the host's")
    assert policy(agent)[1] == {"isolation": "metadata", "guard": "host",
                                "services": "default", "addresses": "default"}
    set_bridge(host, "vnicd-guard=enforce")
    until(lambda: listed(agent) == ("isolated", None, "enforce"), "bridge's")
    assert policy(agent)[1]["guard"] == "bridge"


def test_settings_bind_it(host, agent):
    domain, *_ = host.start_vm("web1", 1, 10)
    wait_ready(agent)
    set_host(host, "vnicd-metadata=stricter")
    say(domain, ISOLATED + "<guard level='off'/><allow service='bpdu'/>"
        "<address ip='10.0.0.5'/>")
    until(lambda: vnic(agent)["isolation"] == "isolated", "a class binds")
    assert vnic(agent)["guard"] == "monitor"
    assert vnic(agent)["reason"] == (
        "metadata is not followed (vnicd-metadata=stricter) where it allows "
        "more: guard off, service bpdu")
    assert policy(agent)[0]["addresses"] == ["10.0.0.5"]
    set_bridge(host, "vnicd-metadata=none")
    until(lambda: vnic(agent)["isolation"] == "promiscuous", "nothing does")
    assert policy(agent)[0]["addresses"] == []


def test_a_slip_leaves_the_last_good(host, agent):
    domain, *_ = host.start_vm("web1", 1, 10)
    wait_ready(agent)
    say(domain, ISOLATED)
    until(lambda: vnic(agent)["isolation"] == "isolated", "it is followed")
    for slip, sentence in (
            ("<address ip='10.0.0.256'/>", "'10.0.0.256' is neither an IP"),
            ("<allow service='any-mac'/>", "any-mac is for class promiscuous")):
        say(domain, ISOLATED + slip)
        until(lambda: sentence in (vnic(agent)["reason"] or ""), "a sentence")
        assert vnic(agent)["state"] == "quarantined"
        meant, sources = policy(agent)
        assert meant["isolation"] == "isolated"
        assert sources["isolation"] == "last good metadata"

    # What an agent has not seen itself it does not know.
    agent.stop()
    agent.start()
    until(lambda: vnic(agent).get("state") == "quarantined", "it still is")
    assert listed(agent) == (None, None, None)
    say(domain, ISOLATED)
    wait_ready(agent)


SLIPS = {
    "no wrapper": (f"<vnic mac='{vm_mac(1)}'>{ISOLATED}</vnic>",
                   "element <vnic> is in the place of <vnics>"),
    "no mac": (f"<vnics><vnic MAC='{vm_mac(1)}'>{ISOLATED}</vnic></vnics>",
               "<vnic> has no mac"),
    "malformed mac": ("<vnics><vnic mac='52-54-00-00-00-01'/></vnics>",
                      "MAC address '52-54-00-00-00-01' is malformed"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_that_may_be_about_any_vnic_holds_all(host, agent, slip):
    """Whom it was to bind nobody can tell."""
    xml, sentence = SLIPS[slip]
    ports = {vm_mac(n): f"tap{n}" for n in (1, 2)}
    for mac, port in ports.items():
        host.plug(port, vm_uuid(1), mac, ["tag=10"])
    domain = host.start_domain("web1", vm_uuid(1), *(
        (mac, port, access(10)) for mac, port in ports.items()))
    say(domain, ISOLATED)
    until(lambda: vnic(agent).get("isolation") == "isolated", "followed")
    until(lambda: set(agent.states().values()) == {"ready"}, "both are ready")

    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, xml, "vnicd", URI,
                       libvirt.VIR_DOMAIN_AFFECT_LIVE)
    until(lambda: set(agent.states().values()) == {"quarantined"}, "held")
    for mac in ports:
        assert agent.vnics()["web1", mac]["reason"] == (
            f"domain web1, interface {mac}: metadata: {sentence}; last good "
            "VLAN 10 in force")
    assert f"domain web1: metadata: {sentence}" in agent.status()["warnings"]
    assert listed(agent) == ("isolated", None, "monitor")
    assert policy(agent)[1]["isolation"] == "last good metadata"

    set_host(host, "vnicd-metadata=none")
    until(lambda: set(agent.states().values()) == {"ready"}, "it counts not")


def test_one_address_of_two_is_told(host, agent):
    domains = [host.start_vm(f"web{n}", n, 10)[0] for n in (1, 2)]
    for n, domain in enumerate(domains, 1):
        say(domain, "<address ip='10.0.0.5'/>", mac=vm_mac(n))
    warning = (f"address-shared: 2 vNICs (web1/{vm_mac(1)}, "
               f"web2/{vm_mac(2)})")
    until(lambda: warning in agent.status()["warnings"], "it is a warning")
    wait_ready(agent)           # Until then its flows are the reason.
    assert vnic(agent)["reason"] == (
        f"address 10.0.0.5 is also that of web2/{vm_mac(2)}")
    say(domains[1], "<address ip='10.0.0.6'/>", mac=vm_mac(2))
    until(lambda: vnic(agent)["reason"] is None, "they are told apart")


def test_a_taken_mac_keeps_its_vlan_and_waits(host, agent):
    host.start_vm("web1", 1, 10)
    wait_ready(agent)
    mac = vm_mac(1)
    host.plug("tap2", vm_uuid(2), mac, ["tag=99"])
    host.start_domain("twin", vm_uuid(2), (mac, "tap2", access(10)))
    until(lambda: host.column("tap2", "tag") == "10", "its VLAN is right")
    twin = agent.vnics()["twin", mac]
    assert twin["state"] == "quarantined"
    assert f"web1/{mac}" in twin["reason"]
    ids = host.vsctl("get", "interface", "tap2", "external_ids")
    assert "vnicd-ready" not in ids

    host.libvirt.lookupByName("web1").destroy()
    until(lambda: agent.states()["twin", mac] == "ready", "its turn")
