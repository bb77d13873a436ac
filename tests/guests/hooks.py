# SPDX-License-Identifier: Apache-2.0
"""libvirt's hooks in a box: the agent's program, and programs that watch."""

import os

from agent import program
from hostbox import layout


def install(box):
    box.install_hooks(program("libvirt-hooks", "vnicd-hook"))


def configure(box, **settings):
    """Writes /etc/vnicd/hook.conf; keys with _ for -."""
    with open(box.outside("/etc/vnicd/hook.conf"), "w",
              encoding="ascii") as f:
        f.writelines(f"{key.replace('_', '-')} = {value}\n"
                     for key, value in settings.items())


def add_script(box, name, text, driver="qemu"):
    """A hook of a driver's guests, run after the agent's; the words are $1 the
    guest, $2 the operation."""
    path = box.outside(f"{layout.HOOKS_DIR}/{driver}.d/{name}")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"#!/bin/sh\n{text}\n")
    os.chmod(path, 0o755)
    return path
