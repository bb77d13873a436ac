# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the integration tests."""

import itertools
import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))
sys.path.insert(0, str(TESTS / "integration"))

from far_database import FarDatabase  # noqa: E402 (the path comes first)
from hooks import Hooks, forgo_flows  # noqa: E402
from host import Host  # noqa: E402
from pipeline import Switch  # noqa: E402
from pipeline_frames import N_PORTS  # noqa: E402

BUILD = os.environ.get("VNICD_BUILD", str(TESTS.parent))


@pytest.fixture(scope="session")
def build():
    """The folder that the agent was built in."""
    return BUILD


@pytest.fixture
def host(tmp_path):
    """A host with the bridge br0, and no agent yet."""
    with Host(tmp_path, BUILD) as host:
        host.add_bridge()
        yield host
        agent = host.daemons.get("vnicd")
        if agent:
            agent.stop()
            assert not agent.complaints()


@pytest.fixture
def agent(host):
    """A running agent; at the end, a host that is right is left alone."""
    agent = host.agent()
    yield agent
    if agent.is_running():
        check_nothing_to_do(host, agent)


@pytest.fixture
def settled(host, agent):
    """An agent that has seen everything."""
    host.settled(agent)
    return agent


@pytest.fixture
def hooks(host):
    """The hooks of 'host', on which nobody waits for flows."""
    forgo_flows(host)
    return Hooks(host)


@pytest.fixture
def far(host):
    """The database of 'host', which an agent may lose."""
    with FarDatabase(host.rundir / "far.sock",
                     host.rundir / "db.sock") as far:
        yield far


@pytest.fixture(scope="module")
def switch(tmp_path_factory, build):
    """A real switch, which gets the flows of described bridges."""
    with Switch(tmp_path_factory.mktemp("switch"), build, TESTS.parent,
                N_PORTS) as switch:
        yield switch


@pytest.fixture
def numbers(request):
    """Numbers for markers, other ones for each test."""
    start = sum(request.node.name.encode()) * 10000
    return itertools.count(start)


def check_nothing_to_do(host, agent):
    """The recompute oracle: neither a forced recompute nor a restart of the
    agent writes anything."""
    before = agent.transactions()
    agent.ask("reconcile")
    assert agent.transactions() == before

    agent.stop()
    again = host.agent()
    again.expected = agent.expected
    host.settled(again)
    assert again.transactions() == 0, again.text()
