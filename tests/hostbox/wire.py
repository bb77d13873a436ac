# SPDX-License-Identifier: Apache-2.0
"""The frames on a network device of a box, byte by byte.

A packet socket is made inside the box's network and used outside of it, so
that a test sees and sends frames without a program in between."""

import ctypes
import fcntl
import os
import socket
import struct
import threading

from .util import HostboxError, until

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA = 263, 8
SO_RCVBUFFORCE = 33
AUXDATA = struct.Struct("=IIIHHHH")     # struct tpacket_auxdata
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
BUFFER_SIZE = 8 << 20
FRAME_MAX = 65536
ADDRESSES_SIZE = 12

_libc = ctypes.CDLL(None, use_errno=True)


class Wire:
    """What is sent over 'device' of 'box' from now on.

    With 'is_tap', what the host gives to the guest behind the tap, otherwise
    what arrives at the device from its other end."""

    def __init__(self, box, device, is_tap=False):
        self.name = device
        self._direction = ({socket.PACKET_OUTGOING} if is_tap else
                           {socket.PACKET_HOST, socket.PACKET_BROADCAST,
                            socket.PACKET_MULTICAST, socket.PACKET_OTHERHOST})
        self._socket = _inside(box.init_pid(), lambda: _open(device))

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, frame):
        """Sends 'frame' (bytes) out of the device."""
        self._socket.send(frame)

    def frames(self):
        """What has come since the last call, bytes as on the wire."""
        found = []
        while True:
            try:
                data, ancillary, _, address = self._socket.recvmsg(
                    FRAME_MAX, socket.CMSG_SPACE(AUXDATA.size),
                    socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            if address[2] in self._direction:
                found.append(_with_tag(data, ancillary))

    def wait(self, marker, timeout=10):
        """Waits for a frame that contains 'marker' (bytes); returns all that
        came until then, it and perhaps more included."""
        seen = []

        def has_come():
            seen.extend(self.frames())
            return any(marker in frame for frame in seen)
        until(has_come, f"{marker.hex()} is on {self.name}", timeout=timeout)
        return seen


def open_tap(box, name):
    """Makes a tap in 'box', and returns the file descriptor where a guest
    would be.  The tap lives as long as that is open."""
    return _inside(box.init_pid(), lambda: _open_tap(name))


def _open_tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                           IFF_TAP | IFF_NO_PI))
    return fd


def _inside(pid, function):
    """What 'function' returns in the network of process 'pid'.  A thread of
    its own enters it, and ends there."""
    result = []

    def run():
        with open(f"/proc/{pid}/ns/net", "rb") as namespace:
            if _libc.setns(namespace.fileno(), CLONE_NEWNET):
                result.append(HostboxError(
                    f"setns: {os.strerror(ctypes.get_errno())}"))
                return
        try:
            result.append(function())
        except OSError as e:
            result.append(HostboxError(str(e)))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(result[0], HostboxError):
        raise result[0]
    return result[0]


def _open(device):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                           socket.htons(ETH_P_ALL))
    opened.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_SIZE)
    opened.bind((device, 0))
    return opened


def _with_tag(data, ancillary):
    """The kernel hands the outer tag over beside the frame."""
    for level, kind, content in ancillary:
        if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
            continue
        status, _, _, _, _, tci, tpid = AUXDATA.unpack(content)
        if status & TP_STATUS_VLAN_VALID:
            if not status & TP_STATUS_VLAN_TPID_VALID:
                tpid = 0x8100
            return (data[:ADDRESSES_SIZE] + struct.pack("!HH", tpid, tci)
                    + data[ADDRESSES_SIZE:])
    return data
