# SPDX-License-Identifier: Apache-2.0
"""A host whose vNICs are real taps, in a network of its own.

The dummy datapath opens every port.  Here a port whose tap is gone cannot be
opened, as on a real host.  Needs root."""

import ctypes
import fcntl
import os
import struct
import threading

from host import Host

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
OWN_NETWORK = "/proc/thread-self/ns/net"
DISABLE_IPV6 = "/proc/sys/net/ipv6/conf/default/disable_ipv6"

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class OwnNetwork:
    """This thread, and what it starts, in a new network namespace."""

    def __enter__(self):
        self._old = os.open(OWN_NETWORK, os.O_RDONLY | os.O_CLOEXEC)
        _check(_libc.unshare(CLONE_NEWNET))
        # Or the kernel talks on every tap by itself.
        with open(DISABLE_IPV6, "w", encoding="ascii") as f:
            f.write("1")
        return self

    def __exit__(self, *_):
        _check(_libc.setns(self._old, CLONE_NEWNET))
        os.close(self._old)


class TapHost(Host):
    """The host; use it as a context."""

    DATAPATH = "netdev"
    SWITCH_OPTIONS = ()

    def __init__(self, directory, build):
        super().__init__(directory, build)
        self._network = OwnNetwork()
        self._taps = {}             # Name: file descriptor.
        self._ending = {}           # Name: the thread that closes it.

    def __enter__(self):
        self._network.__enter__()
        try:
            return super().__enter__()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *args):
        super().__exit__(*args)
        self.remove_taps()
        self._network.__exit__(*args)

    def add_tap(self, name):
        """Lives as long as somebody holds it open, as with QEMU."""
        if name in self._ending:
            self._ending.pop(name).join()
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._taps[name] = fd
        request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI)
        fcntl.ioctl(fd, TUNSETIFF, request)

    def remove_tap(self, name):
        """The kernel takes its time: others need not wait for it."""
        end = threading.Thread(target=os.close, args=[self._taps.pop(name)])
        end.start()
        self._ending[name] = end

    def remove_taps(self):
        for name in list(self._taps):
            self.remove_tap(name)
        for end in self._ending.values():
            end.join()

    def bring_up(self, name):
        """As libvirt does, before frames can pass."""
        self.run("ip", "link", "set", name, "up")

    def tap(self, name):
        """The file descriptor where a guest would be."""
        return self._taps[name]

    def has_tap(self, name):
        return name in self._taps
