"""What a response head means: framing, whether its connection can be used again.

Pure.  Source: RFC 9110, RFC 9112, section 6.3; requirements C.
"""

from __future__ import annotations

import attrs

from pods.errors import BadResponse
from pods.http1.cookies import without_setting
from pods.http1.fields import FieldKinds, Line, tokens
from pods.http1.framing import (
    BodyReader,
    ChunkedReader,
    LengthReader,
    UntilCloseReader,
    told_length,
)
from pods.http1.heads import RawResponse


@attrs.define(eq=False)
class ResponseHead:
    """A response head that has passed all checks.  Treated as immutable (see RequestHead)."""

    status: int
    reason: bytes
    minor_version: int
    lines: list[Line]  #: end-to-end fields that pass unchanged, in order
    special: dict[bytes, list[bytes]]  #: values of the fields that the router handles
    content_length: int | None
    chunked: bool
    has_body: bool  #: False for HEAD, 1xx, 204, 304, whatever the fields say
    keep_alive: bool  #: whether the pod would take another request on this connection

    @property
    def is_informational(self) -> bool:
        """100 to 199, but not 101: another head follows."""
        return self.status < 200 and self.status != 101

    def body_reader(self) -> BodyReader | None:
        """What reads the body; None if there is none."""
        if not self.has_body or self.content_length == 0:
            return None
        if self.chunked:
            return ChunkedReader()
        if self.content_length is None:
            return UntilCloseReader()
        return LengthReader(self.content_length)

    @classmethod
    def read(cls, raw: RawResponse, kinds: FieldKinds, to_head: bool) -> ResponseHead:
        """Check and interpret a raw head.

        :param to_head: the request was a HEAD.
        :raises BadResponse: its framing is ambiguous.
        """
        lines, special = raw.lines, raw.special
        if b"set-cookie" in special:
            lines = without_setting(lines, special.pop(b"set-cookie"), kinds.cookie)
        content_length, chunked = _framing(special)
        status = raw.status
        has_body = not (to_head or status < 200 or status in (204, 304))
        options = tokens(special[b"connection"]) if b"connection" in special else ()
        if status == 101 and not (b"upgrade" in options and b"upgrade" in special):
            raise BadResponse("The upstream server names no protocol to switch to.")
        ends = chunked or content_length is not None or not has_body
        minor = raw.minor_version
        # HTTP/1.0 knows no chunks: such framing is not to be relied on (RFC 9112, section 6.1).
        persists = minor == 1 or (b"keep-alive" in options and not chunked)
        keep_alive = ends and persists and b"close" not in options
        framing = (content_length, chunked, has_body)
        return cls(status, raw.reason, minor, lines, special, *framing, keep_alive)


def _framing(special: dict[bytes, list[bytes]]) -> tuple[int | None, bool]:
    lengths = special.get(b"content-length")
    codings = special.get(b"transfer-encoding")
    if codings is not None:
        if lengths is not None or len(codings) != 1 or codings[0].lower() != b"chunked":
            raise BadResponse("The framing of the upstream server's response is ambiguous.")
        return None, True
    if lengths is None:
        return None, False
    length = told_length(lengths)
    if length is None:
        raise BadResponse("The length of the upstream server's response is ambiguous.")
    return length, False


#: The interim response by which the router itself asks for a body.
CONTINUE = ResponseHead(
    status=100,
    reason=b"Continue",
    minor_version=1,
    lines=[],
    special={},
    content_length=None,
    chunked=False,
    has_body=False,
    keep_alive=True,
)
