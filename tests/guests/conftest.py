# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the guest tests: boxes, guests and the agent.

A box and its guests are made once per file.  Set VNICD_KEEP=1 to keep the
boxes of a failed run and look around with 'hostbox shell NAME'.
"""

import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(
    __file__))))

from agent import Agent  # noqa: E402 (the path comes first)
from hostbox import Box, Nic, Vlan  # noqa: E402

HAS_FAILED = pytest.StashKey()

_numbers = itertools.count()


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        reason = "needs root: a host in a box is made of namespaces"
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module", name="make_box")
def make_box_fixture():
    """A function that makes boxes, which end with the file."""
    boxes = []

    def make_box(**kwargs):
        boxes.append(Box.start(f"t{os.getpid()}x{next(_numbers)}", **kwargs))
        return boxes[-1]

    yield make_box
    if not os.environ.get("VNICD_KEEP"):
        for box in boxes:
            box.stop()


@pytest.fixture(scope="module")
def box(make_box):
    """The file's own KVM host, with the bridge br0."""
    return make_box()


@pytest.fixture(scope="module")
def boot(box):
    """A function that boots guests, {name: Nic}, all at once, and gives them
    the addresses 192.0.2.1/24, 2, ...; returns them by name."""
    def boot(nics):
        running = {name: box.add_guest(name, nic, wait=False)
                   for name, nic in nics.items()}
        for number, guest in enumerate(running.values(), 1):
            guest.wait_ready()
            guest.set_address(f"192.0.2.{number}/24")
        return running
    return boot


@pytest.fixture(scope="module")
def guests(boot):
    """Two guests in VLAN 10 that ping each other."""
    return list(boot({name: Nic(vlan=Vlan.access(10))
                      for name in ("one", "two")}).values())


@pytest.fixture
def guest(guests):
    return guests[0]


@pytest.fixture
def one(guests):
    """Guest 'one' of a file that has its own guests, by name."""
    return guests["one"]


@pytest.fixture
def port(one):
    """The port of guest 'one'."""
    return one.taps()[0]


@pytest.fixture
def brief(box):
    """A guest for one test, defined and not started."""
    guest = box.guest("brief")
    guest.define([Nic(vlan=Vlan.access(10))])
    yield guest
    guest.remove()


@pytest.fixture
def stopped_agent(box, request):
    """An agent not yet started.  However the test ends with it, it has kept
    the host settled and has not complained."""
    agent = Agent(box)
    yield agent
    if agent.is_running():
        try:
            if not _has_failed(request.node):
                agent.check_settled()
        finally:
            agent.stop()
    agent.check_log()


@pytest.fixture
def agent(stopped_agent):
    """An agent that looks after the box from the test's first line on."""
    stopped_agent.start()
    stopped_agent.wait_connected()
    return stopped_agent


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets fixtures know how the test itself went; shows the agent's log."""
    report = (yield).get_result()
    if report.when == "call":
        item.stash[HAS_FAILED] = report.failed
    agent = getattr(item, "funcargs", {}).get("stopped_agent")
    if report.failed and agent:
        report.sections.append(("vnicd's log", agent.log()))


def _has_failed(item):
    return item.stash.get(HAS_FAILED, True)
