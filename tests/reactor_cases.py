"""Runs Twisted's own cases on one reactor: ``python -m tests.reactor_cases REACTOR FILE``.

What became of each test is written to the file, as JSON.  The child of
:mod:`tests.reactor_conformance`.
"""

from __future__ import annotations

import json
import re
import sys
import unittest
from asyncio import set_event_loop
from pathlib import Path
from typing import Any

#: Made for each reactor anew (``ReactorBuilder``), and the older cases, which use the global one.
MODULES = [
    f"{package}.test_{name}"
    for package, names in (
        (
            "twisted.internet.test",
            "tcp unix tls newtls time threads core process sigchld endpoints socket fdset udp",
        ),
        ("twisted.test", "tcp ssl unix internet stdio"),
    )
    for name in names.split()
]

#: By short name, what ``ReactorBuilder`` is to build.
FACTORIES = {
    "epoll": "twisted.internet.epollreactor.EPollReactor",
    "asyncio": "twisted.internet.test.reactormixins.AsyncioSelectorReactor",
    "uvloop": "tests.reactor_cases.UvloopReactor",
}

#: How long one case may run; Twisted's two minutes are for slower machines.
CASE_SECONDS = 30


def UvloopReactor(case: unittest.TestCase) -> Any:
    """A reactor on a loop of its own, which is closed after the case."""
    import uvloop

    from pods.uvloop_reactor.reactor import UvloopReactor as Reactor

    loop = uvloop.new_event_loop()
    set_event_loop(loop)

    def clean_up() -> None:
        loop.close()
        set_event_loop(None)

    case.addCleanup(clean_up)
    return Reactor(loop)


class Outcomes(unittest.TestResult):
    """What became of each test, by its name without that of the reactor: the worst counts."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: dict[str, str] = {}
        self.reasons: dict[str, str] = {}

    def note(self, test: unittest.TestCase, outcome: str, reason: str = "") -> None:
        name = re.sub(r"_\w+Tests\.", ".", test.id(), count=1)
        if self.by_name.get(name) != "failed":
            self.by_name[name] = outcome
        self.reasons[name] = (self.reasons.get(name, "") + reason)[-2000:]

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.by_name.setdefault(re.sub(r"_\w+Tests\.", ".", test.id(), count=1), "passed")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.note(test, "skipped", reason)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self.note(test, "failed", repr(err[1]))

    addError = addFailure

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        self.note(test, "skipped", "expected to fail")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self.note(test, "failed", "expected to fail")


def run(reactor: str) -> Outcomes:
    """Run everything on this reactor, in the current directory."""
    from twisted.application.reactors import installReactor

    installReactor(reactor)
    from twisted.internet.test import reactormixins
    from twisted.trial.runner import TestLoader

    reactormixins.ReactorBuilder._reactors = [FACTORIES[reactor]]
    setattr(reactormixins, "DEFAULT_TIMEOUT_DURATION", CASE_SECONDS)  # noqa: B010
    outcomes = Outcomes()
    TestLoader().loadByNames(MODULES).run(outcomes)
    return outcomes


def main() -> None:
    reactor, file = sys.argv[1:]
    # The processes that some cases start read it from there.
    sys.argv[1:] = []
    outcomes = run(reactor)
    Path(file).write_text(json.dumps([outcomes.by_name, outcomes.reasons]))


if __name__ == "__main__":
    main()
