"""Whether an application bounces as it should: requests for what belongs to another pod."""

from __future__ import annotations

from collections.abc import Iterator

from pods.check_pod_asking import BODY, Asking
from pods.check_pod_findings import Finding, judged, note, right, wrong
from pods.check_pod_wire import Answer, NoAnswer, Silent
from pods.errors import ProtocolError
from pods.protocol import BOUNCE_STATUSES, Redirect

TAKES_NO_POST = frozenset({405, 501})


def bounce_findings(asking: Asking, path: str, pod: str) -> Iterator[Finding]:
    """Everything about bounces at a path that is known to be bounced.

    :param pod: where GET is bounced to.
    """
    yield _ending(asking, path)
    yield _head(asking, path, pod)
    posted, finding = _post(asking, path)
    yield finding
    if posted:
        yield _expecting(asking, path)


def pod_bounced_to(asking: Asking, answer: Answer) -> str | None:
    """The pod that a router would follow the answer to, or None."""
    if answer.status not in BOUNCE_STATUSES:
        return None
    try:
        (value,) = answer.all(asking.names.redirect)
        return Redirect.parse(value).pod
    except (ValueError, ProtocolError):
        return None


def _ending(asking: Asking, path: str) -> Finding:
    where = f"GET {path}"
    try:
        answer = asking.whole(path)
    except NoAnswer as error:
        return wrong("bounce-ends", where, str(error))
    return right("bounce-ends", where, f"ends after {len(answer.body)} bytes")


def _head(asking: Asking, path: str, pod: str) -> Finding:
    where = f"HEAD {path}"
    try:
        answer = asking.get(path, "HEAD")
    except NoAnswer as error:
        return wrong("bounce-head", where, str(error))
    found = pod_bounced_to(asking, answer)
    if found is None:
        return wrong("bounce-head", where, f"{answer.status}, and GET is bounced to {pod}")
    return judged("bounce-head", where, found == pod, f"bounced to {found}")


def _post(asking: Asking, path: str) -> tuple[bool, Finding]:
    """Whether POST is bounced, and when."""
    where = f"POST {path}"
    try:
        with asking.conversation() as conversation:
            conversation.send(asking.upload(path))
            try:
                answer, is_early = conversation.head(), True
            except Silent:
                conversation.send(BODY)
                answer, is_early = conversation.head(), False
    except NoAnswer as error:
        return False, wrong("bounce-post", where, str(error))
    if pod_bounced_to(asking, answer) is None:
        return False, _not_bounced(answer, where)
    said = "bounced before the body" if is_early else "not bounced until the body had come"
    return True, judged("bounce-before-body", where, is_early, said)


def _not_bounced(answer: Answer, where: str) -> Finding:
    if answer.status in TAKES_NO_POST:
        return note("bounce-before-body", where, f"{answer.status}, so nothing can be said of it")
    return wrong("bounce-post", where, f"{answer.status} although GET is bounced")


def _expecting(asking: Asking, path: str) -> Finding:
    name, where = "bounce-before-100", f"POST {path}, Expect: 100-continue"
    try:
        with asking.conversation() as conversation:
            conversation.send(asking.upload(path, ("Expect", "100-continue")))
            answer = conversation.head()
    except NoAnswer as error:
        return wrong(name, where, str(error))
    if pod_bounced_to(asking, answer) is None:
        return wrong(name, where, f"{answer.status} although it is bounced without that")
    if 100 in answer.interim:
        return note(name, where, "the server asks for the body before anybody has looked")
    return right(name, where, f"{answer.status} at once")
