"""Heads as they go on: what the pod gets, what the client gets.

Pure: values in, bytes out.  Source: contract, section 4, "What the pod gets";
RFC 9110, section 7.6; requirements B and C.
"""

from __future__ import annotations

import attrs

from pods.http1.hops import PSEUDONYM, with_forwards_left
from pods.http1.request import RequestHead
from pods.http1.response import ResponseHead

_VIA = {0: b"1.0 " + PSEUDONYM, 1: b"1.1 " + PSEUDONYM}
#: What ends a line stands before the next one, and twice at the end of a head.
END_OF_LINE = b"\r\n"
_END_OF_HEAD = (b"", b"")

#: The address of who is connected to a UNIX socket, as other proxies write it.
UNIX = "unix:"


@attrs.frozen
class Peer:
    """Who is at the other end of a client's connection."""

    address: str  #: such as ``192.0.2.7``; ``unix:`` for a UNIX socket
    scheme: bytes  #: ``http`` or ``https``
    trusted: bool = False  #: whose ``X-Forwarded-*`` is believed
    lines: bytes = attrs.field(init=False)  #: what a pod is told of who is not trusted

    @lines.default
    def _lines(self) -> bytes:
        return b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b" % (self.node, self.scheme)

    @property
    def node(self) -> bytes:
        """The address as it is written into fields."""
        return self.address.encode("ascii", "replace")


def request_to_pod(
    head: RequestHead,
    peer: Peer,
    request_id: bytes,
    ours: bytes,
    *,
    host: bytes,
    expects_continue: bool,
) -> bytes:
    """The request head for a pod.

    :param host: the pod's own, for a client of HTTP/1.0 that sent none.
    :param ours: the field lines that tell the pod how the request was routed, without the end of
        the last.
    :param expects_continue: whether to ask for a 100 before the body.
    """
    passing, left = head.lines, head.forwards_left
    if left is not None:
        passing = with_forwards_left(passing, left - 1)
    lines = [
        b"%b %b HTTP/1.1\r\nHost: %b" % (head.method, head.target, head.host or host),
        *passing,
        *_forwarded(head, peer),
        b"X-Request-Id: %b" % request_id,
        ours,
    ]
    if head.chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif head.content_length is not None:
        lines.append(b"Content-Length: %d" % head.content_length)
    if expects_continue:
        lines.append(b"Expect: 100-continue")
    if head.upgrade:
        lines.append(b"Connection: Upgrade\r\nUpgrade: websocket")
    elif wants_trailers(head):
        lines.append(b"Connection: TE\r\nTE: trailers")
    lines += _END_OF_HEAD
    return END_OF_LINE.join(lines)


def wants_trailers(head: RequestHead) -> bool:
    """Whether the client takes trailers (RFC 9110, section 10.1.4)."""
    te = head.special.get(b"te")
    return te is not None and any(
        b"trailers" in (member.strip() for member in value.lower().split(b",")) for value in te
    )


def client_scheme(head: RequestHead, peer: Peer) -> bytes:
    """``http`` or ``https``: what the client speaks, as far as a trusted proxy says so."""
    if peer.trusted and b"x-forwarded-proto" in head.special:
        return head.special[b"x-forwarded-proto"][0]
    return peer.scheme


def _forwarded(head: RequestHead, peer: Peer) -> list[bytes]:
    """Via, X-Forwarded-For, -Proto, -Host; X-Real-IP and Forwarded if the client sent them."""
    special, host = head.special, head.host
    lines = [b"Via: " + b", ".join([*special.get(b"via", ()), _VIA[head.minor_version]])]
    if peer.trusted:
        lines.append(_chained(head, peer))
        host = special.get(b"x-forwarded-host", [host])[0]
    else:
        lines.append(peer.lines)
    if host:
        lines.append(b"X-Forwarded-Host: " + host)
    if b"x-real-ip" in special:
        lines.append(b"X-Real-IP: " + (special[b"x-real-ip"][0] if peer.trusted else peer.node))
    if b"forwarded" in special:
        known = special[b"forwarded"] if peer.trusted else []
        lines.append(b"Forwarded: " + b", ".join([*known, _forwarded_element(peer)]))
    return lines


def _chained(head: RequestHead, peer: Peer) -> bytes:
    """X-Forwarded-For and -Proto of a peer that speaks for others."""
    known = head.special.get(b"x-forwarded-for", [])
    if peer.address != UNIX or not known:  # a socket's path would say nothing of the client
        known = [*known, peer.node]
    values = (b", ".join(known), client_scheme(head, peer))
    return b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b" % values


def _forwarded_element(peer: Peer) -> bytes:
    """One element of Forwarded (RFC 7239, section 4)."""
    if peer.address == UNIX:
        node = b"unknown"
    elif ":" in peer.address:
        node = b'"[%b]"' % peer.node
    else:
        node = peer.node
    return b"for=%b;proto=%b" % (node, peer.scheme)


def response_to_client(
    head: ResponseHead, *, chunked: bool, keep_alive: bool, client_minor_version: int
) -> bytes:
    """The response head for a client.

    :param chunked: whether the body will be sent in chunks.
    :param keep_alive: whether the connection stays open afterwards.
    """
    status = head.status
    lines = [b"HTTP/1.1 %d %b" % (status, head.reason), *head.lines]
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif head.content_length is not None and status >= 200 and status != 204:
        lines.append(b"Content-Length: %d" % head.content_length)
    if status == 101:
        lines.append(b"Connection: Upgrade\r\nUpgrade: websocket")
    elif status >= 200 and (status == 426 or not keep_alive or client_minor_version == 0):
        # The connection's fate is told by the final response.
        lines += _connection(head, keep_alive, client_minor_version)
    lines += _END_OF_HEAD
    return END_OF_LINE.join(lines)


def _connection(head: ResponseHead, keep_alive: bool, client_minor_version: int) -> list[bytes]:
    """Connection, and the Upgrade that a 426 must have (RFC 9110, section 15.5.22)."""
    options = []
    if not keep_alive:
        options.append(b"close")
    elif client_minor_version == 0:
        options.append(b"keep-alive")
    lines = []
    if head.status == 426 and b"upgrade" in head.special:
        options.append(b"Upgrade")
        lines.append(b"Upgrade: " + b", ".join(head.special[b"upgrade"]))
    return [b"Connection: " + b", ".join(options), *lines] if options else []
