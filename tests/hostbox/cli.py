# SPDX-License-Identifier: Apache-2.0
"""The command line of the host in a box."""

import argparse
import os
import sys

from . import layout
from .box import ENVIRONMENT, Box
from .daemons import DAEMONS
from .domain import Nic, Vlan
from .util import HostboxError, read_text

EPILOG = """\
an afternoon with two hosts:
  hostbox start a
  hostbox guest a add web --access 10
  hostbox guest a add db --access 10
  hostbox in a web -- ip addr add 192.0.2.1/24 dev eth0
  hostbox run a -- ovs-vsctl show
  hostbox start b
  hostbox join a b
  hostbox migrate a web b
  hostbox stop --all

A box is reached from outside, too: its logs, sockets and guest consoles are
files below /run/vnicd-hostbox/NAME (or $VNICD_HOSTBOX_DIR/NAME)."""


def main(argv):
    """Returns the exit status."""
    argv, command = _split_command(argv)
    args = _parser().parse_args(argv)
    args.command = command
    try:
        return args.run(args) or 0
    except HostboxError as e:
        print(f"hostbox: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _split_command(argv):
    """What follows '--' is somebody else's: keep our parser off it."""
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1:]


def _say(message):
    print(f"hostbox: {message}", file=sys.stderr, flush=True)


# Boxes.


def start(args):
    """make a box and start its daemons"""
    box = Box.start(args.name, args.bridge or ["br0"], _say)
    _say(f"box {box.name} is up: 'hostbox shell {box.name}' enters it")


def stop(args):
    """kill everything in a box and remove it"""
    if not args.names and not args.all:
        raise HostboxError("stop what? Give a NAME, or --all")
    boxes = Box.all() if args.all else [Box(name) for name in args.names]
    for box in boxes:
        if not os.path.exists(box.layout.directory):
            raise HostboxError(f"there is no box {box.name}")
        box.stop()


def _guests(box):
    """What a box has of guests, in words.  Its libvirt may hang."""
    try:
        return " ".join(box.guest_names()) or "no guests"
    except HostboxError as error:
        return f"guests unknown: {error}"


def list_boxes(_args):
    """list the boxes and their guests"""
    for box in Box.all():
        if box.is_running():
            print(f"{box.name}  pid {box.init_pid()}  {_guests(box)}")
        else:
            print(f"{box.name}  dead: 'hostbox stop {box.name}' removes it")


def shell(args):
    """a shell, or a command with the terminal, in the box"""
    box = Box.find(args.name)
    argv = args.command or ["bash", "--norc", "-i"]
    environment = dict(os.environ, PS1=f"[{box.name}] \\w# ",
                       PATH=f"{os.environ.get('PATH', '')}:"
                            f"{ENVIRONMENT['PATH']}")
    _exec(box.enter(argv, cwd=_cwd_in_box()), environment)


def run(args):
    """run a command in the box; its exit status is ours"""
    _need_command(args)
    box = Box.find(args.name)
    _exec(box.enter(args.command, cwd=_cwd_in_box()), dict(os.environ))


def _exec(argv, environment):
    sys.stdout.flush()
    os.execvpe(argv[0], argv, environment)


def _cwd_in_box():
    """The box shares most directories with us, but not these."""
    cwd = os.getcwd()
    private = any((cwd + "/").startswith(path + "/")
                  for path in layout.PRIVATE_DIRS)
    return "/" if private else cwd


def _need_command(args):
    if not args.command:
        raise HostboxError("give a command after '--'")


def join(args):
    """connect the bridges of two boxes with a cable"""
    ends = Box.find(args.name).join(Box.find(args.other), args.bridge)
    print(f"{args.name}:{ends[0]} -- {args.other}:{ends[1]}")


# Processes.


def daemon(args):
    """start, stop, kill, freeze one of the box's daemons"""
    action = args.action.replace("-", "_")
    getattr(Box.find(args.name).daemon(args.daemon), action)()


def spawn(args):
    """start a process that stays"""
    _need_command(args)
    process = Box.find(args.name).spawn(args.process, args.command,
                                        env=dict(os.environ))
    print(f"pid {process.pid()} in the box, log {process.log}")


def signal(args):
    """send a signal to a spawned process or daemon"""
    Box.find(args.name).process(args.process).signal(args.number)


def wait(args):
    """wait for a spawned process; its exit status is ours"""
    return Box.find(args.name).process(args.process).wait(args.timeout)


# Guests.


def guest_add(args):
    """define and start a guest"""
    box = Box.find(args.name)
    guest = box.guest(args.guest)
    if args.xml:
        text = sys.stdin.read() if args.xml == "-" else read_text(args.xml)
        if text is None:
            raise HostboxError(f"there is no file {args.xml}")
        guest.define_xml(text)
    else:
        guest.define([_nic(args)])
    _say(f"booting {args.guest}")
    guest.start(wait=not args.no_wait)


def _nic(args):
    return Nic(mac=args.mac, vlan=_vlan(args), bridge=args.bridge,
               network=args.network, portgroup=args.portgroup,
               target=args.target)


def _vlan(args):
    native = args.native_untagged or args.native_tagged
    if native and not args.trunk:
        raise HostboxError("a native VLAN is one of a --trunk list")
    if args.access:
        return Vlan.access(args.access)
    if not args.trunk:
        return None
    return Vlan(args.trunk, True, native,
                "tagged" if args.native_tagged else "untagged")


def guest_del(args):
    """stop and forget a guest"""
    Box.find(args.name).guest(args.guest).remove()


def guest_list(args):
    """list the guests and what they do"""
    box = Box.find(args.name)
    for name in box.guest_names():
        print(f"{name}  {box.guest(name).state()}")


def guest_in(args):
    """run a command in a guest; its exit status is ours"""
    _need_command(args)
    # One word is a line for the guest's shell, several are its arguments.
    command = args.command if len(args.command) > 1 else args.command[0]
    # Not find(): this works inside a box as well, where pids are others.
    result = Box(args.name).guest(args.guest).run(command, args.timeout)
    sys.stdout.write(result.output)
    return result.status


def migrate(args):
    """move a running guest to another box"""
    Box.find(args.name).migrate(args.guest, Box.find(args.other))


# The parser.


def _parser():
    parser = argparse.ArgumentParser(
        prog="hostbox", description="A private KVM host made of namespaces: "
        "Open vSwitch, libvirt, QEMU; the real host is not touched.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add_box_verbs(verbs)
    _add_process_verbs(verbs)
    _add_guest_verbs(verbs)
    return parser


def _verb(verbs, word, function, *positionals):
    text = function.__doc__
    verb = verbs.add_parser(word, help=text,
                            description=text[0].upper() + text[1:] + ".")
    verb.set_defaults(run=function)
    for positional in positionals:
        verb.add_argument(positional.lower(), metavar=positional)
    return verb


def _command_verb(verbs, word, function, *positionals):
    verb = _verb(verbs, word, function, *positionals)
    names = "".join(f" {positional}" for positional in positionals)
    verb.usage = f"hostbox {word} [-h]{names} -- COMMAND..."
    return verb


def _add_box_verbs(verbs):
    verb = _verb(verbs, "start", start, "NAME")
    verb.add_argument("--bridge", action="append", metavar="BRIDGE",
                      help="a bridge to make (repeatable; default br0)")
    verb = _verb(verbs, "stop", stop)
    verb.add_argument("names", metavar="NAME", nargs="*")
    verb.add_argument("--all", action="store_true", help="every box there is")
    _verb(verbs, "list", list_boxes)
    _command_verb(verbs, "shell", shell, "NAME").usage = (
        "hostbox shell [-h] NAME [-- COMMAND...]")
    _command_verb(verbs, "run", run, "NAME")
    verb = _verb(verbs, "join", join, "NAME", "OTHER")
    verb.add_argument("--bridge", default="br0",
                      help="the bridge at both ends (default br0)")


def _add_process_verbs(verbs):
    verb = _verb(verbs, "daemon", daemon, "NAME")
    verb.add_argument("action", choices=["start", "stop", "restart", "kill",
                                         "stop-signal", "cont"])
    verb.add_argument("daemon", choices=list(DAEMONS))
    _command_verb(verbs, "spawn", spawn, "NAME", "PROCESS")
    verb = _verb(verbs, "signal", signal, "NAME", "PROCESS")
    verb.add_argument("number", type=int, metavar="NUMBER")
    verb = _verb(verbs, "wait", wait, "NAME", "PROCESS")
    verb.add_argument("--timeout", type=float, default=60, metavar="SECONDS",
                      help="give up after this long (default 60)")


def _add_guest_verbs(verbs):
    guest = verbs.add_parser("guest", help="add, delete, list guests")
    guest.add_argument("name", metavar="NAME")
    guest_verbs = guest.add_subparsers(metavar="VERB", required=True)
    _add_guest_options(_verb(guest_verbs, "add", guest_add, "GUEST"))
    _verb(guest_verbs, "del", guest_del, "GUEST")
    _verb(guest_verbs, "list", guest_list)
    verb = _command_verb(verbs, "in", guest_in, "NAME", "GUEST")
    verb.add_argument("--timeout", type=int, default=30, metavar="SECONDS",
                      help="stop the command after this long (default 30)")
    _verb(verbs, "migrate", migrate, "NAME", "GUEST", "OTHER")


def _add_guest_options(verb):
    vlan = verb.add_mutually_exclusive_group()
    vlan.add_argument("--access", "--vlan", type=int, metavar="TAG")
    vlan.add_argument("--trunk", type=_tags, metavar="TAG,TAG...")
    vlan.add_argument("--no-vlan", action="store_true",
                      help="no <vlan> element (the default)")
    native = verb.add_mutually_exclusive_group()
    native.add_argument("--native-untagged", type=int, metavar="TAG",
                        help="the native VLAN of the --trunk list")
    native.add_argument("--native-tagged", type=int, metavar="TAG")
    verb.add_argument("--bridge", default="br0", help="default br0")
    verb.add_argument("--network", help="a libvirt network, not a bridge")
    verb.add_argument("--portgroup", help="of that network")
    verb.add_argument("--mac", help="default: made from the names")
    verb.add_argument("--target", help="name of the tap (default: vnetN)")
    verb.add_argument("--xml", metavar="FILE",
                      help="the whole domain ('-': standard input); nothing "
                      "but its name is taken from the command line")
    verb.add_argument("--no-wait", action="store_true",
                      help="do not wait until it has booted")


def _tags(text):
    try:
        return [int(tag) for tag in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of tags")
