# SPDX-License-Identifier: Apache-2.0
"""A process that runs in a box under the eyes of its supervisor."""

import signal

from .util import until

STOP_SECONDS = 20


class Process:
    """A process by name; it may have been started by somebody else."""

    def __init__(self, box, name):
        self.box = box
        self.name = name
        self.log = box.layout.log(name)

    def pid(self):
        """As the box counts; outside it is another number."""
        return self._ask()["pid"]

    def status(self):
        """None while it runs, then as a shell says it (128 + signal)."""
        return self._ask()["status"]

    def is_running(self):
        return self.status() is None

    def wait(self, timeout=STOP_SECONDS):
        """Waits for the end of the process and returns its status."""
        until(lambda: not self.is_running(), f"{self.name} ends",
              timeout=timeout)
        return self.status()

    def signal(self, number):
        self.box.ask(op="signal", name=self.name, signal=int(number))

    def stop(self):
        """Asks it to end, waits until it has, and returns its status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """Kills it on the spot: no clean-up, as in a crash."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop_signal(self):
        """Freezes it: it keeps its sockets and answers nobody."""
        self.signal(signal.SIGSTOP)

    def cont(self):
        """Lets a frozen process go on."""
        self.signal(signal.SIGCONT)

    def _ask(self):
        return self.box.ask(op="status", name=self.name)
