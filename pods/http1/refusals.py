"""The router's own error responses.

Pure.  A short body, no pod name, no version; ``application/problem+json``
(RFC 9457) if the client accepts JSON, else plain text (contract, section 5).
"""

from __future__ import annotations

import json
import re

from pods.errors import Refusal


def render(
    refusal: Refusal, request_id: bytes, accept: list[bytes], *, without_body: bool, close: bool
) -> bytes:
    """The complete response.

    :param accept: the values of the request's Accept fields.
    :param without_body: the request was a HEAD: the length is told, the body is not sent.
    :param close: whether the connection is closed afterwards.
    """
    content_type, body = _body(refusal, request_id, accept)
    fields = [
        (b"Content-Type", content_type),
        (b"Content-Length", b"%d" % len(body)),
        (b"Cache-Control", b"no-store"),
        (b"X-Request-Id", request_id),
        *refusal.headers,
    ]
    if refusal.retry_after_seconds is not None:
        fields.append((b"Retry-After", b"%d" % refusal.retry_after_seconds))
    if close:
        fields.append((b"Connection", b"close"))
    head = b"HTTP/1.1 %d %b\r\n" % (refusal.status, refusal.title.encode("ascii"))
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    return head + lines + b"\r\n" + (b"" if without_body else body)


def _body(refusal: Refusal, request_id: bytes, accept: list[bytes]) -> tuple[bytes, bytes]:
    if _accepts_json(accept):
        problem = {
            "type": "about:blank",
            "title": refusal.title,
            "status": refusal.status,
            "detail": refusal.detail,
            "request_id": request_id.decode("ascii"),
        }
        return b"application/problem+json", json.dumps(problem).encode("ascii") + b"\n"
    text = f"{refusal.status} {refusal.title}\n{refusal.detail}\n"
    return b"text/plain; charset=utf-8", text.encode("utf-8")


def _accepts_json(accept: list[bytes]) -> bool:
    """Whether JSON is asked for by name; for ``*/*`` text will do (RFC 9110, section 12.5.1)."""
    for value in accept:
        for member in value.lower().split(b","):
            media_type, *parameters = (part.strip() for part in member.split(b";"))
            is_json = media_type == b"application/json" or media_type.endswith(b"+json")
            if is_json and not any(_NOT_AT_ALL.fullmatch(part) for part in parameters):
                return True
    return False


_NOT_AT_ALL = re.compile(rb"q=0(?:\.0{0,3})?")
