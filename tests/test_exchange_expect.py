"""``Expect: 100-continue``: passed on, asked for by the router itself, answered or not."""

from __future__ import annotations

from pods.interfaces import Route
from tests.support_memory import RouterTestCase
from tests.support_messages import (
    bounce,
    chunk,
    chunked,
    get,
    head_of_response,
    request,
    response,
)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ExpectTests(RouterTestCase):
    """The client asks."""

    def test_passed_on(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("PUT", "/x", "Expect: 100-continue", "Content-Length: 4"))
        self.assertEqual(client.received, b"", "nothing before the pod has said it")
        self.assertIn(b"\r\nExpect: 100-continue\r\n", world.pods["pod_a"].wire.received)
        world.pods["pod_a"].say(CONTINUE)
        self.assertEqual(client.take().status, 100)
        client.say(b"body")
        self.assertEqual(world.pods["pod_a"].take().body, b"body")
        world.pods["pod_a"].say(response(200, b"ok"))
        self.assertEqual(client.take().body, b"ok")
        client.say(get("/closes", "Connection: close"))
        client.leave()

    def test_the_client_gets_one_100_however_many_pods_say_it(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("PUT", "/x", "Expect: 100-continue", "Content-Length: 4"))
        world.pods["pod_a"].say(CONTINUE + CONTINUE)
        client.say(b"bo")
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(CONTINUE)
        client.say(b"dy")
        self.assertEqual(world.pods["pod_b"].take().body, b"body")
        world.pods["pod_b"].say(response(200, b"ok"))
        self.assertEqual(client.take().status, 100)
        self.assertEqual(client.take().status, 200)
        client.leave()

    def test_bounced_before_the_body(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("PUT", "/x", "Expect: 100-continue", "Content-Length: 4"))
        world.pods["pod_a"].say(bounce("pod_b"))
        self.assertEqual(client.received, b"")
        world.pods["pod_b"].say(CONTINUE)
        self.assertEqual(client.take().status, 100)
        client.say(b"body")
        self.assertEqual(world.pods["pod_b"].take().body, b"body")
        world.pods["pod_b"].say(response(201))
        self.assertEqual(client.take().status, 201)
        client.leave()

    def test_a_second_pod_that_begins_to_answer_gets_the_body(self) -> None:
        """The client has been told to send it: nobody will tell it once more."""
        world = self.make_world("pod_a", body={"memory_bytes": 4})
        client = world.client()
        client.say(request("PUT", "/x", "Expect: 100-continue", "Content-Length: 8"))
        world.pods["pod_a"].say(CONTINUE)
        client.say(b"some")
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(head_of_response(200, "Transfer-Encoding: chunked"))
        self.assertTrue(world.pods["pod_b"].wire.received.endswith(b"\r\n\r\nsome"))
        client.say(b"body")
        self.assertEqual(world.pods["pod_b"].take().body, b"somebody")
        world.pods["pod_b"].say(chunk(b"echo") + chunk(b""))
        self.assertEqual([client.take().status, client.take().body], [100, b"echo"])
        client.leave()

    def test_refused_by_the_pod(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("PUT", "/x", "Expect: 100-continue", "Content-Length: 4"))
        world.pods["pod_a"].say(response(401, b"who are you?"))
        answer = client.take()
        self.assertEqual((answer.status, answer.body), (401, b"who are you?"))
        self.assertEqual(answer.get("Connection"), "close", "its body will not be read")
        self.assertTrue(client.is_ended)
        client.leave()
        self.assertFalse(world.pods["pod_a"].wire.connected, "it still waits for the body")

    def test_a_success_without_100_and_without_the_body(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("PUT", "/x", "Expect: 100-continue", "Content-Length: 4"))
        world.pods["pod_a"].say(response(204))
        self.assertEqual(client.take().status, 204)
        client.leave()

    def test_a_client_that_does_not_wait(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(request("PUT", "/x", "Expect: 100-continue", body=b"body"))
        self.assertNotIn(b"body", world.pods["pod_a"].wire.received)
        world.pods["pod_a"].say(CONTINUE)
        self.assertEqual(world.pods["pod_a"].take().body, b"body")
        world.pods["pod_a"].say(response(200))
        client.leave()

    def test_a_silent_pod_must_not_hold_up_the_client(self) -> None:
        world = self.make_world("pod_a", timeouts={"continue": 1.0})
        client = world.client()
        client.say(request("PUT", "/x", "Expect: 100-continue", "Content-Length: 4"))
        world.reactor.pass_time(0.9)
        self.assertEqual(client.received, b"")
        world.reactor.pass_time(0.1)
        self.assertEqual(client.take().status, 100)
        client.say(b"body")
        self.assertEqual(world.pods["pod_a"].take().body, b"body")
        world.pods["pod_a"].say(response(200))
        self.assertEqual(client.take().status, 200)
        client.leave()

    def test_other_expectations(self) -> None:
        world = self.make_world()
        client = world.client()
        client.say(get("/x", "Expect: miracles"))
        self.assertEqual(client.take().status, 417)
        self.assertEqual(world.contacted(), [])
        client.leave()

    def test_ignored_from_http_1_0(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        head = b"PUT /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody"
        client.say(head)
        sent = world.pods["pod_a"].take()
        self.assertEqual((sent.body, sent.get("Expect")), (b"body", None))
        world.pods["pod_a"].say(response(200))
        self.assertEqual(client.take().status, 200)
        client.leave()


class AskingTests(RouterTestCase):
    """The router asks, before it sends a large body to a pod that may bounce."""

    def test_a_chunked_body(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(chunked("POST", "/x") + chunk(b"hello") + chunk(b""))
        self.assertNotIn(b"hello", world.pods["pod_a"].wire.received)
        world.pods["pod_a"].say(CONTINUE)
        self.assertEqual(world.pods["pod_a"].take().body, b"hello")
        world.pods["pod_a"].say(response(200, b"ok"))
        self.assertEqual(client.take().status, 200, "the 100 was the router's")
        client.leave()

    def test_a_pod_that_does_not_know_the_expectation(self) -> None:
        world = self.make_world("pod_a", timeouts={"continue": 1.0})
        client = world.client()
        client.say(chunked("POST", "/x") + chunk(b"hello") + chunk(b""))
        world.reactor.pass_time(1.0)
        self.assertEqual(world.pods["pod_a"].take().body, b"hello")
        world.pods["pod_a"].say(response(200, b"ok"))
        self.assertEqual(client.take().body, b"ok")
        client.leave()

    def test_a_pod_that_begins_to_answer_gets_the_body(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(chunked("POST", "/x") + chunk(b"hello"))
        world.pods["pod_a"].say(head_of_response(200, "Transfer-Encoding: chunked"))
        self.assertIn(b"hello", world.pods["pod_a"].wire.received)
        client.say(chunk(b" world") + chunk(b""))
        self.assertEqual(world.pods["pod_a"].take().body, b"hello world")
        world.pods["pod_a"].say(chunk(b"echo") + chunk(b""))
        self.assertEqual(client.take().body, b"echo")
        client.leave()

    def test_a_pod_that_refuses_costs_no_body(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(chunked("POST", "/x") + chunk(b"hello"))
        world.pods["pod_a"].say(response(413, b"too much"))
        self.assertNotIn(b"hello", world.pods["pod_a"].wire.received)
        answer = client.take()
        self.assertEqual((answer.status, answer.get("Connection")), (413, "close"))
        client.leave()

    def test_not_when_the_pod_is_certain(self) -> None:
        world = self.make_world(rules=[{"path": "/x", "pod": "pod_a"}])
        client = world.client()
        client.say(chunked("POST", "/x") + chunk(b"hello") + chunk(b""))
        sent = world.pods["pod_a"].take()
        self.assertEqual((sent.body, sent.get("Expect")), (b"hello", None))
        world.pods["pod_a"].say(response(200))
        client.leave()

    def test_the_time_for_the_answer_counts_from_the_last_of_the_body(self) -> None:
        """An upload that goes on for longer than ``response_head`` is not cut off."""
        world = self.make_world("pod_a", timeouts={"response_head": 10, "idle": 1000})
        client = world.client()
        client.say(chunked("POST", "/x"))
        world.pods["pod_a"].say(CONTINUE)
        for _ in range(5):
            world.reactor.pass_time(9)
            client.say(chunk(b"more"))
        client.say(chunk(b""))
        world.reactor.pass_time(9)
        world.pods["pod_a"].say(response(200, b"ok"))
        self.assertEqual(client.take().status, 200)
        client.leave()

    def test_a_pod_that_says_100_and_then_nothing(self) -> None:
        world = self.make_world("pod_a", timeouts={"response_head": 10, "idle": 1000})
        client = world.client()
        client.say(chunked("POST", "/x") + chunk(b"hello") + chunk(b""))
        world.reactor.pass_time(0.5)
        world.pods["pod_a"].say(CONTINUE)
        world.reactor.pass_time(10)
        self.assertEqual(client.take().status, 504)
        client.leave()


class InterimTests(RouterTestCase):
    """Other interim responses."""

    def test_relayed_in_order(self) -> None:
        world = self.make_world(rules=[{"path": "/", "pod": "pod_a"}])
        client = world.client()
        client.say(get("/x"))
        early = head_of_response(103, "Link: </style.css>; rel=preload")
        world.pods["pod_a"].say(head_of_response(102) + early)
        self.assertEqual(client.take().status, 102)
        self.assertEqual(client.take().get("Link"), "</style.css>; rel=preload")
        world.pods["pod_a"].say(response(200, b"ok"))
        self.assertEqual(client.take().body, b"ok")
        client.leave()

    def test_kept_back_while_the_pod_may_bounce(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(103, "Link: </wrong>"))
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(head_of_response(102) + head_of_response(103, "Link: </right>"))
        self.assertEqual(client.received, b"")
        world.pods["pod_b"].say(response(200, b"ok"))
        self.assertEqual(client.take().status, 102)
        self.assertEqual(client.take().get("Link"), "</right>")
        self.assertEqual(client.take().body, b"ok")
        client.leave()

    def test_kept_back_on_a_remembered_route(self) -> None:
        """It may be wrong by now."""
        world = self.make_world()
        world.router.memory.table.remember(Route("/team", "pod_a"))
        client = world.client()
        client.say(get("/team/x"))
        world.pods["pod_a"].say(head_of_response(103, "Link: </wrong>"))
        self.assertEqual(client.received, b"")
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(head_of_response(103, "Link: </right>"))
        self.assertEqual(client.received, b"")
        world.pods["pod_b"].say(response(200, b"ok"))
        self.assertEqual(client.take().get("Link"), "</right>")
        self.assertEqual((client.take().body, client.received), (b"ok", b""))
        client.leave()

    def test_of_a_404_there_are_none(self) -> None:
        """Or their time would tell what the 404 is held back to hide."""
        floor = {"delay": "padded", "floor_seconds": 1.0}
        for remembers in (True, False):
            world = self.make_world("pod_a", not_found=floor)
            if remembers:
                world.router.memory.table.remember(Route("/team", "pod_a"))
            client = world.client()
            client.say(get("/team/private"))
            world.pods["pod_a"].say(head_of_response(103, "Link: </a>"))
            world.reactor.pass_time(0.2)
            world.pods["pod_a"].say(response(404, b"no"))
            world.reactor.pass_time(0.7)
            self.assertEqual(client.received, b"")
            world.reactor.pass_time(0.3)
            self.assertEqual((client.take().status, client.received), (404, b""))
            client.leave()

    def test_behind_a_bounce_of_a_rules_pod_they_are_kept_back(self) -> None:
        world = self.make_world(rules=[{"path": "/", "pod": "pod_a"}])
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(bounce("pod_b"))
        world.pods["pod_b"].say(head_of_response(103, "Link: </wrong>") + bounce("pod_c"))
        world.pods["pod_c"].say(head_of_response(103, "Link: </right>") + response(200, b"ok"))
        self.assertEqual([client.take().get("Link"), client.take().body], ["</right>", b"ok"])
        client.leave()

    def test_not_to_http_1_0(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(b"GET /x HTTP/1.0\r\n\r\n")
        world.pods["pod_a"].say(head_of_response(103, "Link: </a>") + response(200, b"ok"))
        self.assertEqual(client.take().status, 200)
        client.leave()

    def test_a_100_that_nobody_asked_for(self) -> None:
        world = self.make_world("pod_a")
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(CONTINUE + response(200, b"ok"))
        self.assertEqual(client.take().status, 200)
        client.leave()

    def test_too_many(self) -> None:
        world = self.make_world(rules=[{"path": "/", "pod": "pod_a"}])
        client = world.client()
        client.say(get("/x"))
        world.pods["pod_a"].say(head_of_response(102) * 17)
        for _ in range(16):
            self.assertEqual(client.take().status, 102)
        self.assertEqual(client.take().status, 502)
        client.leave()
