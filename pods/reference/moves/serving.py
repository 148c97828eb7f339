"""What a pod says to requests for an organization that is on its way to another pod."""

from __future__ import annotations

from http import HTTPStatus

from pods.protocol import HeaderNames
from pods.reference.tenancy import State, Tenancy
from pods.reference.visits import Answer, Visit

RETRY_AFTER_SECONDS = 1


def unavailable() -> Answer:
    """Ask again in a moment."""
    text = b"This organization is changing its place. Try again in a moment.\n"
    answer = Answer(HTTPStatus.SERVICE_UNAVAILABLE, text, content_type="text/plain")
    return answer.with_header("Retry-After", str(RETRY_AFTER_SECONDS))


def unless_tried(answer: Answer, visit: Visit, tenancy: Tenancy, names: HeaderNames) -> Answer:
    """The answer, unless it is a bounce that might lead back to where the request comes from.

    The destination of a move sends what it gets before the switch to the source, and the source
    sends what it gets after the switch to the destination.  A router does not follow a request
    round in circles, so one that was bounced already and meets the switch has to come again.
    """
    bounced = any(name == names.redirect for name, _ in answer.headers)
    again = visit.headers.get(names.attempt.lower(), "1") != "1"
    switched = State.SWITCHED in tenancy.met.values()
    return unavailable() if bounced and again and switched else answer
