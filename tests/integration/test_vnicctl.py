# SPDX-License-Identifier: Apache-2.0
"""vnicctl against an agent that behaves, and against one that does not."""

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from fake_agent import FakeAgent, answering, deaf, reply, sending, silent

ROOT = Path(__file__).resolve().parent.parent.parent
VNICCTL = Path(os.environ.get("VNICD_BUILD", ROOT)) / "ctl" / "vnicctl"

WORDS = ["status", "list", "show", "vlan", "bridges", "plan", "drift",
         "quarantine", "flows", "diff",
         "orphans", "collect", "why", "verify", "reconcile", "watch", "version", "exit", "call", "help"]

HEADING = ("DOMAIN STATE       REASON\n"
           "------ ----------- ------\n")
ROWS = {
    "table": HEADING + "web1   ready       -     \n"
                       "ready  quarantined VLAN 0\n",
    "json": '[\n  {\n    "domain": "web1"}]\n',
    "csv": "domain,state\nweb1,ready\n",
}
NO_ROWS = {"table": HEADING, "json": "[\n]\n", "csv": "domain,state\n"}


@pytest.fixture
def rundir(tmp_path, monkeypatch):
    """A run directory in which the agent has the number of this process."""
    monkeypatch.setenv("OVS_RUNDIR", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    (tmp_path / "vnicd.pid").write_text(f"{os.getpid()}\n")
    return tmp_path


@pytest.fixture
def start_agent(rundir):
    """A function that starts a fake agent, which ends with the test."""
    with contextlib.ExitStack() as stack:
        def start(behave, path=rundir / f"vnicd.{os.getpid()}.ctl"):
            return stack.enter_context(FakeAgent(path, behave))
        yield start


def vnicctl(*args, **kwargs):
    kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs}
    return subprocess.run([VNICCTL, *args], text=True, timeout=60, **kwargs)


def check(done, code, stdout="", stderr=None):
    """Exit code and standard output are what they have to be; there is one
    line of complaint, with 'stderr' in it, or none."""
    assert (done.returncode, done.stdout) == (code, stdout), done.stderr
    if stderr is None:
        assert done.stderr == ""
    else:
        assert re.fullmatch(r"vnicctl: [^\n]*\n", done.stderr), done.stderr
        assert stderr in done.stderr


# Words.

@pytest.mark.parametrize("args, method, params", [
    ("status", "status", ["--format=table"]),
    ("list", "vnic/list", ["--format=table"]),
    ("list br0", "vnic/list", ["--format=table", "--", "br0"]),
    ("list br0 --format=csv", "vnic/list", ["--format=csv", "--", "br0"]),
    ("list --format=csv br0", "vnic/list", ["--format=csv", "--", "br0"]),
    ("--format csv list br0", "vnic/list", ["--format=csv", "--", "br0"]),
    ("-f json list -f csv", "vnic/list", ["--format=csv"]),
    ("show web1/52:54:00:00:00:01", "vnic/show",
     ["--format=table", "--", "web1/52:54:00:00:00:01"]),
    ("show -- -x", "vnic/show", ["--format=table", "--", "-x"]),
    ("vlan br0", "vlan/show", ["--format=table", "--", "br0"]),
    ("orphans", "orphan/list", ["--format=table"]),
    ("collect", "orphan/collect", ["--format=table"]),
    ("collect --dry-run", "orphan/collect",
     ["--format=table", "--dry-run"]),
    ("why tap1", "why", ["--format=table", "--", "tap1"]),
    ("why tap1 arp,arp_op=1 --format=json", "why",
     ["--format=json", "--", "tap1", "arp,arp_op=1"]),
    ("verify", "isolation/verify", ["--format=table"]),
    ("verify br0 --all", "isolation/verify",
     ["--format=table", "--all", "--", "br0"]),
    ("reconcile", "reconcile", ["--format=table"]),
    ("version", "version", []),
    ("exit", "exit", []),
    ("call vlog/set reconcile:dbg", "vlog/set", ["reconcile:dbg"]),
    ("call -T 5 plan --format=json -x", "plan", ["--format=json", "-x"]),
])
def test_word(start_agent, args, method, params):
    agent = start_agent(answering("so be it\n"))
    check(vnicctl(*args.split()), 0, "so be it\n")
    assert agent.requests == [{"id": 0, "method": method, "params": params}]


def test_answer_is_printed_as_it_is(start_agent):
    text = 'quotes " and \\, é€😀, \t and no newline'
    start_agent(answering(text))
    check(vnicctl("call", "x"), 0, text)


def test_arguments_are_utf8(start_agent):
    agent = start_agent(answering("ok\n"))
    check(vnicctl("show", 'Büro "1"'), 0, "ok\n")
    assert agent.requests[0]["params"][-1] == 'Büro "1"'
    check(vnicctl("show", b"\xff"), 2, stderr="UTF-8")


def test_refusal(start_agent):
    start_agent(sending(reply(error="there is no bridge 'br7'\n")))
    check(vnicctl("list", "br7"), 2, stderr="there is no bridge 'br7'")


# Findings.

@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("word, code", [
    ("plan", 1), ("drift", 1), ("quarantine", 1), ("diff", 1),
    ("diff br0", 1), ("orphans", 1), ("verify", 1), ("collect", 0),
    ("flows", 0), ("why tap1", 0), ("list", 0), ("vlan", 0),
    ("reconcile", 0)])
def test_findings(start_agent, word, code, form):
    start_agent(answering(ROWS[form]))
    check(vnicctl(*word.split(), "--format", form), code, ROWS[form])


@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("word", ["plan", "drift", "diff", "verify"])
def test_no_findings(start_agent, word, form):
    start_agent(answering(NO_ROWS[form]))
    check(vnicctl(word, "--format", form), 0, NO_ROWS[form])


def test_a_remark_is_no_finding(start_agent):
    answer = HEADING + "\n(7 frames traced)\n"
    start_agent(answering(answer))
    check(vnicctl("verify"), 0, answer)


@pytest.mark.parametrize("status, code", [
    ({"ok": True, "warnings": []}, 0),
    ({"ok": True}, 0),
    ({"ok": True, "warnings": ["fail-open"]}, 1),
    ({"ok": False, "warnings": []}, 1),
    ({"warnings": []}, 1),
    ([], 1),
])
@pytest.mark.parametrize("form", ["table", "json"])
def test_status_check(start_agent, status, code, form):
    text = {"table": "ITEM VALUE\n", "json": json.dumps(status)}
    agent = start_agent(answering(
        lambda request: text[request["params"][0].split("=")[1]]))
    check(vnicctl("status", "--check", "-f", form), code, text[form])
    assert agent.requests[0]["params"] == ["--format=json"]


def test_status_without_check(start_agent):
    start_agent(answering('{"ok": false}'))
    check(vnicctl("status", "--format=json"), 0, '{"ok": false}')


def test_status_check_of_an_agent_that_refuses(start_agent):
    start_agent(sending(reply(error="not now")))
    check(vnicctl("status", "--check"), 2, stderr="not now")


# Usage.

@pytest.mark.parametrize("args, sentence", [
    ("", "a word is missing"),
    ("lst", "there is no word 'lst'"),
    ("help lst", "there is no word 'lst'"),
    ("list br0 br1", "list does not take 'br1'"),
    ("show", "show needs DOMAIN[/MAC]"),
    ("call", "call needs COMMAND"),
    ("list --frmat=json", "there is no option '--frmat=json'"),
    ("list -x", "there is no option '-x'"),
    ("list -hx", "there is no option '-x'"),
    ("status --check=5", "option '--check' takes no value"),
    ("list --format", "option '--format' needs a value"),
    ("list --format=xml", "'xml' is not one of table, json, csv"),
    ("list --check", "list takes no option '--check'"),
    ("exit -f json", "exit takes no option '--format'"),
    ("-T 0 list", "'0' is not a number of seconds"),
    ("-T 5s list", "'5s' is not a number of seconds"),
    ("-T 999999999999999999999 list", "is not a number of seconds"),
    ("-t vnicd list", "target 'vnicd' is not an absolute path"),
    ("watch", "watch needs a terminal"),
])
def test_usage(rundir, args, sentence):
    done = vnicctl(*args.split())
    check(done, 2, stderr=sentence)
    assert re.search(r"\(try 'vnicctl ([a-z]+ )?--help'\)$", done.stderr)


def test_help(rundir):
    done = vnicctl("--help")
    check(done, 0, done.stdout)
    words = re.search(r"Words:\n(.*?)\n\n", done.stdout, re.S)[1]
    assert re.findall(r"^  ([a-z]+)", words, re.M) == WORDS
    assert max(map(len, done.stdout.splitlines())) < 80
    assert vnicctl("help").stdout == done.stdout


@pytest.mark.parametrize("word", WORDS)
def test_help_of_a_word(rundir, word):
    done = vnicctl("help", word)
    check(done, 0, done.stdout)
    assert f"Usage: vnicctl {word} " in done.stdout
    assert vnicctl(word, "--help").stdout == done.stdout
    assert vnicctl("-h", word).stdout == done.stdout


def test_version(rundir):
    done = vnicctl("--version")
    check(done, 0, done.stdout)
    assert re.fullmatch(r"vnicctl [0-9.]+\n", done.stdout)


# An agent that cannot be reached.

def test_no_pidfile(rundir):
    (rundir / "vnicd.pid").unlink()
    check(vnicctl("list"), 3, stderr=f"there is no {rundir}/vnicd.pid")


@pytest.mark.parametrize("text", ["", "\n", "x\n", "12x\n", "-1\n", "0\n",
                                  "99999999999999999999\n"])
def test_bad_pidfile(rundir, text):
    (rundir / "vnicd.pid").write_text(text)
    check(vnicctl("list"), 3, stderr="does not hold a process ID")


def test_stale_pidfile(rundir):
    gone = subprocess.Popen(["true"])
    gone.wait()
    (rundir / "vnicd.pid").write_text(f"{gone.pid}\n")
    check(vnicctl("list"), 3,
          stderr=f"{rundir}/vnicd.pid is a relic of process {gone.pid}")


def test_no_socket(rundir):
    path = rundir / f"vnicd.{os.getpid()}.ctl"
    check(vnicctl("list"), 3,
          stderr=f"cannot connect to {path}: No such file or directory")


def test_nobody_listens(rundir):
    path = rundir / "left.ctl"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    check(vnicctl("list", "-t", path), 3,
          stderr=f"cannot connect to {path}: Connection refused")


def test_target(start_agent, rundir):
    start_agent(answering("here\n"), rundir / "elsewhere.ctl")
    check(vnicctl("list", "-t", rundir / "elsewhere.ctl"), 0, "here\n")


def test_long_path(start_agent, rundir):
    """A path that a socket's address has no room for."""
    deep = rundir.joinpath(*["directory"] * 12)
    deep.mkdir(parents=True)
    start_agent(answering("here\n"), rundir / "short.ctl")
    (rundir / "short.ctl").rename(deep / "vnicd.ctl")
    check(vnicctl("list", "-t", deep / "vnicd.ctl"), 0, "here\n")
    check(vnicctl("list", "-t", deep / "no" / "vnicd.ctl"), 3,
          stderr="vnicd.ctl: No such file or directory")
    check(vnicctl("list", "-t", deep / ("x" * 200)), 3,
          stderr="File name too long")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")
def test_permission_denied(start_agent):
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        path = Path(directory) / "vnicd.ctl"
        start_agent(answering("secret\n"), path)
        path.chmod(0o700)
        program = shutil.copy(VNICCTL, directory)
        done = subprocess.run([program, "-t", path, "list"], user=65534,
                              capture_output=True, text=True, timeout=60)
        check(done, 3, stderr=f"cannot connect to {path}: Permission denied")


# An agent that does not behave.

def test_no_answer(start_agent):
    start_agent(silent)
    check(vnicctl("-T", "1", "list"), 3,
          stderr="the agent did not answer in time")


def test_question_not_taken(start_agent):
    start_agent(deaf)
    check(vnicctl("-T", "1", "call", "x", *["y" * 100000] * 10), 3,
          stderr="cannot ask the agent: Connection timed out")


def test_full_backlog(rundir):
    path = str(rundir / "busy.ctl")
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(socket.socket(socket.AF_UNIX))
        busy.bind(path)
        busy.listen(0)
        while True:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            if client.connect_ex(path):
                break
        check(vnicctl("-T", "1", "-t", path, "list"), 3,
              stderr=f"cannot connect to {path}: Connection timed out")


@pytest.mark.parametrize("chunks", [
    [b""],
    [b"  "],
    [b'{"id":0,"result":"'],
    [reply("text")[:-1]],
])
def test_closed_early(start_agent, chunks):
    start_agent(sending(*chunks))
    check(vnicctl("list"), 3, stderr="the agent closed the connection before "
                                     "its answer was complete")


def test_closed_at_once(start_agent):
    start_agent(lambda agent, connection: None)
    done = vnicctl("list")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch("vnicctl: (cannot ask the agent|the agent).*\n",
                        done.stderr)


@pytest.mark.parametrize("text", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\0\0\0\0",
    b'{"id":0,"result":"\xff\xfe","error":null}',
    b'{"id":0,"result":"a\0b","error":null}',
    b"}" * 100,
    b"[" * 100000,
])
def test_not_json(start_agent, text):
    start_agent(sending(text))
    check(vnicctl("list"), 3, stderr="the agent's answer is not JSON")


@pytest.mark.parametrize("text", [
    b"[]", b"{}",
    b'{"id":0,"result":null,"error":null}',
    b'{"id":0,"result":["x"],"error":null}',
    b'{"id":0,"result":null,"error":{"code":1}}',
    b'{"id":0,"result":"x","error":"y"}',
    b'{"id":0,"method":"echo","params":[]}',
])
def test_not_a_reply(start_agent, text):
    start_agent(sending(text))
    check(vnicctl("list"), 3,
          stderr="the agent's answer is not a JSON-RPC reply")


def test_reply_in_pieces(start_agent):
    """Byte by byte, so in the middle of characters and escapes too."""
    text = 'a é € 😀 \\ " \n' * 20
    start_agent(sending(*(bytes([b]) for b in reply(text))))
    check(vnicctl("call", "x"), 0, text)


def test_reply_ends_where_its_value_ends(start_agent):
    """The agent keeps the connection open, as the real one does."""
    def behave(agent, connection):
        agent.read_request(connection)
        connection.sendall(reply("done\n") + b"\n")
        assert connection.recv(1) == b""
    start_agent(behave)
    check(vnicctl("call", "x"), 0, "done\n")


def test_huge_reply(start_agent):
    line = "x" * 999 + "\n"
    start_agent(answering(line * 40000))
    done = vnicctl("plan")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == line * 40000


def test_stopped_and_continued(start_agent, rundir):
    """System calls that a signal interrupts are taken up again."""
    clients = []

    def behave(agent, connection):
        agent.read_request(connection)
        pid = clients[0].pid
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
        os.kill(pid, signal.SIGCONT)
        os.waitpid(pid, os.WCONTINUED)
        connection.sendall(reply("still here\n"))

    # A client that has no choice but to wait until 'clients' is filled.
    fifo = rundir / "go"
    os.mkfifo(fifo)
    start_agent(behave)
    clients.append(subprocess.Popen(
        ["/bin/sh", "-c", 'read go < "$0"; exec "$1" list', fifo, VNICCTL],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    fifo.write_text("go\n")
    assert clients[0].communicate(timeout=60) == ("still here\n", "")
    assert clients[0].returncode == 0


# Where the answer goes.

@pytest.mark.parametrize("word, code", [("list", 0), ("plan", 1)])
@pytest.mark.parametrize("size", [1, 10000])
def test_nobody_reads_the_answer(start_agent, word, code, size):
    """The exit code is that of the answer, not of the reader's patience."""
    start_agent(answering(HEADING + "row\n" * size))
    reader, writer = os.pipe()
    os.close(reader)
    done = vnicctl(word, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("args", [["plan"], ["--help"], ["--version"]])
def test_disk_full(start_agent, args):
    start_agent(answering(HEADING))
    with open("/dev/full", "w") as full:
        done = vnicctl(*args, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "vnicctl: cannot write: No space left on device\n"


def test_standard_output_closed(start_agent):
    start_agent(answering("text\n"))
    done = subprocess.run(["/bin/sh", "-c", 'exec "$0" list >&-', VNICCTL],
                          stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "vnicctl: cannot write: Bad file descriptor\n"


def heed_interrupts():
    """As on any terminal, though we may have been started in the background,
    where they are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def on_a_terminal(*args):
    """Runs vnicctl on a terminal of its own; yields the process, and a
    function that reads until it finds a pattern."""
    master, slave = pty.openpty()
    process = subprocess.Popen([VNICCTL, *args], stdin=slave, stdout=slave,
                               stderr=slave, start_new_session=True,
                               preexec_fn=heed_interrupts)
    os.close(slave)
    seen = b""

    def read_until(pattern):
        nonlocal seen
        while not re.search(pattern, seen, re.S):
            assert select.select([master], [], [], 30)[0], seen
            seen += os.read(master, 65536)
        return seen.decode().replace("\r\n", "\n")

    try:
        yield process, read_until
    finally:
        process.kill()
        process.wait()
        os.close(master)


COLOURED = ROWS["table"].replace("   ready ", "   \033[32mready\033[0m ") \
                        .replace("quarantined", "\033[31mquarantined\033[0m")


def test_colours(start_agent):
    start_agent(answering(ROWS["table"]))
    with on_a_terminal("list") as (process, read_until):
        assert read_until(b"VLAN 0\r\n") == COLOURED
        assert process.wait(30) == 0


def test_colours_of_one_vnic(start_agent):
    start_agent(answering("domain              : ready\n"
                          "state               : drifted\n"))
    with on_a_terminal("show", "ready") as (_, read_until):
        assert read_until(b"drifted.*\n") == (
            "domain              : ready\n"
            "state               : \033[31mdrifted\033[0m\n")


@pytest.mark.parametrize("args, variables", [
    (["list"], {"NO_COLOR": "1"}),
    (["list"], {"TERM": "dumb"}),
    (["call", "vnic/list"], {}),
    (["list", "--format=csv"], {}),
])
def test_no_colours(start_agent, monkeypatch, args, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    start_agent(answering(ROWS["table"]))
    with on_a_terminal(*args) as (_, read_until):
        assert read_until(b"VLAN 0\r\n") == ROWS["table"]


def test_watch(start_agent, rundir):
    """The list, then word that the agent is gone, then the list again."""
    clear = "\033[H\033[2J"
    agent = start_agent(answering(ROWS["table"]))
    pidfile = rundir / "vnicd.pid"
    with on_a_terminal("watch", "br0", "-n", "1") as (process, read_until):
        assert read_until(b"VLAN 0\r\n") == clear + COLOURED
        pidfile.rename(rundir / "hidden")
        assert f"{clear}vnicd is not running" in read_until(b"vnicd.pid")
        (rundir / "hidden").rename(pidfile)
        assert read_until(b"vnicd.pid.*VLAN 0\r\n").endswith(clear + COLOURED)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT
    assert agent.requests[0] == {"id": 0, "method": "vnic/list",
                                 "params": ["--format=table", "--", "br0"]}
