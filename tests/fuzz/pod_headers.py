"""The redirect and cache headers: read or refused, and never believed about another's path."""

from __future__ import annotations

from pods.errors import ProtocolError
from pods.interfaces import Route
from pods.protocol import CacheClaim, Redirect, is_pod_name
from pods.routing.acceptance import taught_route
from tests.fuzz.claims import check_acceptance, check_remembered, check_time, split
from tests.fuzz.target import Target, promise, same

ANSWERED_BY = "pod_a"


def check(data: bytes) -> bool:
    """Take the first line as the asked path, and the others as either header."""
    parts = split(data)
    if parts is None:
        return False
    asked_path, value = parts
    redirect, claim = read(Redirect, value), read(CacheClaim, value)
    if isinstance(redirect, Redirect):
        promise(is_pod_name(redirect.pod), "no pod's name", redirect)
    if isinstance(claim, CacheClaim):
        check_claim(claim, asked_path)
    return bool(redirect or claim)


def read(kind: type[Redirect] | type[CacheClaim], value: bytes) -> Redirect | CacheClaim | None:
    """The value, which must survive being written and read again; None if it is refused."""
    try:
        words = kind.parse(value)
    except ProtocolError:
        return None
    written = words.format()
    promise(written.isascii() and written.isprintable(), "no header's value", written)
    same(kind.parse(written), words, "written and read again it differs")
    same(kind.parse(value.decode("utf-8")), words, "as text it differs")
    return words


def check_claim(claim: CacheClaim, asked_path: str) -> None:
    check_time(claim.ttl_seconds)
    route = taught_route(claim, ANSWERED_BY, asked_path)
    refused = check_acceptance(claim.path, claim.exact, asked_path)
    if not isinstance(route, Route):
        promise(refused is not None or claim.pod not in (None, ANSWERED_BY), "refused for nothing")
        return
    promise(refused is None, "believed although it is not acceptable", claim, refused)
    same({route.pod, claim.pod or ANSWERED_BY}, {ANSWERED_BY}, "a pod speaks for another")
    same((route.path, route.exact), (claim.path, claim.exact), "another route")
    check_remembered(route, asked_path)


TARGET = Target(
    check,
    seeds=(
        b'/a/b\n{"path_prefix": "/a/"}',
        b'/a/b\n{"path": "/a/b", "exact": true, "ttl_seconds": 3.5}',
        b'/a/b/\n{"path_prefix": "/a/b", "pod": "pod_a", "ttl_seconds": 0}',
        b'/a\n{"path_prefix": "/a", "pod": "pod_b", "once": true}',
        b'/\n{"path_prefix": "/"}',
        b'/ab\n{"path_prefix": "/a", "ttl_seconds": 1e999}',
        b'/a\n{"path_prefix": "/a", "ttl_seconds": -1}',
        b'/a/../b\n{"path_prefix": "/a", "ttl_seconds": -1}',
        b'/a%2Fb\n{"path_prefix": "/a%2fb"}',
        b"/a\n pod_a \n",
        b'/a\n{"pod": "\\u0070od", "once": false}',
        b"/a\n[[[[",
    ),
    words=(
        b'"path_prefix": ', b'"path": ', b'"exact": true', b'"pod": ', b'"pod_a"', b'"once": true',
        b'"ttl_seconds": ', b"1e999", b"NaN", b"Infinity", b"\\u002f", b"/..", b"/./", b"//",
        b"%2f", b"null", b"{", b"}", b", ",
    ),
)  # fmt: skip
