"""A request as those see it who say whose it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote

import attrs

# What a path may hold unencoded (RFC 3986, section 3.3), and the slash.
_PATH_CHARACTERS = "/!$&'()*+,;=:@-._~"
# What stands in a request line as it is, although some of it should have been encoded.
_VISIBLE = "".join(map(chr, range(0x21, 0x7F))).replace("?", "").replace("#", "")


def _no_header(name: str) -> None:
    return None


def _no_body(limit_bytes: int) -> bytes:
    return b""


@attrs.frozen(kw_only=True)
class Question:
    """Whose is this request?

    A router that asks ahead of a request (*learn*) knows its method and path only: ``host`` is
    empty then, and there are no headers and no body.
    """

    method: str
    path: str  #: as it stands in the request, percent-encoded, without the query
    host: str = ""  #: in small letters, without a port
    #: The value of a header by its name in any case, or None.
    header: Callable[[str], str | None] = _no_header
    #: The first so many bytes of the body.  The application still gets all of it.
    body: Callable[[int], bytes | Awaitable[bytes]] = _no_body

    @property
    def names(self) -> list[str]:
        """The segments of the path, decoded: ``/my%2Dcompany/a/`` has ``my-company`` and ``a``."""
        return unquote(self.path).strip("/").split("/")

    def prefix(self, count: int) -> str:
        """The path's first ``count`` segments, as they stand in the request."""
        return "/".join(self.path.split("/")[: count + 1])


def host_name(field: str) -> str:
    """The name in a Host field: ``Acme.example:8080`` has ``acme.example``."""
    name, colon, port = field.strip().lower().rpartition(":")
    is_port = bool(colon) and (port.isdigit() or not port) and (":" not in name or name[-1] == "]")
    return (name if is_port else field.strip().lower()).rstrip(".")


def path_of(target: bytes) -> str:
    """The path in a request's target; of ``http://host/path``, which proxies send, as well."""
    path = target.partition(b"?")[0]
    if not path.startswith(b"/") and b"://" in path:
        path = b"/" + path.partition(b"://")[2].partition(b"/")[2]
    return quote(path, safe=_VISIBLE)


def encoded(path: bytes) -> str:
    """A path that a server has decoded, as clients write it most often."""
    return quote(path, safe=_PATH_CHARACTERS)
