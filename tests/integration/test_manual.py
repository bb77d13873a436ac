# SPDX-License-Identifier: Apache-2.0
"""What the manual pages list, and what the programs have."""

import re
from pathlib import Path

import pytest
from bridge_flows import start, wait_flows
from test_questions import PROBE

ROOT = Path(__file__).resolve().parent.parent.parent


def source(*paths):
    return "".join((ROOT / path).read_text() for path in paths)


# Manual pages.


def section(page, name):
    return re.search(rf"^\.Sh {name}\n(.*?)^\.Sh ", source(f"doc/{page}.in"),
                     re.M | re.S)[1]


def items(text):
    """What the lists in 'text' explain."""
    return [word for line in re.findall(r"^\.It Li (.*)", text, re.M)
            for word in line.split(" , ")]


def item(text, name):
    """What is said about one of them."""
    return re.search(rf"^\.It Li (?:[^\n]* , )?{name}(?: ,[^\n]*)?\n(.*?)"
                     r"^\.(?:It|El)", text, re.M | re.S)[1]


def words(text):
    """What is literal in 'text'."""
    return [word for line in re.findall(r"^\.(?:Li|Sq|Ql) (.*)", text, re.M)
            for word in re.split(r" [,.;:](?: |$)", line) if word]


JSON_KEYS = section("vnicctl.8", "JSON KEYS")
LISTINGS, STATUS = JSON_KEYS.split(".Li status\nis one object")


def keys(word, after=""):
    """The JSON keys of a listing, where 'after' stands before them."""
    text = item(LISTINGS, word)
    text = text[text.index(after) + len(after):]
    return words(re.match(r".*? [.;]$", text, re.M | re.S)[0])


# The programs.


def names(path, macro):
    """The names of an enumeration."""
    found = re.findall(rf'\b{macro}\([A-Z_]+, "([^"]+)"', source(path))
    assert found
    return set(found)


def settings():
    """The settings, each with its values."""
    return {key: re.split(", | or ", values) for key, values in re.findall(
        r'PREFIX "([a-z-]+)",\s*"([^"]+)"', source("lib/settings.c"))}


@pytest.mark.parametrize("page, name, path, macro", [
    ("vnicd.8", "STATES", "controller/vnic-state.h", "VNIC_STATE"),
    ("vnicd.8", "UPLINKS", "lib/switch-view.h", "PORT_ROLE"),
    ("vnicd.8", "DRIFT AND CAUSES", "ovsdb/port-op.h", "PORT_CAUSE"),
])
def test_words_are_explained(page, name, path, macro):
    text = section(page, name)
    assert set(items(text)) <= names(path, macro) <= {*items(text),
                                                      *words(text)}


@pytest.mark.parametrize("word, path, macro", [
    ("libvirt", "virt/virt-conn.h", "VIRT_STATE"),
    ("openflow", "controller/bridge-flows.h", "BRIDGE_FLOWS_STATE"),
    ("diff", "flows/flow-diff.h", "FLOW_CAUSE"),
    ("show", "lib/intent.h", "VLAN_SOURCE"),
    ("show", "lib/policy-intent.h", "POLICY_SOURCE"),
])
def test_values_are_listed(word, path, macro):
    assert names(path, macro) <= set(words(item(JSON_KEYS, word)))


def test_settings_are_explained():
    text = section("vnicd-settings.5", "SETTINGS")
    assert sorted(items(text)) == sorted(f"vnicd-{key}" for key in settings())
    for key, values in settings().items():
        said = words(item(text, f"vnicd-{key}"))
        if "empty" not in values:       # The first one is the default.
            assert said[:1] == values[:1] and set(values) <= set(said), key


def test_keys_in_the_database_are_explained():
    marks = re.findall(r'define \w+ "(vnicd-[a-z-]+)"',
                       source("ovsdb/ovs-view.h", "lib/settings.h"))
    assert {key.split(":")[-1] for key in items(
        section("vnicd.8", "EXTERNAL IDS WRITTEN"))} == set(marks)


def test_warnings_are_explained():
    """Those that begin with a word by which they can be told."""
    codes = re.findall(r'(?:warnings_add\(|xasprintf\(|warn_of_named\()'
                       r'(?:warnings,)?\s*"([a-z]+-?[a-z-]*)(?:: |", )',
                       source("controller/warnings.c", "controller/status.c",
                              "controller/bridge-flows.c", "flows/ofconn.c"))
    assert set(codes) == set(items(section("vnicd-isolation.7", "WARNINGS")))


# A running agent.


def test_keys_of_listings_are_listed(host, agent):
    start(host, agent, 1)
    wait_flows(agent)

    def has(*command):
        return agent.ask(*command, "--format=csv").splitlines()[0].split(",")

    assert has("vnic/list") == keys("list")
    assert has("vnic/show", "web1") == keys("show")
    assert has("vlan/show") == keys("vlan")
    assert has("bridge/list") == keys("bridges")
    assert has("plan") == has("reconcile") == keys("plan")
    assert has("orphan/collect") == keys("collect")
    assert has("drift/list") == keys("drift")
    assert has("quarantine/list") == keys("quarantine")
    assert has("flow/dump") == keys("flows")
    assert has("flow/diff") == keys("diff")
    assert has("orphan/list") == keys("orphans")
    assert has("orphan/collect", "--dry-run") == keys("orphans")
    assert has("why", "tap1", PROBE) == keys("why")
    assert has("why", "tap1") == keys("why", after="without a packet\n")
    assert has("isolation/verify") == keys("verify")


def test_keys_of_the_status_are_listed(host, agent):
    start(host, agent, 1)
    status = agent.status()
    assert sorted(items(STATUS)) == sorted(status)
    for key in ("libvirt", "ovsdb", "vswitchd", "openflow", "hooks"):
        value = status[key]
        said = re.match(r".*? \.$", item(STATUS, key), re.M | re.S)[0]
        assert set(words(said)) == set(value[0] if isinstance(value, list)
                                       else value), key


def test_commands_are_listed(host, agent):
    def commands(target):
        text = host.run("ovs-appctl", "-t", target, "list-commands").stdout
        return {line.split()[0] for line in text.splitlines()[1:]}

    text = section("vnicctl.8", "COMMANDS")
    said = set(re.findall(r"\bPq Li ([a-z/]+)$", text, re.M))
    assert commands("vnicd") - commands("ovs-vswitchd") <= said
    assert said <= commands("vnicd")


def test_settings_are_listed(host, agent):
    bridge, = agent.json("bridge/list")
    others = {"manage": "managed", "fail-mode": "fail_mode_setting"}
    assert {others.get(key, key.replace("-", "_"))
            for key in settings()} <= set(bridge)
