# SPDX-License-Identifier: Apache-2.0
"""A database that only the agent may lose: between the two, while everybody
else goes on with it."""

import json
import os
import socket
import threading


def _receive(connection):
    try:
        return connection.recv(1 << 18)
    except ConnectionError:
        return b""


def _messages(connection):
    """Each whole JSON-RPC message, until the peer hangs up."""
    decoder, text = json.JSONDecoder(), ""
    while data := _receive(connection):
        text += data.decode()
        while text:
            try:
                message, end = decoder.raw_decode(text)
            except json.JSONDecodeError:        # Not all of it yet.
                break
            text = text[end:].lstrip()
            yield message


def _send(connection, message):
    try:
        connection.sendall(json.dumps(message).encode())
    except OSError:
        pass                        # It has hung up.


def _close(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass                        # It is closed already.


class FarDatabase:
    """Listens at 'path' for whoever wants the database at 'real'; use it as a
    context.  While it is away it hangs up on everybody; while it is slow it
    does not get to the question what its rows are."""

    def __init__(self, path, real):
        self.path = str(path)
        self._real = str(real)
        self._is_away = False
        self._is_fast = threading.Event()
        self._is_fast.set()
        self._connections = []

    def __enter__(self):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        _close(self._listener)
        self._listener.close()
        self._hang_up()
        self._is_fast.set()
        os.unlink(self.path)

    def _hang_up(self):
        for connection in self._connections:
            _close(connection)

    def go_away(self):
        self._is_away = True
        self._hang_up()

    def become_slow(self):
        """Hangs up, and then answers anew."""
        self._is_fast.clear()
        self._hang_up()

    def return_whole(self):
        self._is_away = False
        self._is_fast.set()

    def _serve(self):
        while True:
            try:
                agent, _ = self._listener.accept()
            except OSError:         # Shut down.
                return
            if self._is_away:
                agent.close()
                continue
            database = socket.socket(socket.AF_UNIX)
            database.connect(self._real)
            self._connections += [agent, database]
            for work in ((self._pass_questions, agent, database),
                         (self._pass_answers, database, agent)):
                threading.Thread(target=work[0], args=work[1:],
                                 daemon=True).start()

    def _pass_questions(self, agent, database):
        for message in _messages(agent):
            if (message.get("method", "").startswith("monitor")
                    and message["params"][0] == "Open_vSwitch"):
                self._is_fast.wait()
            _send(database, message)
        _close(database)

    @staticmethod
    def _pass_answers(database, agent):
        for message in _messages(database):
            _send(agent, message)
        _close(agent)
