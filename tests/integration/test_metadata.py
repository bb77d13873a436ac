# SPDX-License-Identifier: Apache-2.0
"""What a domain's metadata says to the agent, and how far it counts."""

import libvirt
from host import access, until, vm_mac, vm_uuid

URI = "urn:vnicd:domain:1"
TRUNK = "<vlan mode='trunk' trunks='10,20-29'/>"
TUNNEL = "<vlan mode='dot1q-tunnel' tag='100' cvlans='7,8'/>"


def say(domain, content, mac=vm_mac(1)):
    """Gives a running domain its metadata; None takes it away."""
    xml = content and f"<vnics><vnic mac='{mac}'>{content}</vnic></vnics>"
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, xml, "vnicd", URI,
                       libvirt.VIR_DOMAIN_AFFECT_LIVE)


def xml_with_metadata(host, content, vlan=access(10)):
    """web1 with metadata from the start."""
    xml = host.domain_xml("web1", vm_uuid(1), (vm_mac(1), "tap1", vlan))
    return xml.replace("<devices>", f"<metadata><v:vnics xmlns:v='{URI}'>"
                       f"<v:vnic mac='{vm_mac(1)}'>{content}</v:vnic>"
                       "</v:vnics></metadata><devices>")


def columns(host, port="tap1"):
    return tuple(host.column(port, column)
                 for column in ("vlan_mode", "tag", "trunks", "cvlans"))


def vnic(agent):
    return agent.vnics().get(("web1", vm_mac(1)), {})


def wait_ready(agent):
    until(lambda: vnic(agent).get("state") == "ready", "it is ready")


def test_changes_are_followed_at_once(host, agent):
    domain, *_ = host.start_vm("web1", 1, 10)
    wait_ready(agent)
    say(domain, TRUNK)
    trunks = str([10, *range(20, 30)])
    until(lambda: columns(host) == ("[]", "[]", trunks, "[]"), "a trunk")
    wait_ready(agent)
    shown, = agent.json("vnic/show", "web1")
    assert shown["vlan_source"] == "metadata"
    assert shown["vlan"] == "trunk 10,20-29"
    assert not agent.json("drift/list")         # The intent has changed.

    say(domain, None)
    until(lambda: columns(host) == ("[]", "10", "[]", "[]"), "as in the XML")
    assert not agent.json("drift/list")


def test_bad_metadata_costs_its_vnic_only(host, agent):
    domain, *_ = host.start_vm("web1", 1, 10)
    host.start_vm("web2", 2, 20)
    wait_ready(agent)
    say(domain, TRUNK + "<rate limit='1000'/>")
    until(lambda: vnic(agent)["state"] == "quarantined", "it is quarantined")
    assert "metadata: element <rate> is unknown" in vnic(agent)["reason"]
    assert columns(host) == ("[]", "10", "[]", "[]")    # The last good ones.
    assert agent.states()["web2", vm_mac(2)] == "ready"


def test_metadata_of_no_interface_is_a_warning(host, agent):
    domain, *_ = host.start_vm("web1", 1, 10)
    say(domain, TRUNK, mac=vm_mac(9))
    warning = f"domain web1: metadata: no interface has MAC {vm_mac(9)}"
    until(lambda: warning in agent.status()["warnings"], "it is a warning")
    wait_ready(agent)
    assert columns(host) == ("[]", "10", "[]", "[]")
    say(domain, None)
    until(lambda: warning not in agent.status()["warnings"], "it is gone")


def test_settings_bind_it(host, agent):
    domain, *_ = host.start_vm("web1", 1, 10)
    say(domain, TRUNK)
    until(lambda: columns(host)[1] == "[]", "it is followed")
    host.vsctl("set", "Open_vSwitch", ".",
               "external_ids:vnicd-metadata=stricter")
    until(lambda: columns(host) == ("[]", "10", "[]", "[]"), "it is not")
    until(lambda: "vnicd-metadata=stricter" in (vnic(agent)["reason"] or ""),
          "it says why")
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-metadata=all")
    until(lambda: columns(host)[1] == "[]", "it is followed again")
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-metadata=none")
    until(lambda: columns(host)[1] == "10", "it is not")


def test_plug_follows_it_where_drift_is_only_reported(host, agent):
    host.vsctl("set", "bridge", "br0", "external_ids:vnicd-drift=report")
    host.plug("tap1", vm_uuid(1), vm_mac(1), ["tag=10"])
    host.libvirt.createXML(xml_with_metadata(
        host, "<v:vlan mode='native-untagged' tag='20' trunks='30'/>"))
    until(lambda: columns(host) == ("native-untagged", "20", "[20, 30]", "[]"),
          "it is followed")
    wait_ready(agent)
    assert not agent.json("drift/list")


def test_customer_vlans_wait_for_the_vlan_limit(host, agent):
    host.plug("tap1", vm_uuid(1), vm_mac(1))
    domain = host.start_domain("web1", vm_uuid(1), (vm_mac(1), "tap1", ""))
    say(domain, TUNNEL)
    until(lambda: vnic(agent).get("state") == "quarantined", "quarantined")
    assert "other_config:vlan-limit is 1" in vnic(agent)["reason"]
    assert columns(host) == ("[]", "[]", "[]", "[]")
    assert host.vsctl("get", "Open_vSwitch", ".", "other_config") == "{}"

    host.vsctl("set", "Open_vSwitch", ".", "other_config:vlan-limit=2")
    until(lambda: columns(host) == ("dot1q-tunnel", "100", "[]", "[7, 8]"),
          "a tunnel")
    wait_ready(agent)
    assert vnic(agent)["cvlans"] == [7, 8]
