"""For the WSGI servers: gunicorn and waitress."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    length = len(environ["wsgi.input"].read())
    target = environ.get("RAW_URI") or environ["REQUEST_URI"]  # gunicorn, waitress
    seen = json.dumps([environ["REQUEST_METHOD"], target, length])
    start_response("200 OK", [("X-Seen", seen), ("Content-Length", "0")])
    return [b""]
