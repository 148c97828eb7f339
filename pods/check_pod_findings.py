"""What ``pods check-pod`` looks for: each check has a name and a remedy."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

REMEDIES: Mapping[str, str] = {
    "owner": "give paths of tenants; wrap the application; look into what says who owns what",
    "reachable": "start the application, correct the URL, or make it speak plain HTTP/1.1",
    "learn-status": (
        "answer 200 with JSON, or 404 for what is nobody's; nothing, such as a sign-in or a"
        " redirect that adds a slash, may come before that"
    ),
    "learn-json": 'answer {"path": "/my-company", "pod": "pod_eu0", "source": "routable"}',
    "learn-path": "name the path that was asked about or a prefix of it, never /, in 255 bytes",
    "learn-bad-query": "answer 400 to a question that has no path_info",
    "trailing-slash": "/my-company and /my-company/ must belong to one pod",
    "prefix-below": "what is below a path that was named must belong to the same pod",
    "prefix-boundary": "compare whole segments: /my-company2 is not below /my-company",
    "redirect-status": "bounce with 307, 308 or 302; leave the header away from all else",
    "redirect-header": 'send it once, as {"pod": "pod_eu0"} or a bare name',
    "redirect-elsewhere": "do not bounce to yourself; check the pod's own name in its settings",
    "redirect-agrees": (
        'decide bounces and learn answers by one table; add "once": true if something else than'
        " the path decides"
    ),
    "bounce-teaches": "leave the cache header away from bounces: only the owner teaches",
    "bounce-ends": "send Content-Length: 0 with a bounce",
    "bounce-head": "bounce HEAD as GET",
    "bounce-post": (
        "decide whose a request is before anything else looks at it, such as a check for forged"
        " forms"
    ),
    "bounce-before-body": (
        "bounce as soon as the head is there; look for a server or a proxy in front that collects"
        " bodies first"
    ),
    "bounce-before-100": "bounce a request that waits for 100 Continue as any other",
    "cache-header": 'send it once, as {"path_prefix": "/my-company/"}',
    "cache-path": "teach the path that was asked for or a prefix of it, never /, in 255 bytes",
    "cache-status": "teach with what is shown only: never with 401, 403 and 404",
    "cache-pod": "only the owner teaches, and only of itself; leave the pod's name out",
    "other-headers": "send no other header that begins so: only routers do",
}


class Verdict(enum.Enum):
    """What came out of a check."""

    RIGHT = "right"
    WRONG = "WRONG"
    NOTE = "note"  #: it could not be made, or is a matter of taste


@attrs.frozen
class Finding:
    """What came out of one check of one request."""

    name: str = attrs.field(validator=attrs.validators.in_(REMEDIES))
    where: str  #: method and target
    verdict: Verdict
    said: str

    def __str__(self) -> str:
        line = f"{self.verdict.value:5}  {self.name:18}  {self.where}: {self.said}"
        if self.verdict is Verdict.WRONG:
            return f"{line}; remedy: {REMEDIES[self.name]}"
        return line


def right(name: str, where: str, said: str) -> Finding:
    """As it should be."""
    return Finding(name, where, Verdict.RIGHT, said)


def wrong(name: str, where: str, said: str) -> Finding:
    """A router would stumble over it, or the user would wait for nothing."""
    return Finding(name, where, Verdict.WRONG, said)


def note(name: str, where: str, said: str) -> Finding:
    """Not checked, and why."""
    return Finding(name, where, Verdict.NOTE, said)


def judged(name: str, where: str, is_right: bool, said: str) -> Finding:
    """Right or wrong."""
    return (right if is_right else wrong)(name, where, said)
