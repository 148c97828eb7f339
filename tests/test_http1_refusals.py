"""The router's own error responses, as a client reads them (contract, section 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import h11
from twisted.trial.unittest import SynchronousTestCase

from pods import errors
from pods.http1.refusals import render

JSON = b"application/problem+json"
TEXT = b"text/plain; charset=utf-8"


def all_refusals(base: type[errors.Refusal] = errors.Refusal) -> Iterator[type[errors.Refusal]]:
    yield base
    for child in base.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from all_refusals(child)


def read(data: bytes, method: str = "GET") -> tuple[Any, dict[bytes, bytes], bytes, bool]:
    """``(response, fields, body, whether another may follow)``."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    response: Any = connection.next_event()
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert connection.trailing_data == (b"", False)
    fields = {bytes(name): bytes(value) for name, value in response.headers}
    assert len(fields) == len(list(response.headers))
    return response, fields, body, connection.their_state is h11.DONE


class RenderTests(SynchronousTestCase):
    """One complete response each."""

    def test_every_refusal(self) -> None:
        seen = set()
        for kind in all_refusals():
            refusal = kind("Something is wrong.", "pod_eu0 is to blame")
            data = render(refusal, b"id-1", [], without_body=False, close=refusal.closes)
            response, fields, body, reusable = read(data)
            seen.add(response.status_code)
            self.assertEqual(response.status_code, kind.status)
            self.assertEqual(response.reason, kind.title.encode())
            self.assertEqual(fields[b"content-length"], b"%d" % len(body))
            self.assertEqual(fields[b"x-request-id"], b"id-1")
            self.assertEqual(fields[b"cache-control"], b"no-store")
            self.assertEqual(fields[b"content-type"], TEXT)
            self.assertEqual(body.decode(), f"{kind.status} {kind.title}\nSomething is wrong.\n")
            self.assertNotIn(b"pod_eu0", data)
            self.assertEqual(reusable, not kind.closes)
            self.assertEqual(b"retry-after" in fields, kind.status == 503)
        table = {200, 400, 404, 405, 408, 413, 414, 417, 431, 500, 501, 502, 503, 504, 508}
        self.assertEqual(seen, table)

    def test_what_is_refused_by_its_head_closes_the_connection(self) -> None:
        closing = {kind.status for kind in all_refusals() if kind.closes}
        self.assertEqual(closing, {200, 400, 405, 408, 413, 414, 417, 431, 501, 508})

    def test_further_fields(self) -> None:
        busy = render(errors.NobodyKnows("x"), b"i", [], without_body=False, close=False)
        self.assertEqual(read(busy)[1][b"retry-after"], b"2")
        trace = render(errors.MethodNotAllowed("x"), b"i", [], without_body=False, close=True)
        self.assertIn(b"GET", read(trace)[1][b"allow"])

    def test_json_for_those_who_accept_it(self) -> None:
        refusal = errors.BadRequest('A "quoted" d\u00e9tail.')
        for accept, content_type in [
            ([], TEXT),
            ([b"*/*"], TEXT),
            ([b"text/html, */*"], TEXT),
            ([b"application/json"], JSON),
            ([b"text/html", b"Application/JSON;q=0.5"], JSON),
            ([b"application/problem+json"], JSON),
            ([b"application/json;q=0, text/plain"], TEXT),
            ([b"text/x-json-ish"], TEXT),
        ]:
            data = render(refusal, b"id-1", accept, without_body=False, close=True)
            _, fields, body, _ = read(data)
            self.assertEqual(fields[b"content-type"], content_type, accept)
            if content_type == JSON:
                problem = json.loads(body)
                self.assertEqual(problem["status"], 400)
                self.assertEqual(problem["detail"], refusal.detail)
                self.assertEqual(problem["request_id"], "id-1")

    def test_head(self) -> None:
        """The same fields, no body."""
        refusal = errors.BadGateway("x")
        whole = render(refusal, b"i", [], without_body=False, close=False)
        head = render(refusal, b"i", [], without_body=True, close=False)
        self.assertEqual(head, whole[: whole.index(b"\r\n\r\n") + 4])
        _, fields, body, reusable = read(head, "HEAD")
        self.assertEqual((body, reusable), (b"", True))
        self.assertGreater(int(fields[b"content-length"]), 0)
