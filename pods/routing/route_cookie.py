"""Routes in a cookie: what a client remembers for the router, signed by it.

Pure.  A cookie's value is 20 characters of signature and then, in base64 as well, when it was
issued (4 bytes) and its marks, the least recently used first.  A mark is 14 bytes: 8 of a keyed
hash of the path, 2 for the pod, 4 for when it ends.  The pod is masked with more of the hash.
So who does not have the key learns neither which paths nor which pods a cookie is about, and
cannot try out names.

What is signed begins with the cookie's name and the names of all pods: another table of pods
makes every cookie void.  Of several keys the first signs and hashes, and all are believed: what
an older one has hashed is found, and hashed anew when it is next used.

Source: requirements H.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

import attrs

from pods.protocol import PATH_LIMIT_BYTES
from pods.routing.paths import is_ambiguous, normalized

if TYPE_CHECKING:
    from pods.keys import KeyRing

#: How far in the future a cookie may have been issued: clocks of routers that share a key differ.
SKEW_SECONDS = 60

_FORMAT = 1
_SIGNATURE_BYTES = 15  # a multiple of 3: base64 has one spelling for it only
_SIGNATURE_CHARS = 20
_ISSUED = Struct(">I")
_MARK = Struct(">QHI")
_HASH = Struct(">QH")
_LAST_SECOND = 2**32 - 1
_PODS_LIMIT = 2**16
_KEY_LIMIT = PATH_LIMIT_BYTES + 1
_VALUES_KEPT = 1024  # browsers send the same one with every request
_HASHES_KEPT = 4096


class Placed(Protocol):
    """A route that can be put in, such as a :class:`Hint` or an entry of the route table."""

    @property
    def path(self) -> str: ...
    @property
    def pod(self) -> str: ...
    @property
    def exact(self) -> bool: ...
    @property
    def expires_at(self) -> float: ...


@attrs.frozen
class Hint:
    """What a client's cookie says about a path.  It may be wrong, and entitles to nothing."""

    path: str  #: without a slash at its end
    pod: str
    exact: bool
    expires_at: float  #: the first second since the epoch at which it no longer holds


class Mark(NamedTuple):
    """A route as it stands in a cookie."""

    masked_pod: int
    expires_at: int


class Hash(NamedTuple):
    """What stands for a path in a cookie."""

    tag: int
    mask: int


@attrs.frozen
class Contents:
    """What stands in a cookie that was signed."""

    issued_at: int = 0
    marks: Mapping[int, Mark] = {}  #: by tag, the least recently used first
    fading: frozenset[int] = frozenset()  #: those that must be moved up when they are used


_NOTHING = Contents()


class RouteCookies:
    """Reads and writes the values of route cookies.

    Times are seconds since the epoch.  A ``value`` is what the client has sent, empty if that is
    nothing; whatever it is, nothing is raised.

    :param pods: the names of all configured pods, in any order.
    :param name: the cookie's.
    :param ttl_seconds: no route is believed for longer.
    :param max_bytes: of a value, 64 or more; over it, the least recently used routes go.
    """

    def __init__(
        self, keys: KeyRing, pods: Iterable[str], name: str, ttl_seconds: int, max_bytes: int
    ) -> None:
        names = sorted(pods)
        table = json.dumps([_FORMAT, name, *names]).encode()
        self._pods = names[:_PODS_LIMIT]
        self._numbers = {pod: number for number, pod in enumerate(self._pods)}
        self._signing = [
            blake2b(table, key=secret).digest() for secret in keys.secrets("pods.cookie.signature")
        ]
        self._hashing = keys.secrets("pods.cookie.paths")
        self._ttl_seconds = ttl_seconds
        self._max_bytes = max_bytes
        raw_bytes = (max_bytes - _SIGNATURE_CHARS) * 3 // 4
        self._capacity = (raw_bytes - _ISSUED.size) // _MARK.size
        self._contents = lru_cache(_VALUES_KEPT)(self._parsed)
        self._hashes = lru_cache(_HASHES_KEPT)(self._hashed)

    # -- finding a route -----------------------------------------------------

    def find(self, value: bytes, path: str, now: float) -> Hint | None:
        """What the cookie says about a path: exact before prefix, longer before shorter.

        :param path: as the client sent it; nothing is found for an ambiguous one.
        """
        marks = self._read(value, now).marks
        if not marks or is_ambiguous(path):
            return None
        for key in _keys(path):
            for tag, mask in self._hashes(key):
                mark = marks.get(tag)
                if mark is not None and now < mark.expires_at:
                    pod = self._pod(mark, mask)
                    if pod is not None:
                        return Hint(normalized(key), pod, key.endswith("/"), mark.expires_at)
        return None

    def _pod(self, mark: Mark, mask: int) -> str | None:
        number = mark.masked_pod ^ mask
        return self._pods[number] if number < len(self._pods) else None

    # -- changing what it says -----------------------------------------------

    def updated(
        self, value: bytes, now: float, put: Placed | None = None, drop: Hint | None = None
    ) -> bytes | None:
        """The value to send to the client instead, or None if there is nothing new to tell.

        A route that stands there already is new if this would at least double its time, or if it
        might go before others that were used less recently.

        :param put: the route that was used; it takes the place of what is known for its path.
        :param drop: what was found and proved wrong.
        :returns: empty if no route is left.
        """
        contents = self._read(value, now)
        marks = contents.marks if drop is None else self._without(contents.marks, drop)
        mark = None if put is None else self._news(marks, contents.fading, put, now)
        if put is None or mark is None:
            return self._written(marks, now) if len(marks) < len(contents.marks) else None
        tags = [tag for tag, _ in self._hashes(_key(put))]
        others = {tag: mark for tag, mark in marks.items() if tag not in tags}
        return self._written({**others, tags[0]: mark}, now)

    def _without(self, marks: Mapping[int, Mark], route: Placed) -> Mapping[int, Mark]:
        """All but those that say this."""
        masks = dict(self._hashes(_key(route)))
        return {
            tag: mark
            for tag, mark in marks.items()
            if tag not in masks or self._pod(mark, masks[tag]) != route.pod
        }

    def _news(
        self, marks: Mapping[int, Mark], fading: frozenset[int], put: Placed, now: float
    ) -> Mark | None:
        """The mark for a route, unless there is one that is as good."""
        number = self._numbers.get(put.pod)
        ends = min(put.expires_at, now + self._ttl_seconds)
        if number is None or not 1 <= ends <= _LAST_SECOND or int(ends) <= now:
            return None
        tag, mask = self._hashes(_key(put))[0]
        standing = marks.get(tag)
        if (
            standing is not None
            and standing.masked_pod == number ^ mask
            and 2 * (standing.expires_at - now) > ends - now
            and tag not in fading
        ):
            return None
        return Mark(number ^ mask, int(ends))

    # -- the value -----------------------------------------------------------

    def _written(self, marks: Mapping[int, Mark], now: float) -> bytes:
        """The value with those marks that still hold, or the last of them if there are too many."""
        packed = [_MARK.pack(tag, *mark) for tag, mark in marks.items() if now < mark.expires_at]
        if not packed:
            return b""
        issued = _ISSUED.pack(max(0, min(int(now), _LAST_SECOND)))
        raw = b"".join([issued, *packed[-self._capacity :]])
        payload = urlsafe_b64encode(raw).rstrip(b"=")
        return _signature(payload, self._signing[0]) + payload

    def _read(self, value: bytes, now: float) -> Contents:
        if not value or len(value) > self._max_bytes:
            return _NOTHING
        try:
            contents = self._contents(value)
        except ValueError:
            return _NOTHING
        return contents if contents.issued_at <= now + SKEW_SECONDS else _NOTHING

    def _parsed(self, value: bytes) -> Contents:
        """What stands there.

        :raises ValueError: none of the keys has signed it; such a value is not kept.
        """
        signature, payload = value[:_SIGNATURE_CHARS], value[_SIGNATURE_CHARS:]
        if not any(compare_digest(_signature(payload, key), signature) for key in self._signing):
            raise ValueError("not signed by this router")
        raw = urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
        (issued_at,) = _ISSUED.unpack_from(raw)
        latest = issued_at + self._ttl_seconds
        marks = {
            tag: Mark(masked_pod, min(expires_at, latest))
            for tag, masked_pod, expires_at in _MARK.iter_unpack(raw[_ISSUED.size :])
        }
        fresh = max(1, self._capacity // 2)
        return Contents(issued_at, marks, frozenset(list(marks)[:-fresh]))

    def _hashed(self, key: str) -> list[Hash]:
        """What stands for a path in cookies, first as it is written today."""
        digests = (blake2b(key.encode(), key=secret, digest_size=10) for secret in self._hashing)
        return [Hash(*_HASH.unpack(digest.digest())) for digest in digests]


def _signature(payload: bytes, key: bytes) -> bytes:
    digest = blake2b(payload, key=key, digest_size=_SIGNATURE_BYTES).digest()
    return urlsafe_b64encode(digest)


def _key(route: Placed) -> str:
    """A route's path, with a slash at its end if it is for this path alone."""
    return normalized(route.path) + ("/" if route.exact else "")


def _keys(path: str) -> Iterator[str]:
    """The keys of all routes that cover a path, longest first."""
    key = path if path.endswith("/") else path + "/"
    if len(key) > _KEY_LIMIT:  # of thousands of segments only those that a route can have
        key = key[: key.rfind("/", 0, _KEY_LIMIT)]
    while key:
        yield key
        key = key[: key.rfind("/")]
