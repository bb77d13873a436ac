# SPDX-License-Identifier: Apache-2.0
"""What 'make install' puts on a host beside the programs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fake_agent import FakeAgent, answering

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("VNICD_BUILD", ROOT)).resolve()

needs = {program: pytest.mark.skipif(not shutil.which(program),
                                     reason=f"needs {program}")
         for program in ("apparmor_parser", "systemd-analyze",
                         "systemd-tmpfiles", "man")}


def run(*args, **kwargs):
    return subprocess.run(args, stdout=subprocess.PIPE, text=True, timeout=120,
                          stderr=subprocess.STDOUT, **kwargs)


def make(target, root):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = run("make", "-C", BUILD, target, f"DESTDIR={root}",
               "prefix=/usr", "sysconfdir=/etc", env=env)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The root directory of a host on which the package is installed."""
    root = tmp_path_factory.mktemp("root")
    make("install-data", root)
    return root


def test_places(root):
    files = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert files >= {
        "etc/default/vnicd",
        "etc/vnicd/hook.conf",
        "usr/lib/systemd/system/vnicd.service",
        "usr/lib/tmpfiles.d/vnicd.conf",
        "usr/share/bash-completion/completions/vnicctl",
        "usr/share/bash-completion/completions/vnicd",
        "usr/share/man/man5/vnicd-settings.5",
        "usr/share/man/man7/vnicd-isolation.7",
        "usr/share/man/man8/vnicctl.8",
        "usr/share/man/man8/vnicd-hook.8",
        "usr/share/man/man8/vnicd.8",
        "usr/share/vnicd/apparmor-libvirtd",
    }
    for name in files:
        text = (root / name).read_text()
        assert not re.search(r"@[A-Za-z_]+@", text), name


def test_hooks(root):
    """libvirt runs whatever is executable in there."""
    hooks = root / "etc/libvirt/hooks"
    assert {str(p.relative_to(hooks)): os.readlink(p)
            for p in hooks.rglob("*") if not p.is_dir()} == {
                f"{driver}.d/50-vnicd": "/usr/sbin/vnicd-hook"
                for driver in ("qemu", "lxc", "network", "daemon")}


@pytest.mark.parametrize("edited", ["etc/vnicd/hook.conf",
                                    "etc/default/vnicd"])
def test_edited_settings_stay(tmp_path, edited):
    """A host that is installed anew must not start guests otherwise."""
    settings = tmp_path / edited
    make("install", tmp_path)
    settings.write_text("fail = open\n")
    make("install", tmp_path)
    assert settings.read_text() == "fail = open\n"
    assert f"{settings} was edited, and stays" in make("uninstall", tmp_path)
    assert settings.read_text() == "fail = open\n"
    assert [p for p in tmp_path.rglob("*") if not p.is_dir()] == [settings]


# As libvirt's own: a daemon may do nearly everything, but run only what is in
# the places where programs belong.
PROFILE = """
profile libvirtd /usr/sbin/libvirtd flags=(attach_disconnected) {
  / r,
  /** rwmkl,
  /sbin/* PUx,
  /usr/bin/* PUx,
  /usr/sbin/* PUx,
  /etc/libvirt/hooks/** rmix,
  include <local/usr.sbin.libvirtd>
}
"""


@needs["apparmor_parser"]
@pytest.mark.parametrize("sbindir", ["/usr/sbin", "/usr/local/sbin"])
def test_apparmor(root, tmp_path, sbindir):
    """What AppArmor makes of the profile, of which the kernel here may know
    nothing."""
    rule = (root / "usr/share/vnicd/apparmor-libvirtd").read_text()
    local = tmp_path / "local/usr.sbin.libvirtd"
    local.parent.mkdir()
    local.write_text(re.sub(r"(?m)^/.*(?=/vnicd-hook)", sbindir, rule))
    profile = tmp_path / "usr.sbin.libvirtd"
    profile.write_text(PROFILE)
    done = run("apparmor_parser", "--skip-kernel-load", "--skip-cache",
               "--debug", "--Include", tmp_path, profile)
    assert done.returncode == 0, done.stdout
    assert re.search(rf"^Mode:\tx:x\tName:\t\({sbindir}/vnicd-hook\)$",
                     done.stdout, re.M), done.stdout


def test_hook_conf_says_what_holds_anyway(root, tmp_path):
    """Every line in it may be uncommented, and changes nothing."""
    text = (root / "etc/vnicd/hook.conf").read_text()
    assert not re.search(r"^[^#\n]", text, re.M)
    settings = dict(re.findall(r"^#([a-z-]+) = (.*)$", text, re.M))
    assert settings == {"fail": "closed", "deadline-ms": "3000",
                        "socket": "/run/vnicd/hook.sock"}

    conf = tmp_path / "hook.conf"
    conf.write_text(re.sub(r"(?m)^#([a-z-]+ =)", r"\1", text))
    conf.chmod(0o644)
    done = run(BUILD / "libvirt-hooks/vnicd-hook", f"--config={conf}",
               f"--socket={tmp_path}/none", "qemu", "web1", "started",
               stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (0, "")


def test_service_comes_before_libvirt(root):
    """Hooks are heard as soon as the service is ready."""
    text = (root / "usr/lib/systemd/system/vnicd.service").read_text()
    before = " ".join(re.findall(r"^Before=(.*)$", text, re.M)).split()
    assert {"libvirtd.service", "virtqemud.service",
            "virtnetworkd.service"} <= set(before)
    assert "Type=notify" in text


# The service.

@needs["systemd-analyze"]
def test_unit_is_sound(root, tmp_path):
    text = (root / "usr/lib/systemd/system/vnicd.service").read_text()
    unit = tmp_path / "vnicd.service"
    unit.write_text(re.sub(r"ExecStart=\S+",
                           f"ExecStart={BUILD}/controller/vnicd", text))
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, done.stdout) == (0, "")


@needs["systemd-analyze"]
def test_unit_is_confined(root):
    """The exposure, from 0 to 10, as systemd sees it."""
    unit = root / "usr/lib/systemd/system/vnicd.service"
    done = run("systemd-analyze", "security", "--offline=yes", "--no-pager",
               "--threshold=30", unit)
    assert done.returncode == 0, done.stdout


@needs["systemd-tmpfiles"]
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change owners")
def test_directory_of_open_vswitch_stays_as_it_is(root, tmp_path):
    conf = (root / "usr/lib/tmpfiles.d/vnicd.conf").read_text()
    here = tmp_path / "tmpfiles.conf"
    here.write_text(re.sub(r"(?m)^d /", f"d {tmp_path}/", conf))
    directories = re.findall(r"(?m)^d (\S+)", here.read_text())
    assert len(directories) == 2

    assert run("systemd-tmpfiles", "--create", here).returncode == 0
    ours, theirs = map(Path, directories)
    assert [p.stat().st_mode for p in (ours, theirs)] == [0o40755] * 2

    os.chown(theirs, 7, 8)
    theirs.chmod(0o2750)
    assert run("systemd-tmpfiles", "--create", here).stdout == ""
    stat = theirs.stat()
    assert (stat.st_mode, stat.st_uid, stat.st_gid) == (0o42750, 7, 8)


# Manual pages.

@needs["man"]
@pytest.mark.parametrize("page, section", [
    ("vnicd", 8),
    ("vnicctl", 8),
    ("vnicd-hook", 8),
    ("vnicd-settings", 5),
    ("vnicd-isolation", 7),
])
def test_manual_page(root, page, section):
    path = root / f"usr/share/man/man{section}" / f"{page}.{section}"
    done = subprocess.run(["man", "--warnings", "-Tutf8", "-l", path],
                          capture_output=True, text=True, timeout=120,
                          env={**os.environ, "MANWIDTH": "79"})
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf"^ +{page} — ", re.sub(".\b", "", done.stdout), re.M)


def words():
    text = run(BUILD / "ctl/vnicctl", "--help").stdout
    listed = re.search(r"Words:\n(.*?)\n\n", text, re.S)[1]
    return re.findall(r"^  ([a-z]+)", listed, re.M)


def test_manual_page_has_every_word(root):
    source = (root / "usr/share/man/man8/vnicctl.8").read_text()
    assert re.findall(r"^\.It Ic ([a-z]+)", source, re.M) == words()


# Completion.

COMPLETE = r"""
set -u
. "$1"
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { printf '%s\n' "compopt $*"; }
_"${2##*/}" "$2" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}
"""


def complete(root, *line):
    """What bash offers at the end of 'line', which is split as bash does."""
    directory = root / "usr/share/bash-completion/completions"
    program = BUILD / {"vnicctl": "ctl", "vnicd": "controller"}[line[0]]
    done = run("bash", "--norc", "-c", COMPLETE, "bash", directory / line[0],
               program / line[0], *line[1:])
    assert done.returncode == 0, done.stdout
    return done.stdout.split()


def test_completion_offers_every_word(root):
    assert complete(root, "vnicctl", "") == words()
    assert complete(root, "vnicctl", "help", "") == words()


@pytest.mark.parametrize("line, offered", [
    (["v"], ["vlan", "verify", "version"]),
    (["-f", "json", "dri"], ["drift"]),
    (["--format", "=", "json", "dri"], ["drift"]),
    (["list", "--format", "="], ["table", "json", "csv"]),
    (["list", "--format", "=", "j"], ["json"]),
    (["list", "-f", ""], ["table", "json", "csv"]),
    (["status", "--c"], ["--check"]),
    (["list", "--c"], []),
    (["verify", "--a"], ["--all"]),
    (["list", "--f"], ["compopt", "-o", "nospace", "--format="]),
    (["list", "-T", ""], []),
    (["exit", ""], []),
])
def test_completion(root, line, offered):
    assert complete(root, "vnicctl", *line) == offered


def test_completion_asks_the_agent(root, tmp_path, monkeypatch):
    """Names come as they are: nothing in them is for the shell to expand."""
    monkeypatch.setenv("OVS_RUNDIR", str(tmp_path))
    (tmp_path / "vnicd.pid").write_text(f"{os.getpid()}\n")
    answers = {
        "vnic/list": '[\n  {\n    "bridge": "br0",\n    "domain": "web1"},\n'
                     '  {\n    "bridge": "br0",\n    "domain": "$(id)"}]\n',
        "list-commands": "The available commands are:\n"
                         "  exit\n  vnic/list       [BRIDGE]\n",
    }
    with FakeAgent(tmp_path / f"vnicd.{os.getpid()}.ctl",
                   answering(lambda request: answers[request["method"]])):
        assert complete(root, "vnicctl", "list", "") == ["br0"]
        assert complete(root, "vnicctl", "show", "w") == ["web1"]
        assert complete(root, "vnicctl", "show", "$") == [r"\$\(id\)"]
        assert complete(root, "vnicctl", "call", "v") == ["vnic/list"]


def test_completion_without_an_agent(root, tmp_path, monkeypatch):
    monkeypatch.setenv("OVS_RUNDIR", str(tmp_path))
    assert complete(root, "vnicctl", "list", "") == []


def test_completion_of_the_agent(root):
    assert "--cleanup" in complete(root, "vnicd", "--c")
    assert complete(root, "vnicd", "--d")[:4] == ["compopt", "-o", "nospace",
                                                  "--db="]
