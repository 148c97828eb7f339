"""What holds for every table and every path: above all, that routers accept what is taught."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.interfaces import Route
from pods.middleware import Owner, Question
from pods.middleware.ownership import (
    Decision,
    Ownership,
    asked_ahead,
    is_teachable,
    learn_answer,
)
from pods.middleware.question import path_of
from pods.middleware.running import at_once
from pods.protocol import CacheClaim, Redirect, learn_target
from pods.routing.acceptance import acceptable, taught_route
from pods.routing.paths import is_ambiguous
from tests.test_middleware_core import decided, get, headers, learned, pod_of

ROOT = Path(__file__).resolve().parent.parent

SEGMENTS = st.text(st.sampled_from("ab-.%2Fe;ö\\ "), max_size=4)
PATHS = st.lists(SEGMENTS, max_size=5).map(lambda parts: path_of(f"/{'/'.join(parts)}".encode()))
KEYS = st.lists(st.text("ab-.", min_size=1, max_size=2), min_size=1, max_size=3).map("/".join)
MAPPINGS = st.dictionaries(KEYS, st.sampled_from(["pod_a", "pod_b"]), max_size=8)


class LawTests(SynchronousTestCase):
    @settings(deadline=None)
    @given(MAPPINGS, PATHS)
    def test_routers_accept_whatever_is_taught(self, tenants: dict[str, str], path: str) -> None:
        decision = decided(tenants, get(path), "pod_a")
        if decision.teaches is not None:
            route = taught_route(CacheClaim.parse(decision.teaches[1]), "pod_a", path)
            self.assertIsInstance(route, Route)
            assert decision.bounce is None

    @settings(deadline=None)
    @given(MAPPINGS, PATHS)
    def test_routers_accept_every_learn_answer(self, tenants: dict[str, str], path: str) -> None:
        answer = learned(tenants, path)
        if answer is not None and not is_ambiguous(path):
            self.assertIsNone(acceptable(answer.path, answer.exact, path))

    @settings(deadline=None)
    @given(MAPPINGS, PATHS)
    def test_every_pod_says_the_same(self, tenants: dict[str, str], path: str) -> None:
        """Exactly one pod keeps what is somebody's, and all others send it there."""
        owner = pod_of(tenants, get(path))
        for me in ("pod_a", "pod_b", "pod_c"):
            reply = decided(tenants, get(path), me).bounce
            if owner in (None, me):
                self.assertIsNone(reply)
            else:
                redirect = Redirect.parse(headers(reply)["X-Gitlab-Pod-Redirect"])
                self.assertEqual(redirect, Redirect(owner or ""))

    @settings(deadline=None)
    @given(PATHS.filter(lambda path: path.isascii()), PATHS, st.booleans())
    def test_what_may_be_taught_is_what_routers_accept(
        self, route: str, asked: str, exact: bool
    ) -> None:
        owner = Owner("pod_a", route, exact)
        self.assertEqual(is_teachable(owner, asked), acceptable(route, exact, asked) is None)

    def test_long_paths_are_not_taught(self) -> None:
        path = "/" + "a" * 254
        self.assertEqual(decided({path: "pod_a"}, get(path), "pod_a"), Decision())
        decision = decided({path[:-1]: "pod_a"}, get(path[:-1]), "pod_a")
        claim = CacheClaim.parse(decision.teaches[1]) if decision.teaches else None
        self.assertEqual(claim, CacheClaim(f"{path[:-1]}/"))

    @settings(deadline=None)
    @given(st.text(max_size=20))
    def test_learn_answers_are_json_whatever_is_asked(self, path: str) -> None:
        ownership = Ownership.checked("pod_a", lambda question: "pod_a")
        asked = asked_ahead("GET", learn_target("GET", f"/{path}").partition("?")[2])
        if isinstance(asked, Question):
            reply = learn_answer(asked, at_once(ownership.steps(asked)))
            json.loads(reply.body)


class ImportTests(SynchronousTestCase):
    def test_applications_need_no_twisted(self) -> None:
        script = (
            "import sys, pods.middleware, pods.middleware.asgi, pods.middleware.wsgi\n"
            "found = [name for name in sys.modules if name.split('.')[0] in ('twisted', 'zope')]\n"
            "assert not found, found\n"
            "app = lambda environ, start_response: []\n"
            "pod = pods.middleware.WsgiPod(app, me='pod_a', who_owns={'a': 'pod_b'})\n"
            "replies = []\n"
            "pod({'REQUEST_METHOD': 'GET', 'PATH_INFO': '/a'}, lambda *all: replies.append(all))\n"
            "assert replies[0][0].startswith('307'), replies\n"
            "import asyncio\n"
            "async def asgi(scope, receive, send): pass\n"
            "async def send(message): replies.append(message)\n"
            "pod = pods.middleware.AsgiPod(asgi, me='pod_a', who_owns={'a': 'pod_b'})\n"
            "scope = {'type': 'http', 'method': 'GET', 'path': '/a', 'headers': []}\n"
            "asyncio.run(pod(scope, None, send))\n"
            "assert replies[1]['status'] == 307, replies\n"
            "found = [name for name in sys.modules if name.split('.')[0] in ('twisted', 'zope')]\n"
            "assert not found, found\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)
