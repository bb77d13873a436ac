# SPDX-License-Identifier: Apache-2.0
"""A socket in the agent's place, for what the real agent never does."""

import json
import select
import socket
import threading


class FakeAgent:
    """Listens on a Unix socket.  Each connection is passed to 'behave', in a
    thread; what it was asked is in 'requests'."""

    def __init__(self, path, behave):
        self.path = str(path)
        self.requests = []
        self.failure = None
        self._behave = behave
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        if self.failure:
            raise self.failure

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:     # Shut down.
                return
            with connection:
                connection.settimeout(30)
                try:
                    self._behave(self, connection)
                except (BrokenPipeError, ConnectionResetError):
                    pass        # The client has had enough.
                except Exception as e:
                    self.failure = e

    def read_request(self, connection):
        """Reads a whole request and notes it."""
        data = b""
        while True:
            data += connection.recv(65536)
            try:
                request = json.loads(data)
            except ValueError:
                continue
            self.requests.append(request)
            return request


def reply(result=None, error=None):
    """A reply as the agent writes it."""
    message = {"id": 0, "result": result, "error": error}
    return json.dumps(message, ensure_ascii=False).encode()


def answering(answer):
    """Behaves like the agent.  'answer' is the text, or makes it of the
    request."""
    def behave(agent, connection):
        request = agent.read_request(connection)
        text = answer(request) if callable(answer) else answer
        connection.sendall(reply(text))
    return behave


def sending(*chunks):
    """Reads the request, sends 'chunks', and closes the connection."""
    def behave(agent, connection):
        agent.read_request(connection)
        for chunk in chunks:
            connection.sendall(chunk)
    return behave


def silent(agent, connection):
    """Takes the request and never answers."""
    agent.read_request(connection)
    wait_for_hangup(connection)


def deaf(_, connection):
    """Does not even take the request."""
    wait_for_hangup(connection)


def wait_for_hangup(connection):
    poll = select.poll()
    poll.register(connection, 0)
    assert poll.poll(30000), "the client does not go away"
