"""Makes a resource of twisted.web a pod."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from pods.errors import Fault
from pods.middleware.combining import WhoOwns
from pods.middleware.ownership import (
    Decision,
    Ownership,
    Reply,
    asked_ahead,
    is_learn,
    is_teaching,
    learn_answer,
)
from pods.middleware.question import Question, host_name, path_of
from pods.middleware.running import awaited
from pods.protocol import DEFAULT_HEADER_PREFIX


@implementer(IResource)
class ResourcePod:
    """A resource, with all that is below it, that is a pod.

    It is the root of a site.  Look-ups that may wait are made in the reactor's threads.
    twisted.web reads a request's whole body before it looks for a resource; make the site's
    requests by :class:`PodRequest`, and they are bounced before that.

    :param resource: what answers this pod's own requests.
    :param me: the name of this pod.
    :param who_owns: see :data:`pods.middleware.WhoOwns`.
    :param header_prefix: as in the routers' ``router.toml``.
    :param pods: the names of all pods, if tables shall be checked against them.
    :raises pods.errors.ConfigurationError: with every fault.
    """

    isLeaf = False

    def __init__(
        self,
        resource: IResource,
        *,
        me: str,
        who_owns: WhoOwns,
        header_prefix: str = DEFAULT_HEADER_PREFIX,
        pods: Iterable[str] | None = None,
    ) -> None:
        allowed = "what provides twisted.web.resource.IResource"
        faults = [Fault("resource", f"is {resource!r}", allowed)]
        if IResource.providedBy(resource):
            faults = []
        self._resource = resource
        self._ownership = Ownership.checked(me, who_owns, header_prefix, pods, faults)
        # Of requests that have not got as far as to need it.
        self._decided: MutableMapping[Any, Decision] = WeakKeyDictionary()

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        request.postpath.insert(0, request.prepath.pop())  # as if nobody had asked here
        return self._serving(request)

    def putChild(self, path: bytes, child: IResource) -> None:
        """Put a child below the resource that this one wraps."""
        self._resource.putChild(path, child)

    def render(self, request: Any) -> Any:
        return self._serving(request).render(request)

    def remember(self, request: Any, decision: Decision) -> None:
        """Keep what was decided for when the request is served."""
        self._decided[request] = decision

    async def decide(self, question: Question, query: str) -> Decision:
        """What happens to a request; a router that asks ahead is answered as well."""
        if not is_learn(question):
            owner = await awaited(self._ownership.steps(question), deferToThread)
            return self._ownership.decide(question, owner)
        asked = asked_ahead(question.method, query)
        if isinstance(asked, Reply):
            return Decision(bounce=asked)
        owner = await awaited(self._ownership.steps(asked), deferToThread)
        return Decision(bounce=learn_answer(asked, owner))

    def _serving(self, request: Any) -> Any:
        """The resource that answers: ours, another pod's name, or one that waits until that is
        known and then begins anew.
        """
        decision = self._decided.pop(request, None)
        if decision is None:
            question, query = question_of(request, request.method, request.uri)
            deciding = Deferred.fromCoroutine(self.decide(question, query))
            found = _now(deciding)
            if found is None:
                return _Waiting(deciding, self.remember)
            decision = found
        if decision.bounce is not None:
            return _Replying(decision.bounce)
        if decision.teaches is not None:
            _teach(request, decision.teaches)
        return self._resource


class PodRequest(Request):
    """A request that is bounced before its body is read.

    Give it to the site: ``Site(ResourcePod(...), requestFactory=PodRequest)``.  A body that is
    looked into, or a look-up that takes longer, is waited for as without it.
    """

    _is_bounced = False
    _is_complete = False

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)  # type: ignore[no-untyped-call]
        site: Any = getattr(self.channel, "site", None)
        pod = getattr(site, "resource", None)
        target = getattr(self.channel, "_path", None)  # not so in HTTP/2
        if length == 0 or target is None or not isinstance(pod, ResourcePod):
            return
        question, query = question_of(self, self.channel._command, target, has_body=False)
        deciding = Deferred.fromCoroutine(pod.decide(question, query))
        # What goes wrong now is tried again, and told, when all of the request is here.
        deciding.addCallbacks(self._early, lambda failure: None, callbackArgs=(pod,))

    def _early(self, decision: Decision, pod: ResourcePod) -> None:
        if self._is_complete or self.channel is None:
            return
        if decision.bounce is None:
            pod.remember(self, decision)
            return
        self._is_bounced = True
        self.requestHeaders.removeHeader(b"Expect")  # nobody is told to go on
        self.channel.write(_wire(decision.bounce))

    def handleContentChunk(self, data: bytes) -> None:
        # What comes now is read for the other side's sake: a connection that is closed over
        # unread bytes would lose the answer.
        if not self._is_bounced:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self._is_complete = True
        if self._is_bounced:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)  # type: ignore[no-untyped-call]


def question_of(
    request: Any, method: bytes, target: bytes, has_body: bool = True
) -> tuple[Question, str]:
    """What is known of a request before its body is read, and its query.

    :param has_body: False: it is still on its way.
    """

    def body(limit_bytes: int) -> Any:
        if not has_body:
            raise CancelledError("the body is on its way")
        begun = request.content.read(limit_bytes)
        request.content.seek(0)
        return begun

    question = Question(
        method=method.decode("latin-1"),
        path=path_of(target),
        host=host_name(request.getHeader("Host") or ""),
        header=request.getHeader,
        body=body,
    )
    return question, target.partition(b"?")[2].decode("latin-1")


class _Replying(Resource):
    """Answers in place of the application."""

    isLeaf = True

    def __init__(self, reply: Reply) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reply = reply

    def render(self, request: Any) -> bytes:
        request.setResponseCode(self._reply.status)
        for name, value in self._reply.headers:
            request.setHeader(name, value)
        return self._reply.body


class _Waiting(Resource):
    """Has the request begin anew once it is decided."""

    isLeaf = True

    def __init__(
        self, deciding: Deferred[Decision], remember: Callable[[Any, Decision], None]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._deciding = deciding
        self._remember = remember

    def render(self, request: Any) -> int:
        def done(decision: Decision) -> None:
            self._remember(request, decision)
            request.process()

        def failed(failure: Failure) -> None:
            if not failure.check(CancelledError):
                request.processingFailed(failure)

        request.notifyFinish().addErrback(lambda _: self._deciding.cancel())
        self._deciding.addCallback(done).addErrback(failed)
        return NOT_DONE_YET


def _now(deciding: Deferred[Decision]) -> Decision | None:
    """The decision, if nothing has to be waited for.

    :raises Exception: whatever went wrong.
    """
    if not deciding.called:
        return None
    outcome: list[Any] = []
    deciding.addBoth(outcome.append)
    if outcome and isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0] if outcome else None


def _teach(request: HTTPRequest, teaches: tuple[str, str]) -> None:
    """Add the header when the response begins, as only then its status is known."""

    def write(data: bytes) -> None:
        del request.write  # of this object: from now on its class's own
        if is_teaching(request.code) and not request.responseHeaders.hasHeader(teaches[0]):
            request.responseHeaders.setRawHeaders(teaches[0], [teaches[1]])
        request.write(data)

    request.write = write  # type: ignore[method-assign]


def _wire(reply: Reply) -> bytes:
    fields = (*reply.headers, ("Connection", "close"))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    phrase = HTTPStatus(reply.status).phrase
    return f"HTTP/1.1 {reply.status} {phrase}\r\n{lines}\r\n".encode("latin-1") + reply.body
