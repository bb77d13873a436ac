# SPDX-License-Identifier: Apache-2.0
"""Is /dev/kvm any good?

A virtual machine often has a /dev/kvm that opens and then does not run
guests.  libvirt would spend 40 s finding that out, at every start, and guests
would hang.  So a guest is booted on it, once per boot of this machine; where
that does not work, or not quickly, guests are emulated.
"""

import os
import subprocess
import tempfile

from .util import (HostboxError, cache_dir, locked, read_text, until,
                   write_text)

QEMU = "/usr/bin/qemu-system-x86_64"
READY = "hostbox-guest-ready"
PROBE_SECONDS = 5


def kvm_works(image, say):
    """True if a guest boots under KVM; remembered until the next boot."""
    if not os.path.exists("/dev/kvm"):
        return False
    boot_id = read_text("/proc/sys/kernel/random/boot_id", "").strip()
    path = os.path.join(cache_dir(), "kvm-works")
    with locked(path + ".lock"):
        known = read_text(path, "").split()
        if len(known) != 2 or known[0] != boot_id:
            say("trying whether /dev/kvm runs guests (once per boot)")
            known = [boot_id, "yes" if _boots(image) else "no"]
            write_text(path, " ".join(known) + "\n")
    return known[1] == "yes"


def _boots(image):
    argv = [QEMU, "-accel", "kvm", "-M", "pc", "-m", "96", "-nodefaults",
            "-no-user-config", "-display", "none", "-kernel", image.kernel,
            "-initrd", image.initrd, "-append", "console=ttyS0 quiet"]
    with tempfile.NamedTemporaryFile() as console:
        qemu = subprocess.Popen([*argv, "-serial", f"file:{console.name}"],
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        try:
            return _says_ready(console.name, qemu)
        finally:
            qemu.kill()
            qemu.wait()


def _says_ready(console, qemu):
    try:
        return until(lambda: qemu.poll() is None
                     and READY in read_text(console),
                     "a guest boots under KVM", timeout=PROBE_SECONDS)
    except HostboxError:
        return False
