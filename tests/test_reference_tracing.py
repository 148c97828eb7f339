"""What the walkthrough sees of requests, and what it does not overlook."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from pods.reference.resource import Served
from pods.reference.tracing import Received, Trace

PAGE = b"<!DOCTYPE html>\n<h1>Work</h1>"
SERVED = Served(
    pod="pod_eu0",
    method="GET",
    target="/team",
    request_headers={
        "x-request-id": "one",
        "x-gitlab-pod-route": "cache",
        "x-gitlab-pod-attempt": "1",
    },
    status=200,
    headers={"x-gitlab-pod-cache": '{"path_prefix": "/team/"}'},
    body=PAGE,
)
REQUEST = "router_eu->>pod_eu0: GET /team [cache, attempt 1]"
ANSWER = 'pod_eu0->>user: 200 <h1>Work</h1> X-Gitlab-Pod-Cache={"path_prefix": "/team/"}'


class TraceTests(SynchronousTestCase):
    def hops(self, received: Received, *served: Served) -> list[str]:
        trace = Trace()
        for one in served:
            trace.observe(one)
        return [str(hop) for hop in trace.take("router_eu", "one", received)]

    def test_a_request_and_its_answer(self) -> None:
        self.assertEqual(self.hops(Received(200, {}, PAGE), SERVED), [REQUEST, ANSWER])

    def test_a_bounce_and_a_learn_answer_are_for_the_router(self) -> None:
        bounce = attrs.evolve(
            SERVED,
            status=302,
            headers={"location": "/team", "x-gitlab-pod-redirect": '{"pod": "pod_eu1"}'},
        )
        learn = attrs.evolve(SERVED, target="/api/v4/pods/learn?path_info=/team", body=b"{}")
        self.assertEqual(
            self.hops(Received(200, {}, PAGE), learn, bounce, SERVED),
            [
                "router_eu->>pod_eu0: GET /api/v4/pods/learn?path_info=/team",
                "pod_eu0->>router_eu: 200 {}",
                REQUEST,
                'pod_eu0->>router_eu: 302 /team X-Gitlab-Pod-Redirect={"pod": "pod_eu1"}',
                REQUEST,
                ANSWER,
            ],
        )

    def test_another_answer_than_the_pods(self) -> None:
        good: dict[str, Any] = {"status": 200, "headers": {}, "body": PAGE}
        for change, shown in (
            ({"status": 502}, "502 <h1>Work</h1>"),
            ({"body": PAGE[:-1]}, "200 -"),
            ({"body": PAGE + b"."}, "200 <h1>Work</h1>"),
            ({"headers": {"location": "/x"}}, "200 /x"),
            ({"headers": {"x-gitlab-pod-cache": "{}"}}, "200 <h1>Work</h1>"),
        ):
            hops = self.hops(Received(**good | change), SERVED)
            self.assertEqual(hops, [REQUEST, ANSWER, f"router_eu->>user: {shown}"], change)

    def test_an_answer_of_the_routers_own(self) -> None:
        hops = self.hops(Received(404, {}, b"Not Found\n"))
        self.assertEqual(hops, ["router_eu->>user: 404 -"])

    def test_a_stray_request(self) -> None:
        stray = attrs.evolve(
            SERVED, request_headers=SERVED.request_headers | {"x-request-id": "two"}
        )
        first, _ = self.hops(Received(200, {}, PAGE), stray)
        self.assertIn("of another request", first)
