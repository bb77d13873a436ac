# SPDX-License-Identifier: Apache-2.0
"""What 'quickstart' shows: vnicd at its work, on real guests.

Every statement that is printed with a mark was observed a moment before; if
one was not, the exit status is 1.
"""

import argparse
import os
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(
    __file__))))

from hostbox import (  # noqa: E402 (the path comes first)
    Box, HostboxError, Nic, Vlan, make_mac, until)

# guest: (its <vlan>, how vnicctl says that, its address)
GUESTS = {
    "web1": (Vlan.access(10), "10", "192.0.2.11"),
    "web2": (Vlan.access(10), "10", "192.0.2.12"),
    "db1": (Vlan.access(20), "20", "192.0.2.21"),
    "router": (Vlan.trunk(10, 20), "trunk 10,20", None),
    "legacy": (Vlan.native_untagged(10, 10, 20),
               "native-untagged 10 of 10,20", "192.0.2.14"),
}
AGENT_SECONDS = 15
REPAIR_SECONDS = 1

# An experimental EtherType, and bytes that nothing else contains.
ETHERTYPE = "88b5"
PAYLOAD = "766e696364" * 10

# A MAC address that is nobody's, and the head of a packet.
LIAR = "52:54:00:00:99:99"
PACKET = "4500004600000000" "40fd0000" "c000020b" "c00002ff"


class Screen:
    """Prints; colours on a terminal only."""

    def __init__(self):
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._colours else text

    def heading(self, text):
        print(f"\n{self._paint('1', text)}\n", flush=True)

    def line(self, text=""):
        print(text, flush=True)

    def word(self, text):
        """Part of a line that is still being written."""
        print(text, end=" ", flush=True)

    def command(self, argv, output):
        print(self._paint("36", f"  # {' '.join(argv)}"))
        for line in output.rstrip().splitlines():
            print(f"  {line}")
        print(flush=True)

    def fact(self, is_true, text):
        mark = self._paint("32", "yes") if is_true else self._paint("31",
                                                                    "NO ")
        print(f"  {mark}  {text}", flush=True)


class Demo:
    """The demonstration, in the order of its methods."""

    def __init__(self, box_name, build):
        self._box_name = box_name
        self._build = build
        self._screen = Screen()
        self._box = None
        self._guests = {}
        self._facts = []

    def run(self):
        """Shows everything; True if every fact was observed."""
        self._screen.heading("A private KVM host, made of namespaces")
        self._start_box()
        self._start_agent()
        self._boot_guests()
        self._show_tables()
        self._show_isolation()
        self._show_repair()
        self._show_deleted_port()
        self._show_refusal()
        self._show_guard()
        return all(self._facts)

    def remove(self):
        Box(self._box_name).stop()

    def _fact(self, is_true, text):
        self._facts.append(bool(is_true))
        self._screen.fact(is_true, text)

    def _timed(self, text, function):
        self._screen.word(f"  {text} ...")
        began = time.monotonic()
        function()
        self._screen.line(f"{time.monotonic() - began:.1f} s")

    # The host.

    def _start_box(self):
        old = Box(self._box_name)
        if os.path.exists(old.layout.directory):
            self._screen.line("  (removing the host of an earlier run)")
            old.stop()
        self._timed("Open vSwitch, libvirt and a bridge br0",
                    self._make_box)

    def _make_box(self):
        self._box = Box.start(self._box_name, ["br0"], self._say)

    def _say(self, message):
        """Of the box's own steps, only those that take long are news."""
        if "once" in message:
            self._screen.line()
            self._screen.word(f"  {message} ...")

    def _start_agent(self):
        self._timed("vnicd, watching", self._spawn_agent)

    def _spawn_agent(self):
        agent = self._box.spawn(
            "vnicd", [os.path.join(self._build, "controller", "vnicd")])
        self._box.install_hooks(
            os.path.join(self._build, "libvirt-hooks", "vnicd-hook"))

        def answers():
            if not agent.is_running():
                raise HostboxError(f"vnicd ended with status "
                                   f"{agent.status()}: see {agent.log}")
            try:
                return self._vnicctl("status")
            except HostboxError:
                return None
        until(answers, "vnicd answers", timeout=AGENT_SECONDS)

    def _boot_guests(self):
        self._timed("guests:", self._boot_all)

    def _boot_all(self):
        for name, (vlan, _, _) in GUESTS.items():
            self._guests[name] = self._box.add_guest(name, Nic(vlan=vlan),
                                                     wait=False)
        for name, guest in self._guests.items():
            guest.wait_ready()
            self._screen.word(name)
            address = GUESTS[name][2]
            if address:
                guest.set_address(f"{address}/24")

    # What an operator sees.

    def _vnicctl(self, *args):
        path = os.path.join(self._build, "ctl", "vnicctl")
        # 'vnicctl drift' exits with 1 because it has found something.
        return self._box.run(
            ["sh", "-c", '"$@"; [ $? -le 1 ]', "sh", path, *args])

    def _show(self, *argv):
        """Runs and prints a command; returns what it printed."""
        output = (self._vnicctl(*argv[1:]) if argv[0] == "vnicctl"
                  else self._box.run(argv))
        self._screen.command(argv, output)
        return output

    def _show_tables(self):
        self._screen.heading("What the guests' XML asks for, "
                             "and what the switch has")
        listing = self._show("vnicctl", "list")
        rows = {line.split()[0]: f" {line} "
                for line in listing.splitlines() if line.strip()}
        wrong = [name for name, (_, words, _) in GUESTS.items()
                 if not re.search(
                     rf" br0 +{words} +promiscuous +monitor +ready ",
                     rows.get(name, ""))]
        self._fact(not wrong, "every guest is ready in the VLANs of its XML"
                   + (f", but {', '.join(wrong)}" if wrong else ""))
        self._screen.line()
        self._show("vnicctl", "vlan")

    # What the guests see.

    def _show_isolation(self):
        self._screen.heading("What that means on the wire")
        self._show_pings()
        self._show_tagged_frame()

    def _show_pings(self):
        web1, legacy = self._guests["web1"], self._guests["legacy"]
        self._fact(web1.can_ping(GUESTS["web2"][2], tries=5),
                   "web1 (10) pings web2 (10)")
        self._fact(not web1.can_ping(GUESTS["db1"][2], tries=2),
                   "web1 (10) cannot ping db1 (20), though both are in "
                   "192.0.2.0/24")
        self._fact(legacy.can_ping(GUESTS["web1"][2], tries=5),
                   "legacy pings web1: without a tag it is in VLAN 10")

    def _show_tagged_frame(self):
        source = make_mac(self._box_name, "router", 0).replace(":", "")
        addresses = "ffffffffffff" + source
        frame = f"{addresses}81000014{ETHERTYPE}{PAYLOAD}"
        with self._guests["db1"].capture(PAYLOAD) as at_db1, \
                self._guests["web1"].capture(PAYLOAD) as at_web1:
            self._guests["router"].send_frame(frame)
        self._fact(at_db1 == [f"{addresses}{ETHERTYPE}{PAYLOAD}"],
                   "a frame that router tags with 20 reaches db1, tag off")
        self._fact(not at_web1, "and does not reach web1")

    # The point of it all.

    def _show_repair(self):
        self._screen.heading("An operator's slip: web1 is moved to VLAN 20")
        port = self._guests["web1"].taps()[0]
        began = time.monotonic()
        self._show("ovs-vsctl", "set", "port", port, "tag=20")
        seconds = self._seconds_until_repaired(port, began)
        self._fact(seconds is not None and seconds <= REPAIR_SECONDS,
                   f"the switch has 10 again within {REPAIR_SECONDS} s"
                   + (f" (seen after {seconds:.2f} s)" if seconds else ""))
        self._screen.line()
        drift = self._show("vnicctl", "drift")
        self._fact(re.search(rf"\b{port}\b.*\btag\b.*\b20\b.*\b10\b.*"
                             r"\boperator\b", drift),
                   f"vnicctl says so: {port}, tag, found 20, restored 10, "
                   "cause operator")
        self._show_log_line(port)
        self._fact(self._guests["web1"].can_ping(GUESTS["web2"][2], tries=5),
                   "web1 still pings web2")

    def _show_deleted_port(self):
        self._screen.heading("Another slip: the port of web1 is deleted")
        port = self._guests["web1"].taps()[0]
        began = time.monotonic()
        self._show("ovs-vsctl", "del-port", port)
        seconds = self._seconds_until_repaired(port, began)
        self._fact(seconds is not None and seconds <= REPAIR_SECONDS,
                   f"it is back, in VLAN 10, within {REPAIR_SECONDS} s"
                   + (f" (seen after {seconds:.2f} s)" if seconds else ""))
        self._fact(self._guests["web1"].can_ping(GUESTS["web2"][2], tries=5),
                   "web1 pings web2 again")

    def _show_refusal(self):
        self._screen.heading("A guest that asks for what is not there")
        guest = self._box.guest("typo")
        guest.define([Nic(bridge="br7")])
        try:
            guest.start(paused=True)
            said = "it has started"
        except HostboxError as e:
            said = str(e).rpartition("failed with status 1: ")[2]
        self._screen.command(["virsh", "start", "typo"], said)
        self._fact("bridge br7 does not exist" in said,
                   "virsh says why, before anything was plugged")
        guest.remove()

    def _show_guard(self):
        self._screen.heading("A guest that sends from a MAC address that is "
                             "not its own")
        port = self._guests["web1"].taps()[0]
        self._fact(self._reaches_web2(LIAR),
                   "web2 hears it: the guard only counts until it is told to "
                   "enforce")
        said = self._show("vnicctl", "why", port)
        self._fact(re.search(r"\bsource-mac\b", said),
                   "vnicctl why says what was counted, and by which rule")
        self._show("ovs-vsctl", "set", "bridge", "br0",
                   "external_ids:vnicd-guard=enforce")
        self._vnicctl("reconcile")
        self._fact(not self._reaches_web2(LIAR), "web2 does not hear it")
        own = self._guests["web1"].macs()[0]
        self._fact(self._reaches_web2(own), "and hears what web1 sends from "
                                            "its own")
        self._show("vnicctl", "why", port, f"dl_src={LIAR},ip,nw_proto=6")
        self._show("vnicctl", "verify")

    def _reaches_web2(self, source):
        """Does web2 hear a broadcast that web1 sends from 'source'?"""
        frame = f"{'f' * 12}{source.replace(':', '')}0800{PACKET}{PAYLOAD}"
        with self._guests["web2"].capture(PAYLOAD) as heard:
            self._guests["web1"].send_frame(frame)
        return bool(heard)

    def _seconds_until_repaired(self, port, began):
        def is_repaired():
            return self._box.vsctl("--if-exists", "get", "port", port,
                                   "tag").strip() == "10"
        try:
            until(is_repaired, f"{port} is put right", timeout=10)
        except HostboxError as e:
            self._screen.line(f"  {e}")
            return None
        return time.monotonic() - began

    def _show_log_line(self, port):
        with open(self._box.process("vnicd").log, encoding="utf-8") as f:
            lines = [line.rstrip() for line in f
                     if "web1/" in line and "operator" in line]
        self._fact(lines, "and so does vnicd's log:")
        for line in lines[-1:]:
            self._screen.line(f"       {line.rpartition('|')[2]}")

    # The end.

    def summary(self, seconds, is_kept):
        n_true = sum(self._facts)
        self._screen.heading(f"{n_true} of {len(self._facts)} facts observed, "
                             f"{seconds:.0f} s")
        if is_kept:
            self.say_how_to_go_on()

    def say_how_to_go_on(self):
        self._screen.line(
            "  ./quickstart shell   enter this host: vnicctl, virsh, "
            "ovs-vsctl, and for a\n"
            f"                       guest 'hostbox in {self._box_name} web1 "
            "-- ip addr'\n"
            "  ./quickstart stop    remove it")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("box", help="name of the box to make")
    parser.add_argument("build", help="where vnicd was built")
    parser.add_argument("--once", action="store_true",
                        help="remove the box at the end")
    return parser.parse_args()


def main():
    args = parse_arguments()
    # So that a 'kill' removes the host, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = Demo(args.box, args.build)
    began = time.monotonic()
    try:
        is_right = demo.run()
        demo.summary(time.monotonic() - began, is_kept=not args.once)
    except HostboxError as e:
        print(f"\n\nquickstart: {e}", file=sys.stderr)
        if not args.once:
            print("quickstart: what there is of the host stays, for a look: "
                  "'./quickstart shell';\n"
                  "            './quickstart stop' removes it",
                  file=sys.stderr)
        is_right = False
    except KeyboardInterrupt:
        print("\nquickstart: interrupted; './quickstart stop' removes the "
              "host", file=sys.stderr)
        return 130
    finally:
        if args.once:
            demo.remove()
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
