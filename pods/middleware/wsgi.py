"""Makes a WSGI application a pod."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any

from pods.errors import Fault
from pods.middleware.combining import WhoOwns
from pods.middleware.lookups import signature_faults
from pods.middleware.ownership import (
    Ownership,
    Reply,
    asked_ahead,
    is_learn,
    is_teaching,
    learn_answer,
)
from pods.middleware.question import Question, encoded, host_name, path_of
from pods.middleware.replay import Replayed
from pods.middleware.running import at_once
from pods.protocol import DEFAULT_HEADER_PREFIX

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class WsgiPod:
    """A WSGI application that is a pod.

    :param application: what answers this pod's own requests.
    :param me: the name of this pod.
    :param who_owns: see :data:`pods.middleware.WhoOwns`.
    :param header_prefix: as in the routers' ``router.toml``.
    :param pods: the names of all pods, if tables shall be checked against them.
    :raises pods.errors.ConfigurationError: with every fault.
    """

    def __init__(
        self,
        application: Application,
        *,
        me: str,
        who_owns: WhoOwns,
        header_prefix: str = DEFAULT_HEADER_PREFIX,
        pods: Iterable[str] | None = None,
    ) -> None:
        faults = _faults(application, who_owns)
        self._application = application
        self._ownership = Ownership.checked(me, who_owns, header_prefix, pods, faults)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        question = question_of(environ)
        if is_learn(question):
            return _reply(self._learn(question.method, environ), environ, start_response)
        owner = at_once(self._ownership.steps(question))
        decision = self._ownership.decide(question, owner)
        if decision.bounce is not None:
            return _reply(decision.bounce, environ, start_response)
        if decision.teaches is not None:
            start_response = _teaching(start_response, decision.teaches)
        return self._application(environ, start_response)

    def _learn(self, method: str, environ: Environ) -> Reply:
        asked = asked_ahead(method, environ.get("QUERY_STRING", ""))
        if isinstance(asked, Reply):
            return asked
        return learn_answer(asked, at_once(self._ownership.steps(asked)))


def question_of(environ: Environ) -> Question:
    """What is known of a request before its body is read."""

    def header(name: str) -> str | None:
        key = name.upper().replace("-", "_")
        return environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}")

    return Question(
        method=environ["REQUEST_METHOD"],
        path=_path(environ),
        host=host_name(environ.get("HTTP_HOST", "")),
        header=header,
        body=lambda limit_bytes: _peek(environ, limit_bytes),
    )


def _path(environ: Environ) -> str:
    """The path as it was sent, if the server still has it; else encoded anew.

    A path that clients have written in an unusual way may differ then from what routers know;
    they believe nothing of it that they cannot see in their own.
    """
    sent = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if sent:
        return path_of(sent.encode("latin-1", "replace"))
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return encoded(path.encode("latin-1", "replace"))


def _peek(environ: Environ, limit_bytes: int) -> bytes:
    """The first bytes of the body, which stay to be read by the application."""
    length = environ.get("CONTENT_LENGTH") or ""
    ends_by_itself = bool(environ.get("wsgi.input_terminated"))
    if not length.isdigit() and not ends_by_itself:
        return b""  # nobody could say where it ends
    rest = environ["wsgi.input"]
    limit = min(limit_bytes, int(length)) if length.isdigit() else limit_bytes
    begun = _read_all(rest, limit)
    left = int(length) - len(begun) if length.isdigit() else None
    environ["wsgi.input"] = Replayed(begun, rest, left)
    return begun


def _read_all(stream: Any, limit_bytes: int) -> bytes:
    begun = b""
    while len(begun) < limit_bytes and (data := stream.read(limit_bytes - len(begun))):
        begun += data
    return begun


def _teaching(start_response: StartResponse, teaches: tuple[str, str]) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        if is_teaching(int(status[:3])) and not _has(headers, teaches[0]):
            headers = [*headers, teaches]
        return start_response(status, headers, *exc_info)

    return start


def _has(headers: list[tuple[str, str]], name: str) -> bool:
    """Whether the application says something itself."""
    return any(field.lower() == name.lower() for field, _ in headers)


def _reply(reply: Reply, environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(reply.headers))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]


def _faults(application: Any, who_owns: Any) -> Iterator[Fault]:
    if iscoroutinefunction(who_owns):
        yield Fault("who_owns", "is asynchronous", "under WSGI: a function that is not")
    if not callable(application):
        allowed = "a WSGI application: a callable that takes (environ, start_response)"
        yield Fault("application", f"is {application!r}", allowed)
        return
    yield from signature_faults(application, "application", ["environ", "start_response"])
    if iscoroutinefunction(application) or iscoroutinefunction(type(application).__call__):
        yield Fault("application", "is asynchronous", "for ASGI there is AsgiPod")
