"""What a pod says to a request, once it is known whose it is.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self

import attrs

from pods.errors import ConfigurationError, Fault, ProtocolError
from pods.middleware.combining import WhoOwns, owners_of
from pods.middleware.lookups import pod_faults
from pods.middleware.owners import Owner, Owners, Steps
from pods.middleware.question import Question, path_of
from pods.protocol import (
    DEFAULT_HEADER_PREFIX,
    LEARN_PATH,
    PATH_LIMIT_BYTES,
    CacheClaim,
    HeaderNames,
    LearnAnswer,
    Redirect,
    parse_learn_query,
)
from pods.routing.paths import ROOT, covers, is_ambiguous, normalized

BOUNCE_STATUS = 307  #: the one that keeps the method, whoever reads it
_HEADER_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]*-")


@attrs.frozen
class Reply:
    """A complete response in place of the application's."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


@attrs.frozen
class Decision:
    """What happens to a request."""

    bounce: Reply | None = None  #: None: the application answers
    teaches: tuple[str, str] | None = None  #: the header that goes with the application's answer


HERE = Decision()  #: nothing is said, and nothing is done


@attrs.frozen
class Ownership:
    """Decides what one pod says.

    :param me: the name of this pod.
    """

    me: str
    owners: Owners
    names: HeaderNames

    @classmethod
    def checked(
        cls,
        me: str,
        who_owns: WhoOwns,
        header_prefix: str = DEFAULT_HEADER_PREFIX,
        pods: Iterable[str] | None = None,
        others: Iterable[Fault] = (),
    ) -> Self:
        """Make sure that all can work, tables included, and make it.

        :param others: faults that were found already.
        :raises ConfigurationError: with every fault.
        """
        known = None if pods is None else frozenset(pods)
        owners = owners_of(who_owns)
        faults = [*others, *pod_faults(me, "me", known), *owners.faults(known)]
        if not isinstance(header_prefix, str) or not _HEADER_PREFIX.fullmatch(header_prefix):
            allowed = "letters, digits and -, ending with -, as header_prefix in router.toml"
            faults.append(Fault("header_prefix", f"is {header_prefix!r}", allowed))
        if faults:
            raise ConfigurationError(*faults)
        return cls(me, owners, HeaderNames(header_prefix))

    def steps(self, question: Question) -> Steps:
        """How to find the owner of a request."""
        if not question.path.startswith(ROOT):
            return None  # the * of OPTIONS
        return (yield from self.owners.steps(question))

    def decide(self, question: Question, owner: Owner | None) -> Decision:
        """What happens to a request of this owner; None: it is nobody's."""
        if owner is None:
            return HERE
        if owner.pod != self.me:
            is_once = owner.once or owner.path is None
            redirect = Redirect(owner.pod, is_once).format()
            return Decision(bounce=_empty(BOUNCE_STATUS, (self.names.redirect, redirect)))
        if owner.once or owner.path is None or not is_teachable(owner, question.path):
            return HERE
        path = owner.path if owner.exact else f"{normalized(owner.path)}/"
        claim = CacheClaim(path, owner.exact, ttl_seconds=owner.ttl_seconds)
        return Decision(teaches=(self.names.cache, claim.format()))


def is_learn(question: Question) -> bool:
    """Whether a router asks ahead of a request."""
    return question.path == LEARN_PATH


def asked_ahead(method: str, query: str) -> Question | Reply:
    """What a router asks about, or the answer to one who asks wrongly.

    :param method: of the router's request.
    :param query: of its target.
    """
    if method not in ("GET", "HEAD"):
        return _empty(405, ("Allow", "GET, HEAD"))
    try:
        asked, path = parse_learn_query(query)
    except ProtocolError as error:
        return _told(400, "text/plain", f"{error}\n")
    return Question(method=asked, path=path_of(path.encode("latin-1")))


def learn_answer(question: Question, owner: Owner | None) -> Reply:
    """What a router is told that asks whose a path is.

    What cannot be said of a path is not said: the router then sends the request anywhere and is
    bounced.
    """
    if owner is None or owner.path is None or not _is_tellable(owner, question.path):
        return _told(404, "application/json", "{}")
    answer = LearnAnswer(
        path=owner.path,
        pod=owner.pod,
        source="fixed" if owner.fixed else "routable",
        exact=owner.exact,
        ttl_seconds=0 if owner.once else owner.ttl_seconds,
    )
    return _told(200, "application/json", answer.format())


def is_teachable(owner: Owner, asked_path: str) -> bool:
    """Whether routers accept the owner's path from a request for ``asked_path``."""
    path = owner.path
    if path is None or is_ambiguous(path) or is_ambiguous(asked_path):
        return False
    if normalized(path) == ROOT or len(path) >= PATH_LIMIT_BYTES:
        return False  # with room for the slash at the end of a claim
    return covers(path, asked_path, owner.exact)


def is_teaching(status: int) -> bool:
    """Whether a response of this status may teach.

    What is not shown must not be told: a route that a client is found to have learned would tell
    that there is something.  So only success teaches, and never a redirect to the sign-in page.
    """
    return 200 <= status < 300 or status in (101, 304)


def _is_tellable(owner: Owner, asked_path: str) -> bool:
    # Of an ambiguous path routers use the pod only.
    if is_ambiguous(asked_path):
        return owner.path is not None and len(owner.path) <= PATH_LIMIT_BYTES
    return is_teachable(owner, asked_path)


def _empty(status: int, *headers: tuple[str, str]) -> Reply:
    plain = ("Content-Type", "text/plain")
    return Reply(status, (plain, ("Content-Length", "0"), *headers))


def _told(status: int, content_type: str, text: str) -> Reply:
    body = text.encode("utf-8")
    fields = (("Content-Type", content_type), ("Content-Length", str(len(body))))
    return Reply(status, fields, body)
