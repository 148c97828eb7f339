"""The checks of ``pods check-pod``, in the order in which they are made."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Generator, Iterator

import attrs

from pods.check_pod_asking import Asking
from pods.check_pod_bounces import bounce_findings
from pods.check_pod_findings import Finding, judged, note, right, wrong
from pods.check_pod_wire import Answer, NoAnswer
from pods.errors import ProtocolError
from pods.protocol import (
    BOUNCE_STATUSES,
    LEARN_PATH,
    UNTEACHING_STATUSES,
    CacheClaim,
    LearnAnswer,
    Redirect,
)
from pods.routing.acceptance import acceptable
from pods.routing.paths import normalized

#: Findings, and at the end what was learned of the path.
Learning = Generator[Finding, None, LearnAnswer | None]


@attrs.define
class Checker:
    """Makes all checks.

    :param me: the name of the pod that the application is, if it is known.
    """

    _asking: Asking
    _me: str | None = None
    _bounced: int = 0
    _owned: int = 0  # answers that told whose a path is
    _below: set[str] = attrs.field(factory=set)  # prefixes that were looked at from all sides

    def findings(self, paths: Collection[str]) -> Iterator[Finding]:
        """What is right and wrong, one by one as it is found.

        :param paths: some that the pod owns, and some that belong to another.
        """
        nobodys = f"/pods-check-{secrets.token_hex(6)}"
        try:
            self._asking.get(nobodys)
        except NoAnswer as error:
            yield wrong("reachable", f"GET {nobodys}", str(error))
            return
        yield right("reachable", f"GET {nobodys}", "answers")
        yield self._bad_query()
        for path in (*paths, nobodys):
            yield from self._path(path)
        if paths and not self._owned:
            yield wrong("owner", "", "no path has an owner: nothing was named, bounced or taught")
        if not self._bounced:
            yield note("bounce-before-body", "", "nothing was bounced; add --path of another pod's")

    def _bad_query(self) -> Finding:
        where = f"GET {LEARN_PATH}"
        try:
            answer = self._asking.plain(LEARN_PATH)
        except NoAnswer as error:
            return wrong("learn-bad-query", where, str(error))
        is_right = 400 <= answer.status < 500
        return judged("learn-bad-query", where, is_right, f"{answer.status} without path_info")

    def _path(self, path: str) -> Iterator[Finding]:
        learned = yield from self._learned(path)
        try:
            answer = self._asking.get(path)
        except NoAnswer as error:
            yield wrong("reachable", f"GET {path}", str(error))
            return
        yield self._other_headers(path, answer)
        names = self._asking.names
        told = learned or answer.all(names.redirect) or answer.all(names.cache)
        self._owned += bool(told)
        if answer.all(names.redirect):
            yield from self._bounce(path, answer, learned)
        else:
            yield from self._claim(path, answer, learned)
        if learned is not None and not learned.exact:
            yield from self._prefix(learned)

    # -- learn ---------------------------------------------------------------

    def _learned(self, path: str) -> Learning:
        where = f"learn {path}"
        try:
            answer = self._asking.learn(path)
        except NoAnswer as error:
            yield wrong("learn-status", where, str(error))
            return None
        if answer.status == 404:
            yield right("learn-status", where, "404: it is nobody's")
            return None
        if answer.status != 200:
            yield wrong("learn-status", where, str(answer.status))
            return None
        try:
            learned = LearnAnswer.parse(answer.body)
        except ProtocolError as error:
            yield wrong("learn-json", where, str(error))
            return None
        said = f"{learned.path} belongs to {learned.pod}"
        yield right("learn-json", where, said)
        refused = acceptable(learned.path, learned.exact, path)
        yield judged("learn-path", where, refused is None, f"{learned.path}: {refused or 'fits'}")
        return learned if refused is None else None

    def _prefix(self, learned: LearnAnswer) -> Iterator[Finding]:
        """Whether the pod means by a prefix what routers mean by it."""
        prefix = normalized(learned.path)
        if prefix in self._below:
            return
        self._below.add(prefix)
        name = secrets.token_hex(4)
        for check, path in (
            ("trailing-slash", f"{prefix}/"),
            ("prefix-below", f"{prefix}/{name}"),
        ):
            owner, _ = self._quietly(path)
            pod = None if owner is None else owner.pod
            yield judged(check, f"learn {path}", pod == learned.pod, f"{pod or 'nobody'} owns it")
        yield from self._boundary(prefix, name)
        yield from self._not_found(f"{prefix}/{name}")

    def _boundary(self, prefix: str, name: str) -> Iterator[Finding]:
        for path in (f"{prefix}{name}", f"{prefix}.{name}"):
            owner, problem = self._quietly(path)
            refused = owner and acceptable(owner.path, owner.exact, path)
            problem = f"names {owner.path}" if owner and refused else problem
            said = problem or "is another path"
            yield judged("prefix-boundary", f"learn {path}", not problem, said)

    def _quietly(self, path: str) -> tuple[LearnAnswer | None, str]:
        """What is learned of a path, and what is wrong with the answer."""
        try:
            answer = self._asking.learn(path)
            if answer.status == 404:
                return None, ""
            return LearnAnswer.parse(answer.body), ""
        except (NoAnswer, ProtocolError) as error:
            return None, str(error)

    def _not_found(self, path: str) -> Iterator[Finding]:
        """A page that is not there, at a tenant that is."""
        try:
            answer = self._asking.get(path)
        except NoAnswer as error:
            yield wrong("reachable", f"GET {path}", str(error))
            return
        if answer.status in UNTEACHING_STATUSES:
            yield from self._claim(path, answer, None)

    # -- a bounce ------------------------------------------------------------

    def _bounce(self, path: str, answer: Answer, learned: LearnAnswer | None) -> Iterator[Finding]:
        where, names = f"GET {path}", self._asking.names
        is_bounce = answer.status in BOUNCE_STATUSES
        yield judged("redirect-status", where, is_bounce, f"{answer.status} with {names.redirect}")
        try:
            (value,) = answer.all(names.redirect)
            redirect = Redirect.parse(value)
        except ProtocolError as error:
            yield wrong("redirect-header", where, str(error))
            return
        except ValueError:
            yield wrong("redirect-header", where, "it is there more than once")
            return
        yield right("redirect-header", where, f"bounced to {redirect.pod}")
        if self._me is not None:
            is_other = redirect.pod != self._me
            yield judged("redirect-elsewhere", where, is_other, f"{self._me} names {redirect.pod}")
        if learned is not None and not redirect.once:
            agrees = learned.pod == redirect.pod
            said = f"learn names {learned.pod}, the bounce {redirect.pod}"
            yield judged("redirect-agrees", where, agrees, said)
        elif not redirect.once:
            yield _untold(path)
        teaches = "with" if answer.all(names.cache) else "without"
        yield judged("bounce-teaches", where, teaches == "without", f"{teaches} {names.cache}")
        if is_bounce:
            self._bounced += 1
            yield from bounce_findings(self._asking, path, redirect.pod)

    # -- an answer -----------------------------------------------------------

    def _claim(self, path: str, answer: Answer, learned: LearnAnswer | None) -> Iterator[Finding]:
        """What the application teaches with its own answer."""
        where, values = f"GET {path}", answer.all(self._asking.names.cache)
        if answer.status in UNTEACHING_STATUSES:
            said = f"{answer.status} {'teaches' if values else 'teaches nothing'}"
            yield judged("cache-status", where, not values, said)
        elif values:
            yield from self._taught(path, values, learned)
        elif learned is not None and answer.status == 200 and learned.source == "routable":
            said = "teaches nothing; routers that bounce will ask any pod each time"
            yield note("cache-header", where, said)

    def _taught(
        self, path: str, values: list[str], learned: LearnAnswer | None
    ) -> Iterator[Finding]:
        where = f"GET {path}"
        try:
            (value,) = values
            claim = CacheClaim.parse(value)
        except ProtocolError as error:
            yield wrong("cache-header", where, str(error))
            return
        except ValueError:
            yield wrong("cache-header", where, "it is there more than once")
            return
        yield right("cache-header", where, f"teaches {claim.path}")
        refused = acceptable(claim.path, claim.exact, path)
        yield judged("cache-path", where, refused is None, f"{claim.path}: {refused or 'fits'}")
        me = self._me or (learned.pod if learned is not None else claim.pod)
        if claim.pod is not None or learned is not None:
            named = claim.pod or (learned.pod if learned is not None else None)
            yield judged("cache-pod", where, named == me, f"{me} teaches a route to {named}")
        if learned is None:
            yield _untold(path)

    def _other_headers(self, path: str, answer: Answer) -> Finding:
        names = self._asking.names
        known = {names.redirect.lower(), names.cache.lower()}
        found = [name for name, _ in answer.fields if name.lower().startswith(names.prefix.lower())]
        others = [name for name in found if name.lower() not in known]
        said = f"has {', '.join(others)}" if others else f"has no other {names.prefix}* header"
        return judged("other-headers", f"GET {path}", not others, said)


def _untold(path: str) -> Finding:
    said = "tells less than the answer; routers that learn will send such requests anywhere first"
    return note("learn-status", f"learn {path}", said)
