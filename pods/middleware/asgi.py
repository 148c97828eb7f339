"""Makes an ASGI application a pod."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
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
from pods.middleware.replay import Peeked
from pods.middleware.running import awaited
from pods.protocol import DEFAULT_HEADER_PREFIX

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

DENIAL = "websocket.http.response"  #: the extension by which a handshake gets an HTTP answer
POLICY_VIOLATION = 1008  #: of a WebSocket that is closed; the client sees 403 before the handshake
log = logging.getLogger("pods.middleware")


class AsgiPod:
    """An ASGI application that is a pod.

    Look-ups that may wait are made in asyncio's threads.

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
        faults = _faults(application)
        self._application = application
        self._ownership = Ownership.checked(me, who_owns, header_prefix, pods, faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._application(scope, receive, send)
        peeked = Peeked(receive)
        question = _question(scope, peeked)
        if scope["type"] == "http" and is_learn(question):
            return await _reply(await self._learn(question.method, scope), question.method, send)
        owner = await awaited(self._ownership.steps(question), asyncio.to_thread)
        decision = self._ownership.decide(question, owner)
        if decision.bounce is not None:
            return await _bounce(decision.bounce, scope, receive, send)
        if decision.teaches is not None:
            send = _teaching(send, decision.teaches)
        if peeked.is_used:
            receive = peeked.receive
        await self._application(scope, receive, send)

    async def _learn(self, method: str, scope: Scope) -> Reply:
        asked = asked_ahead(method, scope.get("query_string", b"").decode("latin-1"))
        if isinstance(asked, Reply):
            return asked
        owner = await awaited(self._ownership.steps(asked), asyncio.to_thread)
        return learn_answer(asked, owner)


def _question(scope: Scope, peeked: Peeked) -> Question:
    def header(name: str) -> str | None:
        wanted = name.lower().encode("utf-8")
        values = (value for field, value in scope["headers"] if field.lower() == wanted)
        found = next(values, None)
        return None if found is None else bytes(found).decode("latin-1")

    raw = scope.get("raw_path")
    is_http = scope["type"] == "http"
    return Question(
        method=scope["method"] if is_http else "GET",
        path=path_of(raw) if raw else encoded(scope["path"].encode("utf-8", "surrogateescape")),
        host=host_name(header("host") or ""),
        header=header,
        body=peeked.body if is_http else lambda limit_bytes: b"",
    )


async def _bounce(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        return await _reply(reply, scope["method"], send)
    await receive()  # websocket.connect
    if DENIAL in (scope.get("extensions") or {}):
        return await _reply(reply, "GET", send, "websocket.http.response")
    log.error(
        "%s belongs to another pod, and this server cannot say so of a WebSocket: it lacks the"
        " ASGI extension %s",
        scope["path"],
        DENIAL,
    )
    await send({"type": "websocket.close", "code": POLICY_VIOLATION})


async def _reply(reply: Reply, method: str, send: Send, kind: str = "http.response") -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers]
    await send({"type": f"{kind}.start", "status": reply.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": b"" if method == "HEAD" else reply.body})


def _teaching(send: Send, teaches: tuple[str, str]) -> Send:
    name, value = teaches[0].lower().encode(), teaches[1].encode()

    async def sending(message: Any) -> None:
        if _is_taught(message):
            headers = list(message.get("headers") or ())
            if all(bytes(field).lower() != name for field, _ in headers):
                message = {**message, "headers": [*headers, (name, value)]}
        await send(message)

    return sending


def _is_taught(message: Any) -> bool:
    """Whether this message begins a response that may teach."""
    if message["type"] == "http.response.start":
        return is_teaching(message["status"])
    return bool(message["type"] == "websocket.accept")


def _faults(application: Any) -> Iterator[Fault]:
    if callable(application):
        yield from signature_faults(application, "application", ["scope", "receive", "send"])
    else:
        allowed = "an ASGI 3 application: a callable that takes (scope, receive, send)"
        yield Fault("application", f"is {application!r}", allowed)
