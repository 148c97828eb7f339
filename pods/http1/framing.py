"""Where a message body ends: by length, by chunks, or by the end of the connection.

Pure.  A body reader is fed bytes and gives back payload; when the body is
complete it also gives back what came after it.  Both directions use the same readers.
Source: RFC 9112, sections 6 and 7.
"""

from __future__ import annotations

import re
from typing import Protocol

from pods.errors import PodsError
from pods.http1.fields import Field

CHUNK_LINE_LIMIT_BYTES = 1024  #: one size line with its extensions
CHUNK_EXTENSIONS_LIMIT_BYTES = 16_384  #: all extensions of one message
TRAILERS_LIMIT_BYTES = 16_384

#: At most 2^63-1, so 16 digits of which the first is below 8; leading zeros count as digits.
_SIZE_LINE = re.compile(
    rb"(0{0,16}[0-9A-Fa-f]{1,15}|0{0,16}[0-7][0-9A-Fa-f]{15})(;[\t\x20-\x7e\x80-\xff]*)?"
)
_TRAILER_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)")
_LENGTH_DIGITS = 19
_LENGTH_LIMIT = 2**63 - 1


class FramingError(PodsError):
    """A body is malformed: where it ends cannot be known."""


class BodyReader(Protocol):
    """Takes bytes of a body in, gives payload out."""

    #: Fields after the last chunk; empty until the body is complete.
    trailers: list[Field]

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """``(payload, rest)``; ``rest`` is None until the body is complete.

        :raises FramingError: malformed chunks.
        """


class LengthReader:
    """A body of a known length."""

    trailers: list[Field] = []  # noqa: RUF012 - never changed: such a body has none

    def __init__(self, length: int) -> None:
        self._left = length

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        left = self._left
        size = len(data)
        if size < left:
            self._left = left - size
            return data, None
        self._left = 0
        if size == left:
            return data, b""
        return data[:left], data[left:]


class UntilCloseReader:
    """A response body that ends with its connection."""

    trailers: list[Field] = []  # noqa: RUF012 - never changed: such a body has none

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        return data, None


class ChunkedReader:
    """A body in chunks (RFC 9112, section 7.1), read strictly.

    Sizes are hexadecimal digits and nothing else; lines end with CR LF;
    extensions are bounded and not passed on.
    """

    def __init__(self) -> None:
        self.trailers: list[Field] = []
        self._line = b""  # an incomplete line
        self._left = 0  # payload bytes of the current chunk still to come
        self._extensions_bytes = 0
        self._trailers_bytes = 0
        self._state = self._size_line

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        payload: list[bytes] = []
        at = 0  # what stands before it has been read; chunks can be tiny, so nothing is cut off
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                payload.append(piece)
                self._left -= len(piece)
                at += len(piece)
                continue
            line, at = self._next_line(data, at)
            if line is None:
                break
            if self._state(line):
                return b"".join(payload), data[at:]
        return payload[0] if len(payload) == 1 else b"".join(payload), None

    def _next_line(self, data: bytes, start: int) -> tuple[bytes | None, int]:
        """A complete line without its CR LF, or None while it is incomplete; and where it ends."""
        end = data.find(b"\n", start)
        line = self._line + (data[start:] if end < 0 else data[start:end])
        if len(line) > CHUNK_LINE_LIMIT_BYTES and self._state != self._trailer_line:
            raise FramingError("A chunk's size line is too long.")
        if len(line) + self._trailers_bytes > TRAILERS_LIMIT_BYTES:
            raise FramingError("The trailers are too long.")
        if end < 0:
            self._line = line
            if b"\r" in line[:-1]:
                raise FramingError("A bare CR in a chunk's size line or a trailer.")
            self._check_begun(line)
            return None, len(data)
        self._line = b""
        if line[-1:] != b"\r":
            raise FramingError("A line between chunks must end with CR LF.")
        return line[:-1], end + 1

    def _check_begun(self, line: bytes) -> None:
        """Refuse at once what cannot become the end of a chunk."""
        if self._state == self._end_of_chunk and line not in (b"", b"\r"):
            raise FramingError("A chunk is longer than its size.")

    def _size_line(self, line: bytes) -> bool:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise FramingError("A chunk's size is malformed.")
        self._extensions_bytes += len(match[2] or b"")
        if self._extensions_bytes > CHUNK_EXTENSIONS_LIMIT_BYTES:
            raise FramingError("The chunk extensions are too long.")
        self._left = int(match[1], 16)
        self._state = self._end_of_chunk if self._left else self._trailer_line
        return False

    def _end_of_chunk(self, line: bytes) -> bool:
        if line:
            raise FramingError("A chunk is longer than its size.")
        self._state = self._size_line
        return False

    def _trailer_line(self, line: bytes) -> bool:
        if not line:
            return True
        match = _TRAILER_LINE.fullmatch(line)
        if match is None:
            raise FramingError("A trailer is malformed.")
        self._trailers_bytes += len(line)
        self.trailers.append((match[1], match[2].strip(b" \t")))
        return False


def told_length(values: list[bytes]) -> int | None:
    """What Content-Length says; None unless that is one number, at most 2^63-1."""
    if len(values) != 1 or not values[0].isdigit() or len(values[0]) > _LENGTH_DIGITS:
        return None
    length = int(values[0])
    return length if length <= _LENGTH_LIMIT else None


def chunk(data: bytes) -> bytes:
    """One chunk.  ``data`` must not be empty: that would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: list[Field]) -> bytes:
    """The end of a chunked body."""
    if not trailers:
        return b"0\r\n\r\n"
    return b"0\r\n" + b"".join(b"%b: %b\r\n" % field for field in trailers) + b"\r\n"


#: Names that have no place in trailers: framing, routing, authentication, cookies (RFC 9110,
#: section 6.5.1).
_NOT_IN_TRAILERS = frozenset(
    b"authorization connection content-encoding content-length content-range content-type cookie"
    b" expect forwarded host keep-alive max-forwards proxy-authenticate proxy-authorization"
    b" set-cookie te trailer transfer-encoding upgrade via www-authenticate x-real-ip"
    b" x-request-id".split()
)


def allowed_trailers(trailers: list[Field], our_prefix: bytes) -> list[Field]:
    """The trailers that may be passed on (requirement 12)."""
    if not trailers:
        return trailers
    refused_prefixes = (our_prefix, b"x-forwarded-")

    def allowed(name: bytes) -> bool:
        lowered = name.lower().replace(b"_", b"-")
        return lowered not in _NOT_IN_TRAILERS and not lowered.startswith(refused_prefixes)

    return [field for field in trailers if allowed(field[0])]
