"""The words that pods and router say to each other: one module, used by both sides.

* a pod **bounces** a request: ``X-Gitlab-Pod-Redirect: {"pod": "pod_eu0"}``
* a pod **teaches** a route: ``X-Gitlab-Pod-Cache: {"path_prefix": "/my-company/"}``
* a pod answers **learn**: ``{"path": "/my-company", "pod": "pod_eu0", "source": "routable"}``

Each has one value class here with a ``parse`` and a ``format`` that are each
other's inverse.  Nothing here does I/O, and nothing here needs Twisted, so that
an application can use it as well (contract, section 4; both proposals, "Request flows").
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Self
from urllib.parse import parse_qs, quote

import attrs

from pods.errors import ProtocolError

DEFAULT_HEADER_PREFIX = "X-Gitlab-Pod-"
LEARN_PATH = "/api/v4/pods/learn"
#: The statuses that may carry a redirect header: those that keep the method by
#: definition (307, 308), and 302, which the proposals use.
BOUNCE_STATUSES = frozenset({302, 307, 308})
#: Final responses that teach nothing: what is not shown must not be told (contract, section 4).
UNTEACHING_STATUSES = frozenset({401, 403, 404})
PATH_LIMIT_BYTES = 255  #: a longer path in a claim is refused (requirement 43)
HEADER_LIMIT_BYTES = 4096  #: a longer value cannot be one of ours
TTL_LIMIT_SECONDS = sys.float_info.max  #: what is longer cannot be reckoned with
LEARN_SOURCES = ("routable", "fixed")

_POD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_PATH = re.compile(r"/[\x21\x22\x24-\x3e\x40-\x7e]*")  # visible ASCII without # and ?


def is_pod_name(text: str) -> bool:
    """Whether this can be the name of a pod: 1 to 63 letters, digits, ``_``, ``.``, ``-``."""
    return _POD_NAME.fullmatch(text) is not None


@attrs.frozen
class HeaderNames:
    """The names of our headers under one prefix (``[router] header_prefix``)."""

    prefix: str = DEFAULT_HEADER_PREFIX

    @property
    def redirect(self) -> str:
        """On a pod's response: not mine, ask that pod."""
        return f"{self.prefix}Redirect"

    @property
    def cache(self) -> str:
        """On a pod's response: remember this route."""
        return f"{self.prefix}Cache"

    @property
    def route(self) -> str:
        """On a request to a pod: ``rule``, ``cache``, ``cookie`` or ``strategy``."""
        return f"{self.prefix}Route"

    @property
    def attempt(self) -> str:
        """On a request to a pod: 1 for the first pod that got it, then 2 ..."""
        return f"{self.prefix}Attempt"


@attrs.frozen
class Redirect:
    """A bounce: "not mine, ask that pod"."""

    pod: str
    #: True: for this request only; nothing is forgotten, nothing remembered
    #: (Redis' ASK, where a plain redirect is its MOVED).
    once: bool = False

    @classmethod
    def parse(cls, value: str | bytes) -> Self:
        """Read a redirect header: JSON, or a bare pod name.

        :raises ProtocolError: it is neither, or a field has the wrong type.
        """
        text = _text(value)
        if is_pod_name(text):
            return cls(text)
        fields = _json_object(text)
        return cls(pod=_pod(fields), once=_flag(fields, "once"))

    def format(self) -> str:
        """The header's value."""
        return _dump({"pod": self.pod} | ({"once": True} if self.once else {}))


@attrs.frozen
class CacheClaim:
    """What a pod teaches: "everything under this path is mine, for so long"."""

    path: str
    exact: bool = False
    pod: str | None = None  #: None: the pod that answered
    ttl_seconds: float | None = None  #: None: the router's default; 0: forget

    @classmethod
    def parse(cls, value: str | bytes) -> Self:
        """Read a cache header.

        :raises ProtocolError: no JSON object, no path, a path that no request
            could have, or a field of the wrong type.
        """
        fields = _json_object(_text(value))
        exact = _flag(fields, "exact")
        return cls(
            path=_path(fields, "path" if exact else "path_prefix"),
            exact=exact,
            pod=_pod(fields) if "pod" in fields else None,
            ttl_seconds=_ttl(fields),
        )

    def format(self) -> str:
        """The header's value."""
        fields: dict[str, Any] = {"path" if self.exact else "path_prefix": self.path}
        if self.exact:
            fields["exact"] = True
        if self.pod is not None:
            fields["pod"] = self.pod
        if self.ttl_seconds is not None:
            fields["ttl_seconds"] = self.ttl_seconds
        return _dump(fields)


@attrs.frozen
class LearnAnswer:
    """A pod's answer to the pre-flight question "whose is this path?"."""

    path: str
    pod: str
    source: str = "routable"  #: ``routable`` (found by the path) or ``fixed`` (always that pod)
    exact: bool = False
    ttl_seconds: float | None = None

    @classmethod
    def parse(cls, body: str | bytes) -> Self:
        """Read the body of a 200.

        :raises ProtocolError: not the JSON object that the contract describes.
        """
        fields = _json_object(_text(body))
        source = fields.get("source", "routable")
        if source not in LEARN_SOURCES:
            raise ProtocolError(f"source must be one of {', '.join(LEARN_SOURCES)}")
        return cls(
            path=_path(fields, "path"),
            pod=_pod(fields),
            source=source,
            exact=_flag(fields, "exact"),
            ttl_seconds=_ttl(fields),
        )

    def format(self) -> str:
        """The body of a 200."""
        fields: dict[str, Any] = {"path": self.path, "pod": self.pod, "source": self.source}
        if self.exact:
            fields["exact"] = True
        if self.ttl_seconds is not None:
            fields["ttl_seconds"] = self.ttl_seconds
        return _dump(fields)


def learn_target(method: str, path: str) -> str:
    """The target of a learn request: ``path`` as the client sent it, percent-encoded once more.

    Everything but ``/`` and unreserved characters is encoded, so that a path
    cannot add a parameter of its own, and the pod gets it back byte for byte.
    """
    return f"{LEARN_PATH}?method={quote(method, safe='')}&path_info={quote(path, safe='/')}"


def parse_learn_query(query: str) -> tuple[str, str]:
    """``(method, path_info)`` from the query of a learn request: the pods' side of
    :func:`learn_target`.

    :raises ProtocolError: a parameter is missing or there twice, or the path does not begin
        with ``/``.
    """
    try:
        fields = parse_qs(query, keep_blank_values=True, encoding="latin-1", max_num_fields=8)
        (method,), (path,) = fields.get("method", ["GET"]), fields["path_info"]
    except (KeyError, ValueError) as error:
        raise ProtocolError("method and path_info must be there once each") from error
    if not path.startswith("/"):
        raise ProtocolError("path_info must begin with /")
    return method, path


# -- reading fields ----------------------------------------------------------


def _text(value: str | bytes) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ProtocolError("not UTF-8") from error
    if len(value) > HEADER_LIMIT_BYTES:
        raise ProtocolError(f"longer than {HEADER_LIMIT_BYTES} bytes")
    return value.strip(" \t\r\n")


def _json_object(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("not JSON") from error
    if not isinstance(fields, dict):
        raise ProtocolError("not a JSON object")
    return fields


def _pod(fields: dict[str, Any]) -> str:
    pod = fields.get("pod")
    if not isinstance(pod, str) or not is_pod_name(pod):
        raise ProtocolError("pod must be a pod's name")
    return pod


def _flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ProtocolError(f"{name} must be true or false")
    return value


def _path(fields: dict[str, Any], name: str) -> str:
    path = fields.get(name)
    if not isinstance(path, str) or not path.startswith("/"):
        raise ProtocolError(f"{name} must be a path that begins with /")
    if len(path) > PATH_LIMIT_BYTES:
        raise ProtocolError(f"{name} is longer than {PATH_LIMIT_BYTES} bytes")
    if not _PATH.fullmatch(path):
        raise ProtocolError(f"{name} must be percent-encoded as in a request, without a query")
    return path


def _ttl(fields: dict[str, Any]) -> float | None:
    ttl = fields.get("ttl_seconds")
    if ttl is None:
        return None
    if isinstance(ttl, int | float) and not isinstance(ttl, bool) and 0 <= ttl <= TTL_LIMIT_SECONDS:
        return ttl
    raise ProtocolError("ttl_seconds must be a number, 0 or more")


def _dump(fields: dict[str, Any]) -> str:
    return json.dumps(fields, separators=(", ", ": "))
