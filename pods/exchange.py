"""The life of one request.

    receive → recall → locate → forward → (redirected → forward)* → learn → release → log

Each phase is one section below, in this order, and this is the only module that knows them all.
A request whose route is remembered goes through them in one go, without a Deferred and without a
timer of its own; only a strategy that answers with an awaitable makes it wait.  What the phases
decide with is elsewhere and pure: :mod:`pods.routing`, :mod:`pods.protocol`, :mod:`pods.http1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pods import errors
from pods.bounces import check_target, read_redirect
from pods.client_request import ClientRequest
from pods.http1.attempt import Attempt
from pods.http1.fields import Field
from pods.http1.forwarding import client_scheme, request_to_pod
from pods.http1.framing import allowed_trailers
from pods.http1.held import HeldBody
from pods.http1.refusals import render
from pods.http1.request import RequestHead
from pods.http1.response import CONTINUE, ResponseHead
from pods.http1.server import ClientConnection
from pods.http1.upload import Upload
from pods.interfaces import Placement, Route
from pods.journal import CLIENT_LEFT, Journal
from pods.locator import Locator
from pods.protocol import BOUNCE_STATUSES, UNTEACHING_STATUSES, Redirect
from pods.reply import Reply
from pods.routing.paths import is_learn_endpoint
from pods.routing.route_cookie import Hint
from pods.routing.table import Entry

if TYPE_CHECKING:
    from pods.router import Router


class Exchange:
    """One request and everything that is done about it."""

    # How each begins; most requests need but a few of these, so they are not set for every one.
    _upload: Upload | None = None
    _is_over = False
    # recall and locate
    _entry: Entry | None = None  # the remembered route that was used, or learned
    _hint: Hint | None = None  # what the client's cookie says; memory knew nothing
    _locator: Locator | None = None  # made when the strategy is first asked
    # forward and redirected
    _placement: Placement | None = None
    _is_replaceable = False  # this pod was only one of several that might do
    _attempt: Attempt | None = None
    _interim: tuple[ResponseHead, ...] = ()  # kept back: this pod may yet bounce the request
    _continued = False  # the client has been told to send its body
    _remembers = True  # False after a redirect "once"
    _reply: Reply | None = None  # once it is known which response the client gets

    def __init__(
        self, router: Router, client: ClientConnection, head: RequestHead, journal: Journal
    ) -> None:
        self._router = router
        self._client = client
        self._head = head
        self._journal = journal
        self._strategy: Any = router.strategy
        self._tried: list[str] = []

    # == receive ==============================================================

    def begin(self) -> None:
        """The head is complete."""
        head, config = self._head, self._router.config
        if is_learn_endpoint(head.path):
            self.refuse(errors.NotFound("There is nothing here."))
        elif not head.has_body:
            self._recall()
        elif not self._is_too_large(head.content_length or 0):
            held = HeldBody(self._router.budget, config.body.memory_bytes, spool_limit_bytes=0)
            self._upload = Upload(self._client, held)
            self._recall()

    def body_received(self, data: bytes) -> None:
        """Some of the body has come."""
        assert self._upload is not None
        self._journal.bytes_in += len(data)
        if not self._is_too_large(self._journal.bytes_in):
            self._upload.received(data)

    def body_finished(self, trailers: list[Field]) -> None:
        """All of the body has come."""
        assert self._upload is not None
        self._upload.finish(allowed_trailers(trailers, self._router.our_prefix))

    def _is_too_large(self, size_bytes: int) -> bool:
        limit_bytes = self._router.config.limits.body_bytes
        is_too_large = 0 < limit_bytes < size_bytes
        if is_too_large:
            self.refuse(errors.ContentTooLarge(f"The body is over {limit_bytes} bytes."))
        return is_too_large

    # == recall ===============================================================

    def _recall(self) -> None:
        """Is it known where this goes?  By a rule, or by a remembered route."""
        head = self._head
        rule = self._router.rules.match(self._journal.method, head.path)
        if rule is not None and rule.pod is not None:
            self._journal.route = "rule"
            self._forward(self._router.certain[rule.pod])
            return
        if rule is not None and rule.strategy is not None:
            self._strategy = self._router.strategies[rule.strategy]
        known = self._router.memory.recall(head.path)
        if known is None or isinstance(known, Entry):
            self._recalled(known)
        else:  # it is not in memory, but may be on disk
            self._ask().wait(known, self._recalled)

    def _recalled(self, entry: Entry | None) -> None:
        """The router's memory has answered."""
        self._entry = entry
        if entry is not None:
            self._journal.route = "cache"
            self._forward(self._router.certain[entry.pod])
            return
        hint = self._hint = self._router.cookies.hint(self._head)
        if hint is None:
            self._locate()
        else:
            self._journal.route = "cookie"
            self._forward(Placement(hint.pod), is_replaceable=True)

    # == locate ===============================================================

    def _locate(self) -> None:
        """It is not: ask the strategy."""
        self._journal.route = "strategy"
        self._ask().locate(self._located)

    def _located(self, placement: Placement) -> None:
        """The strategy has chosen; unless it is certain, another pod would have done as well."""
        self._forward(placement, is_replaceable=not placement.certain)

    def _ask(self) -> Locator:
        if self._locator is None:
            request, pods = self.request(), self._router.pools
            request_id = self._journal.request_id
            self._locator = Locator(self._strategy, request, pods, self.refuse, request_id)
        return self._locator

    def request(self) -> ClientRequest:
        """The request as plugins see it."""
        address, memory_bytes = self._client.peer.address, self._router.config.body.memory_bytes
        return ClientRequest(
            self._head, address, self._tried, self._upload, self.go_ahead, memory_bytes
        )

    # == forward ==============================================================

    def _forward(self, placement: Placement, is_replaceable: bool = False) -> None:
        """Send the request to a pod."""
        router, head, upload, pod = self._router, self._head, self._upload, placement.pod
        self._placement = placement = router.lasting.doubts.weighed(placement, head.path)
        self._is_replaceable = is_replaceable
        self._interim = ()
        if placement.remember is not None and self._remembers:
            self._entry = router.memory.remember(placement.remember, head.path)
        self._tried.append(pod)
        self._journal.sent_to(pod)
        if upload is not None and not placement.certain:
            upload.keep_everything(router.config.body.spool_bytes)
        asks_first = upload is not None and self._asks_first(upload, placement)
        wire = request_to_pod(
            head,
            self._client.peer,
            self._journal.request_id,
            router.lines_for_pod(self._journal),
            host=router.hosts[pod],
            expects_continue=head.expects_continue or asks_first,
        )
        self._attempt = Attempt(self, router.pools[pod], head, wire, upload, asks_first)
        self._attempt.start()

    def _asks_first(self, upload: Upload, placement: Placement) -> bool:
        """Whether to wait for the pod's 100 before the body: because the client does, or because
        a pod that may bounce should do so before it is sent a large body."""
        if self._head.expects_continue and not self._continued:
            return True
        memory_bytes = self._router.config.body.memory_bytes
        is_large = self._head.chunked or (self._head.content_length or 0) > memory_bytes
        return is_large and not placement.certain and not upload.finished

    def informed(self, head: ResponseHead) -> None:
        """Pass an interim response on: one 100 at most, and nothing of what may be a bounce."""
        if head.status == 100:
            self.go_ahead()
        elif self._journal.route == "rule" and len(self._tried) == 1:
            self._client.inform(head)  # who placed it by hand knows whose it is
        else:
            self._interim += (head,)

    def go_ahead(self) -> None:
        """Tell a client that waits for a 100 to send its body."""
        if self._head.expects_continue and not self._continued:
            self._continued = True
            self._client.inform(CONTINUE)

    def responded(self, head: ResponseHead) -> None:
        """The pod's final response begins, or its 101."""
        self._journal.answered()
        redirect = head.special.get(self._router.redirect_field)
        if redirect is not None and head.status in BOUNCE_STATUSES:
            self._redirected(redirect)
            return
        attempt = self._attempt
        assert attempt is not None
        if self._upload is not None:
            self._settle(self._upload, attempt, head)
        claims = head.special.get(self._router.cache_field)
        if claims is not None:
            self._learn(claims, head.status)
        self._tell_client(head)
        self._release(head, attempt)

    def _settle(self, upload: Upload, attempt: Attempt, head: ResponseHead) -> None:
        """The pod keeps the request: its body is not needed a second time."""
        upload.settle()
        if head.status < 400 and (self._continued or not self._head.expects_continue):
            # The client does not ask, or has been told already: it sends its body.
            attempt.send_body_now()

    def unreachable(self, refusal: errors.Refusal) -> None:
        """No byte of the request was sent: another pod may do, unless this one is the owner."""
        self._try_elsewhere(refusal, may_be_sent=True)

    def failed(self, refusal: errors.Refusal) -> None:
        """The connection to the pod was lost, or its answer is garbage."""
        if self._reply is not None:
            self.refuse(refusal)
            return
        body_is_held = self._upload is None or self._upload.can_start_over
        lost = isinstance(refusal, errors.ConnectionLost)
        self._try_elsewhere(refusal, lost and self._head.is_idempotent and body_is_held)

    def _try_elsewhere(self, refusal: errors.Refusal, may_be_sent: bool) -> None:
        """A pod that was only one of several may be replaced by another (contract, section 5)."""
        self._attempt = None
        if self._is_replaceable and may_be_sent:
            self._ask().locate(self._located, instead_of=refusal)
        else:
            self.refuse(refusal)

    # == redirected ===========================================================

    def _redirected(self, values: list[bytes]) -> None:
        """The pod bounced the request: its whole response is between it and the router."""
        assert self._attempt is not None and self._placement is not None
        self._attempt.discard()
        self._attempt = None
        self._router.counters.bounces += 1
        try:
            redirect = read_redirect(values)
            self._unlearn(redirect)
            check_target(redirect, self._router.pools, self._tried)
            self._check_replayable(redirect)
        except errors.Refusal as refusal:
            self.refuse(refusal)
        else:
            self._ask().redirected(self._placement, redirect, self._forward)

    def _unlearn(self, redirect: Redirect) -> None:
        """A route that led to a bounce was wrong, unless the bounce is for this once."""
        if redirect.once:
            self._remembers = False
        elif self._entry is not None:
            self._router.memory.forget(self._entry)

    def _check_replayable(self, redirect: Redirect) -> None:
        if self._placement is None or self._upload is None or self._upload.can_start_over:
            return
        path, is_fixed = self._head.path, self._placement.certain and self._entry is None
        if is_fixed or not self._remembers:  # then the client's next try must be held whole
            self._router.lasting.doubts.note(path)
        else:  # or it goes there at once
            self._router.memory.remember(Route(path, redirect.pod, exact=True), path)
        raise errors.NotReplayable("The request must be sent again.")

    # == learn ================================================================

    def _learn(self, claims: list[bytes], status: int) -> None:
        """Remember what the pod teaches with its answer."""
        if status not in UNTEACHING_STATUSES and self._remembers:
            learned = self._router.memory.learn(claims, self._tried[-1], self._head.path)
            self._entry = learned or self._entry

    def _tell_client(self, head: ResponseHead) -> None:
        """Let the client's cookie say what is known now."""
        if not self._remembers:
            return
        pod, entry, hint, wrong = self._tried[-1], self._entry, self._hint, None
        if hint is not None and hint.pod != pod:
            hint, wrong = None, hint
        known = entry if entry is not None and entry.pod == pod else hint
        cookies = self._router.cookies
        value = cookies.new_value(self._head, head, known, wrong)
        if value is not None:
            is_https = client_scheme(self._head, self._client.peer) == b"https"
            head.lines.append(cookies.line(value, is_https=is_https))

    # == release ==============================================================

    def _release(self, head: ResponseHead, attempt: Attempt) -> None:
        """Let the response go to the client, as soon as it may."""
        reply = self._reply = Reply(self, self._router, self._client, self._journal, attempt, head)
        if head.status == 101:
            self._attempt = None  # the tunnel has it
        reply.begin(self._interim)

    def received(self, data: bytes) -> None:
        """Some of the response's body."""
        assert self._reply is not None
        self._reply.received(data)

    def ended(self, trailers: list[Field]) -> None:
        """The response is complete."""
        assert self._reply is not None
        self._attempt = None
        self._reply.ended(trailers and allowed_trailers(trailers, self._router.our_prefix))

    def client_is_full(self) -> None:
        """The client is slow: let the pod wait."""
        flow = self._reply or self._attempt
        if flow is not None:
            flow.pause()

    def client_is_ready(self) -> None:
        """The client has caught up."""
        flow = self._reply or self._attempt
        if flow is not None:
            flow.resume()

    # == log, and the other ways to end =======================================

    def refuse(self, refusal: errors.Refusal) -> None:
        """End with an answer of the router's own."""
        if self._reply is not None and self._reply.has_begun:
            # Too late: the client must see that it is not complete.
            self.finish(refusal.reason)
            self._client.abort()
        elif not self._is_over:
            close = refusal.closes or self._client.will_close
            answer = render(
                refusal,
                self._journal.request_id,
                self._head.values(b"accept"),
                without_body=self._head.method == b"HEAD",
                close=close,
            )
            self._router.counters.refusals[refusal.status] += 1
            self.finish(refusal.reason, refusal.status)
            self._client.answer(answer, close=close)

    def client_gone(self) -> None:
        """The client has left: nobody wants an answer any more."""
        self._router.counters.client_aborts += 1
        self.finish("the client left")

    def finish(self, error: str | None = None, status: int = 0) -> None:
        """Let go of everything, and write the log line.

        :param error: what went wrong, if anything.
        :param status: what the client got; by default that of the response it was sent.
        """
        if self._is_over:
            return
        self._is_over = True
        if not status:
            reply = self._reply
            status = reply.head.status if reply is not None and reply.has_begun else CLIENT_LEFT
        for running in (self._attempt, self._locator, self._reply):
            if running is not None:
                running.cancel()
        # They know this request as well, and what is left for the garbage collector is dear.
        self._attempt = self._locator = self._reply = None
        if self._upload is not None:
            self._upload.close()
        self._journal.end(status, error)
        self._router.finished(self._journal)
