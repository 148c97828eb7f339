"""HTTP/1.1 as ``pods check-pod`` speaks it: byte by byte, so that it sees what comes when."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import attrs

from pods.errors import ConfigurationError, Fault, PodsError

HEAD_LIMIT_BYTES = 65_536
BODY_LIMIT_BYTES = 1_048_576
INTERIM_LIMIT = 16  #: informational answers before the final one
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.DOTALL)
Fields = tuple[tuple[str, str], ...]


class NoAnswer(PodsError):
    """The application cannot be reached, is silent, or speaks no HTTP."""


class Silent(NoAnswer):
    """Nothing came in time."""


@attrs.frozen
class Answer:
    """A response."""

    status: int
    fields: Fields
    body: bytes = b""
    interim: tuple[int, ...] = ()  #: the statuses of informational responses before it

    def all(self, name: str) -> list[str]:
        """The values of the fields of this name."""
        return [value for field, value in self.fields if field.lower() == name.lower()]


@attrs.frozen
class Address:
    """Where an application listens."""

    host: str
    port: int
    authority: str  #: for Host
    tls: ssl.SSLContext | None = None

    @classmethod
    def of(cls, url: str, ca_file: str | None = None) -> Self:
        """The address in a base URL.

        :param ca_file: of the authorities that are trusted; None: the system's.
        :raises ConfigurationError: it is none, or the file cannot be used.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or not host or parts.path not in ("", "/"):
            allowed = "http://HOST:PORT or https://HOST:PORT, as in router.toml"
            raise ConfigurationError(Fault("URL", f"is {url}", allowed))
        authority = parts.netloc.rpartition("@")[2]
        if parts.scheme == "http":
            return cls(host, port or 80, authority)
        try:
            tls = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            problem = f"is {ca_file}, which cannot be used: {error}"
            raise ConfigurationError(Fault("--ca-file", problem, "a file in PEM")) from error
        return cls(host, port or 443, authority, tls)


class Conversation:
    """One connection to the application, for one request.

    :param timeout_seconds: for each answer.
    :raises NoAnswer: no connection.
    """

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._held = b""
        self._interim: tuple[int, ...] = ()
        try:
            self._socket = _connected(address, timeout_seconds)
        except OSError as error:
            raise NoAnswer(f"no connection: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes; what the other side does not want any more is not an error."""
        try:
            self._socket.settimeout(self._timeout_seconds)
            self._socket.sendall(data)
        except OSError:
            return

    def head(self) -> Answer:
        """The head of the next final response.

        :raises NoAnswer: it does not come, or cannot be read.
        """
        while True:
            answer = self._next_head()
            if answer.status >= 200 or answer.status == 101:
                return attrs.evolve(answer, interim=self._interim)
            self._interim += (answer.status,)
            if len(self._interim) > INTERIM_LIMIT:
                raise NoAnswer(f"more than {INTERIM_LIMIT} informational responses")

    def with_body(self, answer: Answer) -> Answer:
        """The response with its body, which must end.

        :raises NoAnswer: it does not.
        """
        if answer.status in (204, 304):
            return answer
        if answer.all("Transfer-Encoding"):
            return attrs.evolve(answer, body=self._chunks())
        lengths = answer.all("Content-Length")
        if lengths and not (len(lengths) == 1 and lengths[0].isdigit()):
            raise NoAnswer(f"Content-Length is {', '.join(lengths)}")
        return attrs.evolve(answer, body=self._bytes(int(lengths[0]) if lengths else None))

    def _next_head(self) -> Answer:
        deadline = time.monotonic() + self._timeout_seconds
        while b"\r\n\r\n" not in self._held:
            if len(self._held) > HEAD_LIMIT_BYTES:
                raise NoAnswer(f"a head of more than {HEAD_LIMIT_BYTES} bytes")
            if not self._receive(deadline):
                raise NoAnswer("the connection was closed without an answer")
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        return _read_head(head)

    def _bytes(self, length: int | None) -> bytes:
        deadline = time.monotonic() + self._timeout_seconds
        while length is None or len(self._held) < length:
            if len(self._held) > BODY_LIMIT_BYTES:
                break
            if not self._receive(deadline):
                if length is not None:
                    raise NoAnswer("the connection was closed within the body")
                break
        length = len(self._held) if length is None else length
        body, self._held = self._held[:length], self._held[length:]
        return body

    def _chunks(self) -> bytes:
        body = b""
        while True:
            size = int(self._line().partition(b";")[0], 16)
            if not size or len(body) > BODY_LIMIT_BYTES:
                return body
            body += self._bytes(size + 2)[:-2]

    def _line(self) -> bytes:
        deadline = time.monotonic() + self._timeout_seconds
        while b"\r\n" not in self._held:
            if not self._receive(deadline):
                raise NoAnswer("the connection was closed within the body")
        line, _, self._held = self._held.partition(b"\r\n")
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}(;.*)?", line):
            raise NoAnswer(f"no chunk can begin with {line[:20]!r}")
        return line

    def _receive(self, deadline: float) -> bool:
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            data = self._socket.recv(65_536)
        except TimeoutError:
            raise Silent(f"silent for {self._timeout_seconds:g} s") from None
        except OSError as error:
            raise NoAnswer(f"the connection was broken off: {error}") from error
        self._held += data
        return bool(data)


def _connected(address: Address, timeout_seconds: float) -> socket.socket:
    plain = socket.create_connection((address.host, address.port), timeout_seconds)
    if address.tls is None:
        return plain
    try:
        return address.tls.wrap_socket(plain, server_hostname=address.host)
    except OSError:
        plain.close()
        raise


def request_head(method: str, target: str, fields: Sequence[tuple[str, str]]) -> bytes:
    """A request's head as it goes over the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


def _read_head(head: bytes) -> Answer:
    first, *lines = head.split(b"\r\n")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise NoAnswer(f"this is no status line of HTTP/1.1: {first[:60]!r}")
    fields = []
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None or re.search(rb"[\x00\r\n]", line):
            raise NoAnswer(f"this is no header field: {line[:60]!r}")
        fields.append((field[1].decode("latin-1"), field[2].decode("latin-1")))
    return Answer(int(status[1]), tuple(fields))
