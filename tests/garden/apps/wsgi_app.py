"""For the WSGI servers: gunicorn and waitress."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    length = len(environ["wsgi.input"].read())
    if length < int(environ.get("CONTENT_LENGTH") or 0):
        # gunicorn leaves it to its applications to find that a client has ended in its body.
        start_response("400 Bad Request", [("Content-Length", "0")])
        return [b""]
    target = environ.get("RAW_URI") or environ["REQUEST_URI"]  # gunicorn, waitress
    seen = json.dumps([environ["REQUEST_METHOD"], target, length])
    start_response("200 OK", [("X-Seen", seen), ("Content-Length", "0")])
    return [b""]
