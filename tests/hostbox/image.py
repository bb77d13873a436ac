# SPDX-License-Identifier: Apache-2.0
"""The guest: a Linux kernel and an initramfs that boot in a few seconds.

The kernel and busybox come out of Debian's packages, which are downloaded and
unpacked but never installed: installing a kernel would change the boot loader
of this host.  An image is kept in the cache under a name made of everything
that went into it, so it is rebuilt when, and only when, something changes.
"""

import glob
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from .util import HostboxError, cache_dir, locked, run

HERE = os.path.dirname(os.path.abspath(__file__))
KERNEL_META_PACKAGE = "linux-image-cloud-amd64"
BUSYBOX_PACKAGE = "busybox-static"
MODULES = ("virtio_pci", "virtio_net", "8021q")
RECIPE = ("image.py", "guest-init", "guest-frame.c")
APT_GET = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root")


class Image:
    """A built guest image: two files."""

    def __init__(self, directory):
        self.directory = directory
        self.kernel = os.path.join(directory, "vmlinuz")
        self.initrd = os.path.join(directory, "initrd")

    def is_built(self):
        return os.path.exists(self.initrd)


def get(say=print):
    """The image for the packages that apt offers now; builds a missing one."""
    try:
        packages = _resolve_packages()
    except HostboxError:
        _refresh_package_lists(say)
        packages = _resolve_packages()
    image = Image(os.path.join(cache_dir(), f"guest-{_key(packages)}"))
    if not image.is_built():
        with locked(os.path.join(cache_dir(), "guest.lock")):
            if not image.is_built():
                _build(image, packages, say)
    return image


def _resolve_packages():
    """{name: version} of the packages that an image is made of."""
    shown = run(["apt-cache", "show", "--no-all-versions",
                 KERNEL_META_PACKAGE, BUSYBOX_PACKAGE])
    kernel = re.search(r"^Depends:.*\b(linux-image-\d\S*) \(= (\S+)\)",
                       shown, re.MULTILINE)
    busybox = re.search(rf"^Package: {BUSYBOX_PACKAGE}\n(?:.+\n)*?"
                        r"Version: (\S+)$", shown, re.MULTILINE)
    if not kernel or not busybox:
        raise HostboxError(f"apt does not offer both {KERNEL_META_PACKAGE} "
                           f"and {BUSYBOX_PACKAGE}")
    return {kernel.group(1): kernel.group(2),
            BUSYBOX_PACKAGE: busybox.group(1)}


def _key(packages):
    digest = hashlib.sha256(repr(sorted(packages.items())).encode())
    for name in RECIPE:
        with open(os.path.join(HERE, name), "rb") as f:
            digest.update(f.read())
    return digest.hexdigest()[:16]


def _build(image, packages, say):
    """Builds beside 'image' and renames: it is there whole or not at all."""
    say("building the guest image (once): " + ", ".join(
        f"{name} {version}" for name, version in packages.items()))
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="guest-") as tmp:
        packed = os.path.join(tmp, "packages")
        unpacked = os.path.join(tmp, "unpacked")
        ready = os.path.join(tmp, "ready")
        for directory in (packed, unpacked, ready):
            os.mkdir(directory)
        _download(packages, packed, say)
        for package in glob.glob(os.path.join(packed, "*.deb")):
            run(["dpkg-deb", "-x", package, unpacked], timeout=120)
        _make_kernel(unpacked, ready)
        _make_initrd(unpacked, os.path.join(tmp, "root"), ready)
        os.rename(ready, image.directory)


def _download(packages, directory, say):
    argv = [*APT_GET, "download",
            *(f"{name}={version}" for name, version in packages.items())]
    try:
        run(argv, cwd=directory, timeout=300)
    except HostboxError:
        # The archive drops a version when the next one comes out.
        _refresh_package_lists(say)
        run(argv, cwd=directory, timeout=300)


def _refresh_package_lists(say):
    say("refreshing apt's lists of packages")
    run([*APT_GET, "update"], timeout=300)


def _make_kernel(unpacked, ready):
    kernel, = glob.glob(os.path.join(unpacked, "boot", "vmlinuz-*"))
    shutil.copy(kernel, os.path.join(ready, "vmlinuz"))


def _make_initrd(unpacked, root, ready):
    for directory in ("bin", "dev", "modules", "proc", "sys", "tmp"):
        os.makedirs(os.path.join(root, directory))
    _install_busybox(unpacked, os.path.join(root, "bin"))
    _install_modules(unpacked, os.path.join(root, "modules"))
    init = shutil.copy(os.path.join(HERE, "guest-init"),
                       os.path.join(root, "init"))
    os.chmod(init, 0o755)
    run(["gcc", "-std=gnu11", "-O2", "-static", "-s",
         "-o", os.path.join(root, "bin", "guest-frame"),
         os.path.join(HERE, "guest-frame.c")])
    _pack(root, os.path.join(ready, "initrd"))


def _install_busybox(unpacked, bin_directory):
    busybox = shutil.copy(os.path.join(unpacked, "bin", "busybox"),
                          bin_directory)
    for applet in run([busybox, "--list"]).split():
        if applet != "busybox":
            os.symlink("busybox", os.path.join(bin_directory, applet))


def _install_modules(unpacked, modules):
    """Copies the modules and writes the order in which they load."""
    tree, = glob.glob(os.path.join(unpacked, "lib", "modules", "*"))
    version = os.path.basename(tree)
    run(["depmod", "-b", unpacked, version])
    paths = {}
    for module in MODULES:
        steps = run(["modprobe", "-d", unpacked, "-S", version,
                     "--show-depends", module])
        for step in steps.splitlines():
            words = step.split()
            if words[0] == "insmod":
                paths[words[1]] = None
    for path in paths:
        shutil.copy(path, modules)
    with open(os.path.join(modules, "order"), "w", encoding="ascii") as f:
        f.writelines(f"/modules/{os.path.basename(p)}\n" for p in paths)


def _pack(root, initrd):
    """A gzipped cpio archive; the fastest level, as the guest unpacks it."""
    names = subprocess.run(["find", ".", "-print0"], cwd=root, check=True,
                           stdout=subprocess.PIPE).stdout
    packed = subprocess.run(
        ["cpio", "--quiet", "--null", "--create", "--format=newc",
         "--owner=0:0"],
        cwd=root, input=names, check=True, stdout=subprocess.PIPE).stdout
    with open(initrd, "wb") as f:
        f.write(gzip.compress(packed, compresslevel=1, mtime=0))
