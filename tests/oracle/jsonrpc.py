# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC over a Unix socket: to the database, and to a daemon's control
socket.  One connection for many questions, no process for any of them."""

import json
import socket

ANSWER_SECONDS = 20


class JsonRpc:
    """One connection, one question at a time."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_SECONDS)
        self._socket.connect(str(path))
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._n_calls = 0

    def close(self):
        self._socket.close()

    def call(self, method, *params):
        """Returns the result, or raises with the error."""
        self._ask(method, *params)
        return self._answer(method)

    def _ask(self, method, *params):
        self._n_calls += 1
        self._send(method=method, params=params, id=self._n_calls)

    def _answer(self, method):
        while True:
            message = self._receive()
            if message.get("method") == "echo":     # Are we alive?
                self._send(result=message["params"], error=None,
                           id=message["id"])
            elif message.get("id") == self._n_calls:
                if message["error"]:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def _send(self, **message):
        self._socket.sendall(json.dumps(message).encode())

    def _receive(self):
        while True:
            try:
                message, end = self._decoder.raw_decode(self._text)
            except json.JSONDecodeError:            # Not all of it yet.
                data = self._socket.recv(1 << 18)
                if not data:
                    raise ConnectionError("the peer is gone") from None
                self._text += data.decode()
            else:
                self._text = self._text[end:].lstrip()
                return message


class Question(JsonRpc):
    """One question, whose answer is waited for later."""

    def __init__(self, path, method, *params):
        super().__init__(path)
        self._method = method
        self._ask(method, *params)

    def answer(self):
        try:
            return self._answer(self._method)
        finally:
            self.close()


class Conflict(RuntimeError):
    """Somebody else has just written what does not go together with this."""


class Database(JsonRpc):
    """A connection to ovsdb-server."""

    def transact(self, *operations, comment=None):
        """Commits 'operations' together; returns the result of each."""
        if comment:
            operations += ({"op": "comment", "comment": comment},)
        results = self.call("transact", "Open_vSwitch", *operations)
        for result in results:
            if result and result.get("error"):
                kind = (Conflict if result["error"] == "constraint violation"
                        else RuntimeError)
                raise kind(f"{comment or 'transaction'}: {result['error']}: "
                           f"{result.get('details')}")
        return results
