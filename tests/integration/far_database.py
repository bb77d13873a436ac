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
    context."""

    def __init__(self, path, real):
        self.path = str(path)
        self._real = str(real)
        self._is_away = False
        self._held = "none"
        self._is_passing = threading.Event()
        self._is_passing.set()
        self.is_holding = False
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
        self.return_whole()
        os.unlink(self.path)

    def start_agent(self, host):
        """An agent that uses this database, and knows everything."""
        agent = host.agent(f"--db=unix:{self.path}")
        for words in ("connection", "receive error"):
            agent.expect_warning(words)
        host.settled(agent)
        return agent

    def _hang_up(self):
        for connection in self._connections:
            _close(connection)

    def go_away(self):
        """Hangs up, and on everybody who calls."""
        self._is_away = True
        self._hang_up()

    def become_slow(self):
        """Hangs up; to who calls again it does not tell what rows it has."""
        self.hold("monitor")
        self._hang_up()

    def hold(self, method):
        """Keeps the next call of 'method', and what comes behind it, until
        the return."""
        self._is_passing.clear()
        self._held = method

    def return_whole(self):
        self._is_away = self.is_holding = False
        self._held = "none"
        self._is_passing.set()

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
            if self._is_held(message):
                self.is_holding = True
                self._is_passing.wait()
            _send(database, message)
        _close(database)

    def _is_held(self, message):
        """Calls about the server itself are not."""
        return (message.get("method", "").startswith(self._held)
                and message["params"][0] == "Open_vSwitch")

    @staticmethod
    def _pass_answers(database, agent):
        for message in _messages(database):
            _send(agent, message)
        _close(agent)
