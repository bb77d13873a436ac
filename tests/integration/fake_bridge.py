# SPDX-License-Identifier: Apache-2.0
"""A switch that refuses flows: between the agent and a bridge's socket, it
answers an error in the bridge's place."""

import os
import socket
import struct
import threading

HEADER = struct.Struct("!BBHI")
ERROR, FLOW_MOD, BUNDLE_ADD = 1, 14, 34
BUNDLE_HEADER = 8
BAD_ACTION, BAD_OUT_PORT = 2, 4


def _read(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data


def _message(connection):
    """A whole OpenFlow message."""
    header = _read(connection, HEADER.size)
    return header + _read(connection, HEADER.unpack(header)[2] - HEADER.size)


class FakeBridge:
    """In the place of 'BRIDGE.mgmt'; use it as a context.  Flows in a bundle
    whose cookie is in 'refused' are answered with an error."""

    def __init__(self, path):
        self.path = str(path)
        self.real = self.path + ".real"
        self.refused = set()
        self.n_refused = 0
        self._sockets = []

    def __enter__(self):
        os.rename(self.path, self.real)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._sockets:
            self._close(connection)
        os.unlink(self.path)
        os.rename(self.real, self.path)

    @staticmethod
    def _close(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass                    # It is closed already.

    def _serve(self):
        while True:
            try:
                agent, _ = self._listener.accept()
            except OSError:         # Shut down.
                return
            bridge = socket.socket(socket.AF_UNIX)
            bridge.connect(self.real)
            self._sockets += [agent, bridge]
            for ends in ((agent, bridge, True), (bridge, agent, False)):
                threading.Thread(target=self._pass_on, args=ends,
                                 daemon=True).start()

    def _pass_on(self, source, sink, is_from_agent):
        try:
            while True:
                message = _message(source)
                if is_from_agent and self._is_refused(message):
                    self.n_refused += 1
                    source.sendall(self._refuse(message))
                else:
                    sink.sendall(message)
        except OSError:
            self._close(source)
            self._close(sink)

    def _is_refused(self, message):
        _, kind, _, _ = HEADER.unpack_from(message)
        inner = message[HEADER.size + BUNDLE_HEADER:]
        if kind != BUNDLE_ADD or HEADER.unpack_from(inner)[1] != FLOW_MOD:
            return False
        cookie, = struct.unpack_from("!Q", inner, HEADER.size)
        return cookie in self.refused

    @staticmethod
    def _refuse(message):
        version, _, _, xid = HEADER.unpack_from(message)
        body = struct.pack("!HH", BAD_ACTION, BAD_OUT_PORT) + message[:64]
        return HEADER.pack(version, ERROR, HEADER.size + len(body),
                           xid) + body
