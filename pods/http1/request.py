"""What a request head means: framing, host, connection options.

Pure.  Everything ambiguous is refused here, so that no later part has to think
about it: a request that passed has one host, one framing, one origin-form target.
Source: RFC 9110, RFC 9112; requirements A.
"""

from __future__ import annotations

import re

import attrs

from pods.errors import BadRequest, ExpectationFailed, MethodNotAllowed
from pods.http1.cookies import accepts_html, take_out
from pods.http1.fields import FieldKinds, Line, tokens, values_of
from pods.http1.framing import told_length
from pods.http1.heads import RawRequest
from pods.http1.hops import check_loop, forwards_left

#: uri-host [":" port] (RFC 3986, section 3.2): a name, an IPv4 address or a bracketed IPv6 one.
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)"
    rb"(?::[0-9]{0,5})?"
)
_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE)
#: Safe to repeat (RFC 9110, section 9.2.2).
IDEMPOTENT_METHODS = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PROPFIND"})


@attrs.define(eq=False, slots=False)
class RequestHead:
    """A request head that has passed all checks.  Treated as immutable.

    It is not frozen because it is made for every request, and frozen attrs
    classes take three times as long to make.
    """

    method: bytes
    target: bytes  #: origin form, or ``*``; byte for byte what the client sent
    path: str  #: the target up to the ``?``
    minor_version: int  #: 1 for HTTP/1.1, 0 for HTTP/1.0
    lines: list[Line]  #: end-to-end fields that pass, in order, without the router's own cookie
    special: dict[bytes, list[bytes]]  #: values of the fields that the router handles
    host: bytes
    content_length: int | None
    chunked: bool
    has_body: bool  #: whether any body bytes can follow
    keep_alive: bool
    upgrade: bool  #: a WebSocket handshake
    expects_continue: bool
    sent_cookies: bool = False  #: whether there was any cookie, the router's own included
    own_cookie: bytes = b""  #: its value; empty if it is absent or there more than once
    forwards_left: int | None = None  #: how many times it may be passed on, if Max-Forwards says so

    @property
    def is_idempotent(self) -> bool:
        """Whether sending it twice does no harm."""
        return self.method in IDEMPOTENT_METHODS

    @property
    def takes_cookies(self) -> bool:
        """Whether the client looks like one that keeps cookies."""
        return self.sent_cookies or accepts_html(self.values(b"accept"))

    def values(self, name: bytes) -> list[bytes]:
        """The values of a field in order; ``name`` in lower case."""
        if name in self.special:
            return self.special[name]
        return values_of(self.lines, name)

    def at(self, target: bytes) -> RequestHead:
        """The same head for another target.

        :param target: in origin form.
        """
        head = RequestHead.__new__(RequestHead)
        path = target.partition(b"?")[0].decode("ascii")
        head.__dict__ = {**self.__dict__, "target": target, "path": path}
        return head

    @classmethod
    def read(cls, raw: RawRequest, kinds: FieldKinds) -> RequestHead:
        """Check and interpret a raw head.

        :raises Refusal: 400, 405, 417, 508.
        """
        section, is_origin_form = raw.section, raw.target[:1] == b"/"
        known: RequestHead | None = section.head
        if known is not None and is_origin_form:
            return known.at(raw.target)
        head = cls._understood(raw, kinds)
        if is_origin_form:
            section.head = head
        return head

    @classmethod
    def _understood(cls, raw: RawRequest, kinds: FieldKinds) -> RequestHead:
        method = raw.method
        if method in (b"CONNECT", b"TRACE"):
            raise MethodNotAllowed("This method is not allowed here.")
        lines, special = raw.section.lines, dict(raw.section.special)
        cookies, own_cookie = special.pop(b"cookie", None), b""
        if cookies is not None:
            lines, own_cookie = take_out(lines, cookies, kinds.cookie)
        host = _host(special.get(b"host"), raw.minor_version)
        target = raw.target
        if target[:1] != b"/":
            target, host = _rewritten_target(method, target, host)
        content_length, chunked = _framing(special, raw.minor_version)
        has_body = chunked or bool(content_length)
        options = tokens(special.get(b"connection", ()))
        if b"via" in special:
            check_loop(special[b"via"])
        return cls(
            method=method,
            target=target,
            path=target.partition(b"?")[0].decode("ascii"),
            minor_version=raw.minor_version,
            lines=lines,
            special=special,
            host=host,
            content_length=content_length,
            chunked=chunked,
            has_body=has_body,
            keep_alive=_keeps_alive(options, raw.minor_version),
            upgrade=b"upgrade" in special and _is_websocket(special, options, raw, has_body),
            expects_continue=b"expect" in special
            and _expects_continue(special[b"expect"], raw.minor_version)
            and has_body,  # without a body there is nothing to ask for, and no pod may be asked
            sent_cookies=cookies is not None,
            own_cookie=own_cookie,
            forwards_left=forwards_left(lines) if method == b"OPTIONS" else None,
        )


def _host(values: list[bytes] | None, minor_version: int) -> bytes:
    if values is None:
        if minor_version:
            raise BadRequest("The Host field is missing.")
        return b""
    if len(values) != 1:
        raise BadRequest("There is more than one Host field.")
    host = values[0]
    if not _HOST.fullmatch(host) and (host or minor_version):
        raise BadRequest("The Host field is no host.")
    return host


def _rewritten_target(method: bytes, target: bytes, host: bytes) -> tuple[bytes, bytes]:
    """Origin form and host of a target that does not begin with a slash."""
    if target == b"*" and method == b"OPTIONS":
        return target, host
    absolute = _ABSOLUTE_FORM.fullmatch(target)
    if absolute is None or not _HOST.fullmatch(absolute[1]):
        raise BadRequest("The target is neither a path nor an http URL.")
    host, path = absolute.groups()
    if not path and method == b"OPTIONS":
        return b"*", host  # the server as a whole (RFC 9112, section 3.2.4)
    return (path if path[:1] == b"/" else b"/" + path), host


def _framing(special: dict[bytes, list[bytes]], minor_version: int) -> tuple[int | None, bool]:
    """``(content_length, chunked)``; never both."""
    lengths = special.get(b"content-length")
    codings = special.get(b"transfer-encoding")
    if codings is not None:
        if lengths is not None:
            raise BadRequest("There are both Content-Length and Transfer-Encoding.")
        if minor_version == 0 or len(codings) != 1 or codings[0].lower() != b"chunked":
            raise BadRequest("Transfer-Encoding must be chunked and nothing else.")
        return None, True
    if lengths is None:
        return None, False
    length = told_length(lengths)
    if length is None:
        raise BadRequest("Content-Length must be one number.")
    return length, False


def _keeps_alive(options: list[bytes], minor_version: int) -> bool:
    if minor_version:
        return b"close" not in options
    return b"keep-alive" in options and b"close" not in options


def _is_websocket(
    special: dict[bytes, list[bytes]], options: list[bytes], raw: RawRequest, has_body: bool
) -> bool:
    """Whether this may become a tunnel.  Anything else that asks for an upgrade stays an ordinary
    request without that field (RFC 9110, section 7.8: a server may ignore it)."""
    return (
        tokens(special[b"upgrade"]) == [b"websocket"]
        and b"upgrade" in options
        and raw.method == b"GET"
        and raw.minor_version == 1
        and not has_body
    )


def _expects_continue(values: list[bytes], minor_version: int) -> bool:
    if minor_version == 0:
        return False  # RFC 9110, section 10.1.1: ignored on HTTP/1.0
    if tokens(values) != [b"100-continue"]:
        raise ExpectationFailed("Only 100-continue can be expected.")
    return True
