# SPDX-License-Identifier: Apache-2.0
"""What only metadata can say: a dot1q-tunnel, with real double-tagged frames,
and what a vNIC may do.

Guest 'customer' is on the tunnel; guest 'provider', which is on every VLAN,
stands for what is behind the uplink and sees both tags.
"""

import time

import pytest

import switch
from hostbox import Nic, Vlan
from policy import URI, say

BROADCAST = "ffffffffffff"
ETHERTYPE = "88b5"
SERVICE = "88a80064"                # 802.1ad, VLAN 100
TUNNEL = switch.vlan("dot1q-tunnel", 100)
TUNNEL_OF_TWO = switch.vlan("dot1q-tunnel", 100, cvlans=[7, 8])


@pytest.fixture(scope="module")
def guests(box):
    running = {"customer": box.add_guest("customer",
                                         Nic(vlan=Vlan.access(10)),
                                         wait=False),
               "provider": box.add_guest("provider", Nic(), wait=False)}
    for guest in running.values():
        guest.wait_ready()
        guest.check("ip link set eth0 up")
    return running


@pytest.fixture
def customer(guests, box, agent):
    """Says nothing in its metadata when the test ends, and is on the VLAN of
    its interface again before anybody asks whether the host is settled."""
    customer = guests["customer"]
    yield customer
    box.virsh("metadata", "customer", "--live", "--uri", URI, "--remove")
    wait_columns(agent, box, customer, switch.vlan(None, 10))


@pytest.fixture
def vlan_limit(box):
    """A function that sets how many tags the switch looks at."""
    def set_limit(limit):
        box.vsctl("set", "Open_vSwitch", ".",
                  f"other_config:vlan-limit={limit}")
    yield set_limit
    box.vsctl("remove", "Open_vSwitch", ".", "other_config", "vlan-limit")


def say_tunnel(box, guest, cvlans=""):
    cvlans = cvlans and f" cvlans='{cvlans}'"
    say(box, guest, f"<vlan mode='dot1q-tunnel' tag='100'{cvlans}/>")


def customer_tag(vid):
    return f"8100{vid:04x}" if vid else ""


def transfer(source, target, tags, number):
    """Sends a frame with 'tags' (hex); returns what arrives, the tags that
    stand between the addresses and the type, frame by frame."""
    addresses = BROADCAST + source.macs()[0].replace(":", "")
    payload = f"c0de{number:04x}" * 12
    with target.capture(payload) as frames:
        source.send_frame(f"{addresses}{tags}{ETHERTYPE}{payload}")
    for frame in frames:
        assert frame.startswith(addresses) and frame.endswith(payload)
    return [frame[len(addresses):frame.index(ETHERTYPE + payload)]
            for frame in frames]


def wait_columns(agent, box, guest, columns):
    agent.wait_repaired(guest.taps()[0], lambda found: found == columns)
    agent.wait_state(guest)


@pytest.mark.parametrize("vid, passes", [(7, True), (8, True), (9, False),
                                         (None, False)])
def test_customer_vlans_are_honoured(box, agent, guests, customer, vlan_limit,
                                     vid, passes):
    vlan_limit(2)
    say_tunnel(box, customer, "7-8")
    wait_columns(agent, box, customer, TUNNEL_OF_TWO)
    tag = customer_tag(vid)
    provider = guests["provider"]
    assert transfer(customer, provider, tag, 1) == (
        [SERVICE + tag] if passes else [])
    assert transfer(provider, customer, SERVICE + tag, 2) == (
        [tag] if passes else [])


@pytest.mark.parametrize("vid", [7, None])
@pytest.mark.parametrize("limit", [1, 2])
def test_tunnel_of_all_customer_vlans_needs_no_setting(
        box, agent, guests, customer, vlan_limit, vid, limit):
    vlan_limit(limit)
    say_tunnel(box, customer)
    wait_columns(agent, box, customer, TUNNEL)
    tag = customer_tag(vid)
    assert transfer(customer, guests["provider"], tag, 1) == [SERVICE + tag]
    assert transfer(guests["provider"], customer, SERVICE + tag, 2) == [tag]


def test_other_service_vlans_do_not_reach_the_tunnel(box, agent, guests,
                                                     customer):
    say_tunnel(box, customer)
    wait_columns(agent, box, customer, TUNNEL)
    assert transfer(guests["provider"], customer,
                    "88a80065" + customer_tag(7), 1) == []


def test_without_the_vlan_limit_it_is_quarantined(box, agent, customer,
                                                  vlan_limit):
    agent.wait_state(customer)
    say_tunnel(box, customer, "7-8")
    row = agent.wait_state(customer, "quarantined")
    assert "other_config:vlan-limit is 1" in row["reason"]
    assert switch.columns(box, row["port"]) == switch.vlan(None, 10)
    vlan_limit(0)
    wait_columns(agent, box, customer, TUNNEL_OF_TWO)


def test_a_switch_that_looks_at_one_tag_cuts_customer_vlans_off(
        box, agent, guests, customer, vlan_limit):
    """Why it is quarantined.  Should this ever fail, it need not be."""
    vlan_limit(2)
    say_tunnel(box, customer, "7-8")
    wait_columns(agent, box, customer, TUNNEL_OF_TWO)
    vlan_limit(1)
    agent.wait_state(customer, "quarantined")
    assert switch.columns(box, customer.taps()[0]) == TUNNEL_OF_TWO
    assert transfer(guests["provider"], customer,
                    SERVICE + customer_tag(7), 1) == []
    vlan_limit(2)
    agent.wait_state(customer)


def test_metadata_of_a_guest_that_stops_goes_with_it(box, agent, customer):
    """That of the definition is for the next start."""
    say(box, customer, "<vlan mode='access' tag='30'/>")
    wait_columns(agent, box, customer, switch.vlan(None, 30))
    box.virsh("metadata", "customer", "--config", "--uri", URI, "--key",
              "vnicd", "--set", f"<vnics><vnic mac='{customer.macs()[0]}'>"
              "<vlan mode='access' tag='40'/></vnic></vnics>")
    agent.call("reconcile")
    assert switch.columns(box, customer.taps()[0])["tag"] == 30
    customer.destroy()
    agent.wait_gone(customer)
    customer.start()
    customer.check("ip link set eth0 up")
    wait_columns(agent, box, customer, switch.vlan(None, 40))
    box.virsh("metadata", "customer", "--config", "--uri", URI, "--remove")


# Policies.


def wait_policy(agent, guest, isolation, guard):
    """Returns after how many seconds the guest has this policy."""
    began = time.monotonic()
    agent.wait_state(guest, isolation=isolation, guard=guard)
    return time.monotonic() - began


def test_a_policy_is_followed_within_a_second(box, agent, customer):
    agent.wait_state(customer, isolation="promiscuous", guard="monitor")
    before = agent.transactions()
    took = []
    for isolation, guard in (("isolated", "enforce"), ("promiscuous", "off"),
                             ("isolated", "monitor")):
        say(box, customer, f"<isolation class='{isolation}'/>"
            f"<guard level='{guard}'/><address ip='192.0.2.1'/>")
        took.append(wait_policy(agent, customer, isolation, guard))
    assert min(took) < 1, took
    box.virsh("metadata", "customer", "--live", "--uri", URI, "--remove")
    wait_policy(agent, customer, "promiscuous", "monitor")
    assert agent.transactions() <= before + 4   # What class it is of.


def test_a_policy_stays_while_libvirtd_is_away(box, agent, customer):
    agent.expect(r"\|virt_conn\|WARN\|.*libvirt")
    say(box, customer, "<isolation class='community' group='web'/>")
    wait_policy(agent, customer, "community", "monitor")
    libvirtd = box.daemon("libvirtd")
    libvirtd.stop()
    agent.wait_for(lambda: agent.status()["libvirt"][0]["state"] != "synced",
                   "libvirtd is missed")
    assert agent.vnic(customer)["community"] == "web"
    libvirtd.start()
    agent.wait_connected()
    assert agent.vnic(customer)["community"] == "web"
    say(box, customer, "<isolation class='isolated'/>")
    wait_policy(agent, customer, "isolated", "monitor")
