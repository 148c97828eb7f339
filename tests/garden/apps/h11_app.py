"""For h11, a library that does no I/O: ``python h11_app.py PORT``.

Behind another server, ``X-Line`` says what that one was asked.
"""

from __future__ import annotations

import json
import socketserver
import sys
from contextlib import suppress

import h11


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=131_072)
        with suppress(OSError, h11.LocalProtocolError):
            try:
                while self.answer(connection):
                    connection.start_next_cycle()
            except h11.RemoteProtocolError as error:
                self.send(connection, h11.Response(status_code=error.error_status_hint, headers=[]))

    def answer(self, connection: h11.Connection) -> bool:
        """Whether another request may follow."""
        request, length = None, 0
        while not isinstance(event := self.next_event(connection), h11.EndOfMessage):
            if isinstance(event, h11.ConnectionClosed):
                return False
            if isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                length += len(event.data)
        assert request is not None
        line = dict(request.headers).get(b"x-line", request.method + b" " + request.target)
        method, target = line.decode("ascii").split(" ")[:2]
        seen = json.dumps([method, target, length])
        headers = [("X-Seen", seen), ("Content-Length", "0")]
        self.send(connection, h11.Response(status_code=200, headers=headers))
        return connection.our_state is not h11.MUST_CLOSE

    def next_event(self, connection: h11.Connection) -> h11.Event | type[h11.PAUSED]:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(self.request.recv(65_536))
        assert not isinstance(event, type) or event is h11.PAUSED
        return event

    def send(self, connection: h11.Connection, response: h11.Response) -> None:
        for event in (response, h11.EndOfMessage()):
            self.request.sendall(connection.send(event) or b"")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 1024


with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    server.serve_forever()
