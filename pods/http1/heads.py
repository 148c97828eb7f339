"""Bytes to raw heads, exactly one head at a time.

A reader is fed whatever the transport delivers.  It finds the end of the head
by itself; limits are checked before anything is parsed.  Fields are cut at the
ends of lines if all of them are written as everybody writes them; anything else
is for llhttp (through httptools) to judge, which gets this one head and no more.
So the boundary between head, body and the next pipelined message is always
exact, and llhttp's own ideas about bodies and upgrades never come into play.

Cutting the input at any byte gives the same result as feeding it in one piece.
"""

from __future__ import annotations

import abc
import re
from contextlib import suppress
from typing import Any, ClassVar

import attrs
import httptools

from pods.errors import (
    BadRequest,
    BadResponse,
    HeadersTooLarge,
    MethodUnknown,
    Refusal,
    RequestTimeout,
    UriTooLong,
)
from pods.http1.fields import (
    MALFORMED,
    FieldKinds,
    Line,
    Section,
    line_of,
    sorted_out,
    values_of,
)

END_OF_LINE = b"\r\n"
END_OF_HEAD = b"\r\n\r\n"
#: How long to wait for the end of a request line that begins with no known method.
DOUBTFUL_SECONDS = 0.5
#: How much of a refused request's target is told to the log.
TOLD_TARGET_BYTES = 1024
#: method SP target SP version, single spaces, visible ASCII, no fragment (RFC 9112, section 3).
REQUEST_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}) ([\x21\x22\x24-\x7e]+) HTTP/1\.([0-9])\r\n"
)
#: What a request line looks like while it is still coming in; the group is its target.
REQUEST_LINE_BEGINS = re.compile(
    rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}(?: (?:([\x21\x22\x24-\x7e]+)(?: [HTP/1.0-9\r]{0,9})?)?)?"
)
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n")


@attrs.frozen
class HeadLimits:
    """How long a head may be."""

    header_bytes: int = 65_536  #: the whole head
    header_count: int = 200  #: fields
    url_bytes: int = 16_384  #: the target of a request


class _Collector:
    """What httptools calls back into; the parser is made new for each head."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp skips white space before a value, but not after it."""
        self.lines.append(line_of((name, value.rstrip(b" \t"))))


class _HeadReader(abc.ABC):
    """The part that requests and responses share."""

    __slots__ = ("_begun", "_kinds", "_limits", "_line_checked")
    parser_class: ClassVar[Any]

    def __init__(self, limits: HeadLimits, kinds: FieldKinds) -> None:
        self._limits = limits
        self._kinds = kinds
        self._begun = b""  # an incomplete head; almost always empty
        self._line_checked = False  # whether its first line is complete and right

    def change(self, limits: HeadLimits, kinds: FieldKinds) -> None:
        """From now on, in the middle of a head as well, these hold."""
        self._limits = limits
        self._kinds = kinds

    @property
    def is_midway(self) -> bool:
        """Whether part of a head has come."""
        return bool(self._begun)

    def _complete(self, data: bytes) -> tuple[bytes, bytes] | None:
        """``(head, rest)`` once the head is complete; else keep what came and check it."""
        known = len(self._begun)
        if known:
            data = self._begun + data
        end = data.find(END_OF_HEAD, max(0, known - 3))
        if end < 0:
            self._begun = data
            self._check_unfinished(data, max(0, known - 1))
            return None
        self._begun = b""
        self._line_checked = False
        return data[: end + 4], data[end + 4 :]

    @abc.abstractmethod
    def _check_unfinished(self, begun: bytes, start: int) -> None:
        """Refuse what can no longer become a head, without waiting for its end.

        :param start: what stands before this position has been checked before.
        """

    def _checked_fields(
        self, head: bytes, start: int
    ) -> tuple[list[Line], dict[bytes, list[bytes]]]:
        """The fields of a head by their kinds.

        :param start: where they begin.
        :raises Refusal: they are malformed, or there are more than the limit.
        """
        lines = head[start:-2].split(END_OF_LINE)
        del lines[-1]  # what stands after the last end of line: nothing
        if len(lines) > self._limits.header_count:
            raise self._too_many()
        fields = sorted_out(lines, self._kinds)
        if MALFORMED in fields[1]:  # as it was written; llhttp may see more in it
            fields = sorted_out(self._read_by_llhttp(head), self._kinds)
            if MALFORMED in fields[1]:
                raise self._malformed("a field has a strange name or value")
        return fields

    def _read_by_llhttp(self, head: bytes) -> list[Line]:
        collector = _Collector()
        try:
            # llhttp stops at an upgrade; what follows the head is for framing to decide.
            with suppress(httptools.HttpParserUpgrade):
                self.parser_class(collector).feed_data(head)
        except httptools.HttpParserError as error:
            raise self._malformed(str(error)) from error
        return collector.lines

    @abc.abstractmethod
    def _malformed(self, reason: str) -> Refusal:
        """Why a head is refused that llhttp cannot read."""

    @abc.abstractmethod
    def _too_many(self) -> Refusal:
        """Why a head is refused that has more fields than the limit."""


@attrs.define(eq=False)
class RawRequest:
    """A request head whose syntax is right; nothing is interpreted yet."""

    method: bytes
    target: bytes
    minor_version: int
    section: Section

    def values(self, name: bytes) -> list[bytes]:
        """The values of a field in order; ``name`` in lower case."""
        return self.section.special.get(name) or values_of(self.section.lines, name)


class RequestHeadReader(_HeadReader):
    """Reads request heads from a client, one after the other.

    :param kinds: of their fields; sections that were read before, under the same limits, are known
        to it.
    """

    __slots__ = ("_line", "_skipped_a_line")
    parser_class = httptools.HttpRequestParser

    def __init__(self, limits: HeadLimits, kinds: FieldKinds) -> None:
        super().__init__(limits, kinds)
        self._skipped_a_line = False
        self._line: re.Match[bytes] | None = None  # of a head that is incomplete, or was refused

    def feed(self, data: bytes) -> tuple[RawRequest, bytes] | None:
        """Take bytes in.

        :returns: a head and the bytes after it, or None if more is needed.
        :raises Refusal: malformed (400), target too long (414), too large or too many
            fields (431), unknown method (501).  The reader is of no use afterwards.
        """
        if data[:1] in b"\r\n" or self._begun == b"\r":
            data = self._without_empty_line(data)
        complete = self._complete(data) if data else None
        if complete is None:
            return None
        self._skipped_a_line = False
        head, rest = complete
        return self._parse(head), rest

    @property
    def begun(self) -> RawRequest | None:
        """What is known of a head that was refused or is incomplete, for the log."""
        if self._line is None:
            return None
        method, target, minor = self._line.groups()
        return RawRequest(method, target[:TOLD_TARGET_BYTES], int(minor), Section([], {}))

    def patience_seconds(self, ordinary_seconds: float) -> float:
        """How long to wait for the rest of a head, from now on."""
        return min(DOUBTFUL_SECONDS, ordinary_seconds) if self._is_doubtful else ordinary_seconds

    def late(self) -> Refusal:
        """Why a head is refused whose rest has not come in that time."""
        if self._is_doubtful:
            return _no_request()
        return RequestTimeout("The request's head did not come in time.")

    @property
    def _is_doubtful(self) -> bool:
        """Whether no known method begins like what has come: it may be garbage without an end."""
        if self._line_checked or not self._begun:
            return False
        method, space, _ = self._begun.partition(b" ")
        return method not in (KNOWN_METHODS if space else _METHODS_BEGIN)

    def _without_empty_line(self, data: bytes) -> bytes:
        """One empty line before a request is skipped (RFC 9112, section 2.2), not more."""
        if self._begun not in (b"", b"\r"):
            return data
        data, self._begun = self._begun + data, b""
        if data == b"\r":
            self._begun = data
            return b""
        if not data.startswith(b"\r\n"):
            return data
        if self._skipped_a_line:
            self._line = None
            raise BadRequest("More than one empty line before a request.")
        self._skipped_a_line = True
        return self._without_empty_line(data[2:]) if data[2:] else b""

    def _parse(self, head: bytes) -> RawRequest:
        line = self._line = REQUEST_LINE.match(head)
        is_long = len(head) > min(self._limits.header_bytes, self._limits.url_bytes)
        if line is None or line[1] not in KNOWN_METHODS or is_long:
            # The first thing that is wrong decides, as when the head comes bit by bit.
            self._check_unfinished(head, 0)
        assert line is not None
        method, target, minor = line.groups()
        key = (method, head[line.end(2) :])
        sections = self._kinds.sections
        section = sections.get(key)
        if section is None:
            section = Section(*self._checked_fields(head, line.end()))
            sections.add(key, section)
        self._line, self._line_checked = None, False  # the match holds on to the whole head
        return RawRequest(method, target, 0 if minor == b"0" else 1, section)

    def _read_by_llhttp(self, head: bytes) -> list[Line]:
        # HTTP/1.2 and the like are served as the 1.1 that we are (RFC 9110, section 2.5); and it is
        # the fields only that llhttp is asked about.
        return super()._read_by_llhttp(REQUEST_LINE.sub(rb"\1 \2 HTTP/1.1\r\n", head, 1))

    def _malformed(self, reason: str) -> Refusal:
        return BadRequest(f"Malformed request: {reason}.")

    def _too_many(self) -> Refusal:
        return HeadersTooLarge(f"More than {self._limits.header_count} header fields.")

    def _check_unfinished(self, begun: bytes, start: int) -> None:
        limit = self._limits.header_bytes
        begun = begun[: limit + 1]  # what comes after is too much anyway
        if not self._line_checked:
            self._check_line(begun)
        if BARE_LINE_FEED.search(begun, start):
            raise BadRequest("A line must end with CR LF.")
        if len(begun) > limit:
            raise HeadersTooLarge(f"The head is longer than {limit} bytes.")

    def _check_line(self, begun: bytes) -> None:
        begins = REQUEST_LINE_BEGINS.match(begun)
        if begins is not None and len(begins[1] or b"") > self._limits.url_bytes:
            raise UriTooLong(f"The target is longer than {self._limits.url_bytes} bytes.")
        self._line_checked = b"\n" in begun
        self._line = REQUEST_LINE.match(begun) if self._line_checked else None
        if self._line_checked:
            is_right = self._line is not None
        else:
            is_right = begins is not None and begins.end() == len(begun)
        if not is_right:
            raise _no_request()
        if self._line is not None and self._line[1] not in KNOWN_METHODS:
            raise MethodUnknown("This method is not known here.")


BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
KNOWN_METHODS = frozenset(
    b"ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY"
    b" MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY"
    b" REBIND REPORT SEARCH SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE".split()
)
_METHODS_BEGIN = {method[:end] for method in KNOWN_METHODS for end in range(1, len(method) + 1)}


def _no_request() -> BadRequest:
    return BadRequest("This is no HTTP/1.1 request.")


@attrs.define(eq=False)
class RawResponse:
    """A response head whose syntax is right; nothing is interpreted yet."""

    status: int
    reason: bytes
    minor_version: int
    lines: list[Line]  #: of the fields that pass, in order
    special: dict[bytes, list[bytes]]  #: values of the fields that the router handles


class ResponseHeadReader(_HeadReader):
    """Reads response heads from a pod, one after the other."""

    __slots__ = ()
    parser_class = httptools.HttpResponseParser

    def feed(self, data: bytes) -> tuple[RawResponse, bytes] | None:
        """Take bytes in.

        :returns: a head and the bytes after it, or None if more is needed.
        :raises BadResponse: malformed, or over a limit.
        """
        complete = self._complete(data)
        if complete is None:
            return None
        head, rest = complete
        return self._parse(head), rest

    def _parse(self, head: bytes) -> RawResponse:
        if len(head) > self._limits.header_bytes:
            raise self._too_large()
        line = STATUS_LINE.match(head)
        if line is None:
            raise BadResponse("The upstream server's status line is malformed.")
        minor, status, reason = line.groups()
        lines, special = self._checked_fields(head, line.end())
        return RawResponse(int(status), reason or b"", int(minor), lines, special)

    def _malformed(self, reason: str) -> Refusal:
        return BadResponse("The upstream server's response is malformed.", reason)

    def _too_many(self) -> Refusal:
        return BadResponse("The upstream server's response has too many fields.")

    def _check_unfinished(self, begun: bytes, start: int) -> None:
        if len(begun) > self._limits.header_bytes:
            raise self._too_large()
        if not begun.startswith(b"HTTP/1."[: len(begun)]):
            raise BadResponse("The upstream server does not speak HTTP.")
        if not self._line_checked and b"\n" in begun:
            self._line_checked = True
            if not STATUS_LINE.match(begun):
                raise BadResponse("The upstream server's status line is malformed.")
        if BARE_LINE_FEED.search(begun, start):
            raise BadResponse("The upstream server's response is malformed.")

    def _too_large(self) -> Refusal:
        return BadResponse("The head of the upstream server's response is too large.")
