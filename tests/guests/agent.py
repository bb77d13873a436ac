# SPDX-License-Identifier: Apache-2.0
"""The agent in a box: start it, ask it, wait for it, judge it."""

import json
import os
import re
import time

import pytest

import switch
from hostbox import HostboxError, until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(
    __file__))))
BUILD = os.path.abspath(os.environ.get("VNICD_BUILD", TOP))

WAIT_SECONDS = 30
BAD_LINE = re.compile(r"\|(WARN|ERR|EMER)\||Sanitizer|runtime error:")
ENVIRONMENT = {
    "ASAN_OPTIONS": "exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def program(*parts):
    """A program of the build under test."""
    path = os.path.join(BUILD, *parts)
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} does not exist: build it, or set VNICD_BUILD")
    return path


class Agent:
    """vnicd in one box.  Its life is a test's; it may be started often."""

    def __init__(self, box, name="vnicd", rundir="/run/openvswitch"):
        self.box = box
        self.path = program("controller", "vnicd")
        self._process = box.process(name)
        self._rundir = rundir
        self._args = ()
        # Bridges come and go, and with them their sockets.
        self._expected = [re.compile(
            r"rconn\|WARN\|unix:\S+\.mgmt: connection (dropped|failed)")]
        self._log_start = len(self._whole_log())

    # Life.

    def spawn(self, *args):
        """Starts it and does not wait for anything."""
        self._args = args
        os.makedirs(self.box.outside(self._rundir), exist_ok=True)
        self.box.spawn(self._process.name, [self.path, *args],
                       {**ENVIRONMENT, "OVS_RUNDIR": self._rundir})

    def start(self, *args):
        """Starts it and waits until it answers its operators."""
        self.spawn(*args)
        until(self._answers, "vnicd answers", timeout=WAIT_SECONDS)

    def _answers(self):
        if not self._process.is_running():
            pytest.fail(f"vnicd ended with status {self._process.status()}:\n"
                        f"{self.log()}")
        try:
            return self.status()
        except HostboxError:
            return None

    def is_running(self):
        try:
            return self._process.is_running()
        except HostboxError:        # Never started in this box.
            return False

    def stop(self):
        assert self._process.stop() == 0, self.log()

    def kill(self):
        self._process.kill()

    def wait_end(self):
        """Waits until it has ended by itself and returns its status."""
        return self._process.wait()

    # Questions.

    def call(self, command, *args):
        """A command's answer, from its JSON."""
        return json.loads(self.appctl(command, *args, "--format=json"))

    def appctl(self, *args):
        return self.box.run(["ovs-appctl", "--timeout=10", "-t", "vnicd",
                             *args], env={"OVS_RUNDIR": self._rundir})

    def status(self):
        return self.call("status")

    def vnics(self):
        return self.call("vnic/list")

    def vnic(self, guest, number=0):
        """The row of one of a guest's vNICs, or None."""
        rows = [row for row in self.vnics() if row["domain"] == guest.name]
        return rows[number] if number < len(rows) else None

    def vnic_by_mac(self, mac):
        """The row of the vNIC with this address, or None."""
        rows = [row for row in self.vnics() if row["mac"] == mac]
        return rows[0] if rows else None

    def drift(self):
        return self.call("drift/list")

    def plan(self):
        return self.call("plan")

    def orphans(self):
        return self.call("orphan/list")

    def transactions(self):
        """How often it has written to the database since its start."""
        return self.status()["ovsdb_transactions"]

    def bundles(self):
        """How many bundles each bridge has taken since its start."""
        return {bridge["bridge"]: bridge["bundles"]
                for bridge in self.status()["openflow"]}

    def ctl(self, *args, status=0):
        """Runs vnicctl, which must exit with 'status'; what it printed."""
        path = program("ctl", "vnicctl")
        return self.box.run(["sh", "-c", '"$@" 2>&1; [ $? -eq "$0" ]',
                             str(status), path, *args])

    # Waiting.

    def wait_for(self, condition, what):
        return until(condition, what, timeout=WAIT_SECONDS)

    def wait_state(self, guest, state="ready", number=0, **fields):
        """Waits until a vNIC is in 'state' and 'fields' are as given;
        returns its row."""
        wanted = {"state": state, **fields}
        seen = []

        def is_as_wanted():
            row = self.vnic(guest, number) or {}
            seen[:] = [row]
            return row if wanted.items() <= row.items() else None
        try:
            return self.wait_for(is_as_wanted, f"{guest.name} is {wanted}")
        except HostboxError as e:
            pytest.fail(f"{e}; it is {seen[0]}")

    def wait_ready_mac(self, mac):
        """Waits until the vNIC with this address is ready; returns its
        row."""
        def is_ready():
            row = self.vnic_by_mac(mac)
            return row if row and row["state"] == "ready" else None
        return self.wait_for(is_ready, f"the vNIC {mac} is ready")

    def wait_gone(self, guest):
        self.wait_for(lambda: not self.vnic(guest),
                      f"{guest.name} is gone from the list")

    def wait_connected(self):
        """Waits until it has seen all of libvirt and of the switch."""
        def is_connected():
            status = self.status()
            return (status["ovsdb"]["state"] == "active"
                    and all(c["state"] == "synced"
                            for c in status["libvirt"]))
        self.wait_for(is_connected, "vnicd sees libvirt and the database")

    def wait_repaired(self, port, is_right):
        """Waits until the columns of 'port' satisfy 'is_right'; returns
        after how many seconds."""
        began = time.monotonic()
        self.wait_for(lambda: is_right(switch.columns(self.box, port)),
                      f"{port} is put right")
        return time.monotonic() - began

    # Judgement.

    def log(self):
        """What it has printed since this object was made."""
        return self._whole_log()[self._log_start:]

    def _whole_log(self):
        try:
            with open(self._process.log, encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def expect(self, pattern):
        """Warnings that match 'pattern' are part of this test."""
        self._expected.append(re.compile(pattern))

    def check_log(self):
        """Fails on warnings, errors and sanitizer reports not expected."""
        bad = [line for line in self.log().splitlines()
               if BAD_LINE.search(line)
               and not any(p.search(line) for p in self._expected)]
        assert not bad, "\n".join(bad)

    def check_settled(self):
        """The recompute oracle: on a host that it has put right, neither a
        forced pass nor a restart has anything to write."""
        self.wait_connected()
        n_transactions = self.transactions()
        rows = switch.snapshot(self.box)
        self.call("reconcile")
        assert self.transactions() == n_transactions, self.log()
        self.stop()
        self.start(*self._args)
        self.wait_connected()
        self.call("reconcile")
        assert self.transactions() == 0, self.log()
        assert switch.snapshot(self.box) == rows
