# SPDX-License-Identifier: Apache-2.0
"""A bridge that somebody else built goes on as before, with our flows on it.

Two real guests with an enforcing guard; next to them, one after the other,
whatever operators have on their bridges.  The faults would be silence, and a
frame that comes twice.
"""

import contextlib
import itertools
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostbox import Nic, Vlan, Wire, until

TAG = 10
GUESTS = ("one", "two")
HOST, FAR = "192.0.2.100", "192.0.2.200"
OUTSIDER = "52:54:00:00:77:77"
GROUP, GROUP_MAC = "239.1.2.3", "01:00:5e:01:02:03"
BROADCAST = "ff:ff:ff:ff:ff:ff"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def guests(box, boot):
    box.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    return boot({name: Nic(vlan=Vlan.access(TAG)) for name in GUESTS})


@pytest.fixture(autouse=True)
def ready(agent, guests):
    for guest in guests.values():
        agent.wait_state(guest)


# What is on the bridge.


@contextlib.contextmanager
def cable(box, device, *options):
    """A veth pair: yields the end that is outside.  The other one becomes a
    port with 'options', unless these are None."""
    far = f"{device}-far"
    box.run(["ip", "link", "add", device, "type", "veth", "peer", "name", far])
    for end in (device, far):
        box.run(["sysctl", "-q", f"net.ipv6.conf.{end}.disable_ipv6=1"])
        box.run(["ethtool", "-K", end, "tx", "off"])
        box.run(["ip", "link", "set", end, "up"])
    if options != (None,):
        box.vsctl("add-port", "br0", device, *options)
    try:
        yield far
    finally:
        box.vsctl("--if-exists", "del-port", device)
        box.run(["ip", "link", "del", device])


@contextlib.contextmanager
def bond(box, *options):
    """A bond of two cables: yields their far ends."""
    with cable(box, "m1", None) as one, cable(box, "m2", None) as two:
        box.vsctl("add-bond", "br0", "bond0", "m1", "m2", *options)
        try:
            yield one, two
        finally:
            box.vsctl("del-port", "bond0")


@contextlib.contextmanager
def active_backup(box):
    """Yields the far end of the active member first."""
    with bond(box, "bond_mode=active-backup") as ends:
        active = until(lambda: re.search(
            r"active member mac: [^(]*\((m\d)\)",
            box.appctl("bond/show", "bond0")),
            "the bond has an active member", timeout=10)[1]
        yield tuple(sorted(ends, key=lambda end: not end.startswith(active)))


@contextlib.contextmanager
def uplinks(box, *names):
    with contextlib.ExitStack() as stack:
        yield tuple(stack.enter_context(cable(box, name)) for name in names)


# Far ends, and those of them that get one copy together.
TOPOLOGIES = {
    "no-uplink": lambda box: uplinks(box),
    "uplink": lambda box: uplinks(box, "up0"),
    "two-uplinks": lambda box: uplinks(box, "up0", "up1"),
    "active-backup": active_backup,
}


@contextlib.contextmanager
def namespace(box, device, address):
    """'device' in a network namespace of its own, with an address: a
    container, or another host.  To guests, who remember it, it is always the
    same."""
    name = f"ns-{device}"
    box.run(["ip", "netns", "add", name])
    box.run(["ip", "link", "set", device, "address", OUTSIDER])
    box.run(["ip", "link", "set", device, "netns", name])
    for words in (["addr", "add", f"{address}/24", "dev", device],
                  ["link", "set", device, "up"]):
        box.run(["ip", "-n", name, *words])
    try:
        yield name
    finally:
        box.run(["ip", "-n", name, "link", "set", device, "netns", "1"])
        box.run(["ip", "netns", "del", name])


@pytest.fixture
def host_port(box):
    """The host's own port in the guests' VLAN, on a fake bridge.  'del-br'
    would delete the guests' ports, too."""
    box.vsctl("add-br", "host10", "br0", str(TAG))
    box.run(["ip", "addr", "add", f"{HOST}/24", "dev", "host10"])
    box.run(["ip", "link", "set", "host10", "up"])
    yield "host10"
    box.vsctl("--id=@port", "get", "port", "host10", "--", "remove", "bridge",
              "br0", "ports", "@port")


# Frames.


class Frames:
    """What is said on the bridge, and who hears it."""

    def __init__(self, box, guests, ends):
        self.guests = guests
        self.wires = {name: Wire(box, guest.taps()[0], is_tap=True)
                      for name, guest in guests.items()}
        self.wires.update({end: Wire(box, end) for end in ends})

    def close(self):
        for wire in self.wires.values():
            wire.close()

    def from_guest(self, dst=BROADCAST, last="two", name="one"):
        """How often each hears what guest 'name' says; 'last' hears all."""
        source = self.guests[name].macs()[0]

        def send(*payloads):
            self.guests[name].check("; ".join(
                f"guest-frame send eth0 {_frame(dst, source, p).hex()}"
                for p in payloads))
        return self._count(send, last)

    def from_outside(self, end, last, dst=BROADCAST, source=OUTSIDER):
        """How often each hears what comes in at 'end'; 'last' hears all."""
        def send(*payloads):
            for payload in payloads:
                self.wires[end].send(_frame(dst, source, payload, TAG))
        return self._count(send, last)

    def _count(self, send, last):
        """Those who have heard the first of two frames, once 'last' has
        heard the second."""
        payload, end = (b"frame-%010d-" % next(_numbers) * 2 for _ in "12")
        send(payload, end)
        heard = {name: 0 for name in self.wires}

        def is_over():
            found = False
            for name, wire in self.wires.items():
                for frame in wire.frames():
                    heard[name] += payload in frame
                    found |= name == last and end in frame
            return found
        until(is_over, f"{last} has heard everything", timeout=10)
        return {name: n for name, n in heard.items() if n}


def _frame(dst, src, payload, tag=None):
    """A frame of IPv4 from an address that nobody knows."""
    header = bytes.fromhex("4500003000000000" "40fd0000" "c0000263" "c00002ff")
    between = bytes.fromhex(f"8100{tag:04x}") if tag else b""
    return (bytes.fromhex((dst + src).replace(":", "")) + between
            + b"\x08\x00" + header + payload)


@pytest.fixture(params=TOPOLOGIES)
def frames(box, agent, guests, request):
    """On a bridge of each kind, multicast snooping off and on."""
    with TOPOLOGIES[request.param](box) as ends:
        agent.call("reconcile")
        frames = Frames(box, guests, ends)
        frames.topology = request.param
        frames.ends = ends
        yield frames
        frames.close()


@pytest.fixture(params=("flooding", "snooping"))
def snooping(box, request):
    box.vsctl("set", "bridge", "br0",
              f"mcast_snooping_enable={request.param == 'snooping'}".lower())
    yield
    box.vsctl("set", "bridge", "br0", "mcast_snooping_enable=false")


def test_a_broadcast_comes_once(frames, snooping):
    """To everybody else; over a bond, once over all of it."""
    heard = frames.from_guest()
    assert heard.pop("two") == 1
    assert "one" not in heard
    if frames.topology == "active-backup":
        assert sum(heard.values()) == 1
    else:
        assert heard == {end: 1 for end in frames.ends}


def test_a_broadcast_from_outside_comes_once(frames, snooping):
    """Over the idle member of a bond it does not come at all."""
    heard = []
    for end in frames.ends:
        if frames.topology == "active-backup" and heard:
            break
        found = frames.from_outside(end, "two")
        assert (found.pop("one"), found.pop("two")) == (1, 1)
        heard.append(found)
    others = {end: 1 for end in frames.ends[1:]}
    if frames.topology == "two-uplinks":
        assert heard == [others, {frames.ends[0]: 1}]
    else:
        assert heard in ([], [{}])


def test_who_joins_a_group_hears_it_once(box, frames, snooping):
    """Whoever has joined it by the switch's own knowledge, too."""
    one = frames.guests["one"]
    report = bytes.fromhex("1600f9faef010203")
    header = bytes.fromhex("4600002000000000" "01020000" "c0000201" "ef010203"
                           "94040000")
    one.send_frame((bytes.fromhex(GROUP_MAC.replace(":", "")
                                  + one.macs()[0].replace(":", ""))
                    + b"\x08\x00" + header + report).hex())
    for end in frames.ends[:1]:
        found = frames.from_outside(end, "one", GROUP_MAC)
        assert found["one"] == 1


@contextlib.contextmanager
def monitoring(box, agent):
    """The guard at its default: NORMAL learns, and so do we."""
    box.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=monitor")
    agent.call("reconcile")
    yield
    box.vsctl("set", "bridge", "br0", "external_ids:vnicd-guard=enforce")
    agent.call("reconcile")


def learn(box):
    """The switch learns from packets that it has forwarded by its cache when
    it next looks at that, and throws out of it what is wrong then."""
    for _ in range(2):
        box.appctl("revalidator/wait")


def test_what_is_for_outside_is_nobody_elses(box, agent, guests):
    """Also where any guest may have any address, and where one has moved:
    from a guest to another host, and back."""
    moving = guests["two"].macs()[0]
    with monitoring(box, agent), uplinks(box, "up0") as (end,):
        agent.call("reconcile")
        frames = Frames(box, guests, [end])
        frames.from_outside(end, "two")
        learn(box)
        assert frames.from_guest(OUTSIDER, last=end) == {end: 1}
        assert frames.from_guest(moving, last="two") == {"two": 1}
        frames.from_outside(end, "one", source=moving)
        learn(box)
        assert frames.from_guest(moving, last=end) == {end: 1}
        frames.from_guest(name="two", last="one")
        learn(box)
        assert frames.from_guest(moving, last="two") == {"two": 1}
        frames.close()


# Conversations.


def ping(run, address, count=20):
    """No answer is lost, and none comes twice."""
    said = run(f"ping -c {count} -i 0.05 -W 2 {address}")
    assert re.search(rf"{count} packets transmitted, {count} (packets )?"
                     "received", said), said
    assert "DUP" not in said, said


def guest_run(guest):
    return lambda command: guest.check(command.replace("-i 0.05 ", ""),
                                       timeout=60)


def box_run(box, namespace=None):
    prefix = ["ip", "netns", "exec", namespace] if namespace else []
    return lambda command: box.run([*prefix, *command.split()])


def test_the_host_talks_to_its_guests(box, guests, host_port):
    ping(guest_run(guests["one"]), HOST, 5)
    ping(box_run(box), "192.0.2.1")


def test_a_container_talks_to_guests(box, guests):
    with cable(box, "c0", f"tag={TAG}") as inside:
        with namespace(box, inside, FAR) as name:
            ping(guest_run(guests["one"]), FAR, 5)
            ping(box_run(box, name), "192.0.2.2")


def test_a_bond_with_lacp(box, guests):
    """To another switch, which is a bridge of the same box."""
    box.add_bridge("far0")
    try:
        with bond(box, "bond_mode=balance-tcp", "lacp=active",
                  "other_config:lacp-time=fast") as ends:
            box.vsctl("add-bond", "far0", "bond9", *ends,
                      "bond_mode=balance-tcp", "lacp=active",
                      "other_config:lacp-time=fast")
            box.vsctl("add-port", "far0", "far10", f"tag={TAG}", "--", "set",
                      "interface", "far10", "type=internal")
            with namespace(box, "far10", FAR) as name:
                until(lambda: "negotiated" in box.appctl("bond/show", "bond0"),
                      "LACP is negotiated", timeout=30)
                ping(guest_run(guests["one"]), FAR, 5)
                ping(box_run(box, name), "192.0.2.2")
    finally:
        box.vsctl("del-br", "far0")


# The agent comes and goes.


def restart(box, agent):
    agent.stop()
    agent.start()


def crash(box, agent):
    agent.kill()
    agent.start()


def upgrade(box, agent):
    """To another layout of flows: those that are there have its cookies."""
    agent.stop()
    flows = re.sub("cookie=0x766e01", "cookie=0x766e7f", box.run(
        ["ovs-ofctl", "-O", "OpenFlow14", "--no-stats", "dump-flows", "br0"]))
    box.run(["ovs-ofctl", "-O", "OpenFlow14", "--bundle", "replace-flows",
             "br0", box.put_file("flows", _for_ofctl(flows))])
    agent.start()


def _for_ofctl(flows):
    """What is dumped, as it can be read again."""
    return re.sub("(?m)^(OFPST|NXST).*\n", "", flows)


@pytest.mark.parametrize("change", (restart, crash, upgrade))
def test_not_one_packet_is_lost(box, agent, guests, change):
    with cable(box, "c0", f"tag={TAG}") as inside:
        with namespace(box, inside, FAR) as name:
            command = ["ip", "netns", "exec", name, "ping", "-q", "-i", "0.01",
                       "-c", "400", "192.0.2.1"]
            with ThreadPoolExecutor() as pool:
                pinging = pool.submit(box.run, command)
                change(box, agent)
                agent.wait_connected()
                agent.call("reconcile")
                assert not pinging.done()
                assert "400 received, 0% packet loss" in pinging.result()
    assert "cookie=0x766e7f" not in box.run(["ovs-ofctl", "dump-flows", "br0"])


def test_the_host_is_never_locked_out(box, agent, host_port):
    """Its uplink goes and comes again."""
    with cable(box, "up0", f"tag={TAG}") as far:
        with namespace(box, far, FAR):
            ping(box_run(box), FAR)
            box.vsctl("del-port", "up0")
            box.vsctl("add-port", "br0", "up0", f"tag={TAG}")
            box.run(["ping", "-c", "1", "-W", "1", FAR])
            ping(box_run(box), FAR)


def test_without_an_agent_nobody_is_locked_out(box, agent, guests, host_port):
    """Nor while its flows are taken away."""
    with cable(box, "up0", f"tag={TAG}") as far:
        with namespace(box, far, FAR):
            agent.kill()
            ping(box_run(box), FAR)
            ping(guest_run(guests["one"]), FAR, 5)
            box.run([agent.path, "--cleanup"])
            ping(box_run(box), FAR)
            ping(guest_run(guests["one"]), FAR, 5)
            assert "cookie=0x766e" not in box.run(
                ["ovs-ofctl", "dump-flows", "br0"])
            agent.start()
