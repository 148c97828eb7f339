"""Requirements, section H, from the client's socket to the pod's: the route cookie."""

from __future__ import annotations

from typing import Any

from pods.interfaces import Route
from pods.keys import KeyRing
from pods.router import Router
from tests.support_memory import RouterTestCase, World
from tests.support_messages import Message, bounce, request, response
from tests.support_wire import Wire

HTML = "Accept: text/html"
TEACHES = 'X-Gitlab-Pod-Cache: {"path_prefix": "/my-company/"}'
PAGE = "/my-company/page"
NAME = "_pods_routes"


def all_of(message: Message, name: str) -> list[str]:
    """The values of a field, in order."""
    return [value for field, value in message.fields if field.lower() == name.lower()]


def value_of(answer: Message) -> str | None:
    """The cookie that an answer sets; None if it sets none of ours."""
    for line in all_of(answer, "Set-Cookie"):
        name, _, rest = line.partition("=")
        if name == NAME:
            return rest.partition(";")[0]
    return None


class CookieTestCase(RouterTestCase):
    def fetch(
        self, world: World, client: Wire, pod: str, *fields: str, answer: bytes = b"", **more: Any
    ) -> tuple[Message, Message]:
        """A GET that this pod answers; what the pod got, and what the client got."""
        client.say(request("GET", more.get("path", PAGE), *fields))
        asked = world.pods[pod].take()
        world.pods[pod].say(answer or response(200, b"ok", TEACHES))
        return asked, client.take()

    def taught(self, world: World, client: Wire) -> str:
        """The cookie of a client that has been to the page."""
        value = value_of(self.fetch(world, client, "pod_b", HTML)[1])
        assert value is not None
        return value

    def forget(self, world: World) -> None:
        """As after a restart without a disk."""
        for entry in world.router.memory.table.entries():
            world.router.memory.forget(entry)


class HintTests(CookieTestCase):
    """48: a hint only."""

    def test_h48_used_when_memory_knows_nothing(self) -> None:
        world = self.make_world("pod_b")
        client = world.client()
        value = self.taught(world, client)
        self.forget(world)
        asked, answer = self.fetch(world, client, "pod_b", f"Cookie: {NAME}={value}")
        self.assertEqual(asked.get("X-Gitlab-Pod-Route"), "cookie")
        self.assertEqual(world.records[-1].route, "cookie")
        self.assertEqual(answer.body, b"ok")
        client.leave()

    def test_h48_memory_comes_first(self) -> None:
        world = self.make_world("pod_b")
        client = world.client()
        value = self.taught(world, client)
        self.forget(world)
        world.router.memory.table.remember(Route("/my-company", "pod_c"))
        asked, _ = self.fetch(world, client, "pod_c", f"Cookie: {NAME}={value}")
        self.assertEqual(asked.get("X-Gitlab-Pod-Route"), "cache")
        client.leave()

    def test_h48_a_bounce_repairs_it(self) -> None:
        world = self.make_world("pod_b")
        client = world.client()
        value = self.taught(world, client)
        self.forget(world)
        client.say(request("GET", PAGE, f"Cookie: {NAME}={value}"))
        world.pods["pod_b"].take()
        world.pods["pod_b"].say(bounce("pod_c"))
        world.pods["pod_c"].take()
        world.pods["pod_c"].say(response(200, b"moved", TEACHES))
        repaired = value_of(client.take())
        assert repaired is not None
        self.forget(world)
        self.fetch(world, client, "pod_c", f"Cookie: {NAME}={repaired}")
        client.leave()

    def test_h48_a_wrong_hint_that_nobody_replaces_is_taken_away(self) -> None:
        world = self.make_world("pod_b", "pod_a")
        client = world.client()
        value = self.taught(world, client)
        self.forget(world)
        client.say(request("GET", PAGE, f"Cookie: {NAME}={value}"))
        world.pods["pod_b"].take()
        world.pods["pod_b"].say(bounce("pod_c"))
        world.pods["pod_c"].take()
        world.pods["pod_c"].say(response(200, b"moved"))
        self.assertEqual(value_of(client.take()), "")
        client.leave()

    def test_h48_a_redirect_for_once_changes_nothing(self) -> None:
        world = self.make_world("pod_b")
        client = world.client()
        value = self.taught(world, client)
        self.forget(world)
        client.say(request("GET", PAGE, f"Cookie: {NAME}={value}"))
        world.pods["pod_b"].take()
        world.pods["pod_b"].say(bounce("pod_c", once=True))
        world.pods["pod_c"].take()
        world.pods["pod_c"].say(response(200, b"here this once", TEACHES))
        self.assertIsNone(value_of(client.take()))
        client.leave()

    def test_h48_an_unreachable_pod_is_replaced(self) -> None:
        world = self.make_world("pod_b", "pod_a")
        client = world.client()
        value = self.taught(world, client)
        self.forget(world)
        world.pods["pod_b"].wire.reset()
        world.pods["pod_b"].mode = "refuses"
        client.say(request("GET", PAGE, f"Cookie: {NAME}={value}"))
        self.assertEqual(world.pods["pod_a"].take().get("X-Gitlab-Pod-Attempt"), "2")
        world.pods["pod_a"].say(response(200, b"instead"))
        self.assertEqual(client.take().body, b"instead")
        client.leave()

    def test_h48_tampered_foreign_repeated_or_old_is_as_if_it_was_not_there(self) -> None:
        world = self.make_world("pod_b", *["pod_a"] * 5)
        client = world.client()
        value = self.taught(world, client)
        self.forget(world)
        other = "A" if value[30] != "A" else "B"
        for cookie in (
            f"{NAME}={value[:30]}{other}{value[31:]}",
            f"{NAME}={value[:-1]}",
            f"{NAME}={value}; {NAME}={value}",
            f"{NAME}={'A' * 5000}",
        ):
            asked, answer = self.fetch(
                world, client, "pod_a", f"Cookie: {cookie}", answer=response(200, b"same")
            )
            self.assertEqual(asked.get("X-Gitlab-Pod-Route"), "strategy", cookie)
            self.assertEqual((answer.status, answer.body), (200, b"same"))
        world.reactor.pass_time(86_401)
        client = world.client()
        asked, _ = self.fetch(world, client, "pod_a", f"Cookie: {NAME}={value}")
        self.assertEqual(asked.get("X-Gitlab-Pod-Route"), "strategy", "expired")
        client.leave()


class HiddenTests(CookieTestCase):
    """49: never for pods, never from pods."""

    def test_h49_it_never_reaches_a_pod_and_others_do_as_they_are(self) -> None:
        world = self.make_world("pod_b")
        client = world.client()
        value = self.taught(world, client)
        lines = (
            f"Cookie: a=1; {NAME}={value}; b=2",
            'Cookie: c="x;y" ;d',
            f"Cookie: {NAME}={value}",
        )
        asked, _ = self.fetch(world, client, "pod_b", *lines)
        self.assertEqual(all_of(asked, "Cookie"), ["a=1; b=2", 'c="x;y" ;d'])
        client.leave()

    def test_h49_not_even_if_it_is_not_in_use(self) -> None:
        world = self.make_world("pod_b", cookie={"enabled": False})
        client = world.client()
        asked, answer = self.fetch(world, client, "pod_b", HTML, f"Cookie: {NAME}=left-over; a=1")
        self.assertEqual(all_of(asked, "Cookie"), ["a=1"])
        self.assertIsNone(value_of(answer))
        client.leave()

    def test_h49_a_pods_own_cookie_of_that_name_is_dropped(self) -> None:
        world = self.make_world("pod_b")
        client = world.client()
        cookies = ("Set-Cookie: session=1", f"Set-Cookie: {NAME}=from-the-pod", "Set-Cookie: b=2")
        _, answer = self.fetch(world, client, "pod_b", answer=response(200, b"ok", *cookies))
        self.assertEqual(all_of(answer, "Set-Cookie"), ["session=1", "b=2"])
        client.leave()


class AttributeTests(CookieTestCase):
    """50: what it looks like."""

    def test_h50_attributes(self) -> None:
        world = self.make_world("pod_b", router={"trusted_proxies": ["192.0.2.0/24"]})
        client = world.client()
        _, answer = self.fetch(world, client, "pod_b", HTML)
        attributes = all_of(answer, "Set-Cookie")[0].split("; ")[1:]
        self.assertEqual(attributes, ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=86400"])
        _, answer = self.fetch(world, client, "pod_b", HTML, "X-Forwarded-Proto: https")
        self.assertIn("Secure", all_of(answer, "Set-Cookie")[0].split("; "))
        client.leave()

    def test_h50_no_names_in_it_and_never_too_long(self) -> None:
        world = self.make_world("pod_b", *["pod_b"] * 200)
        client = world.client()
        value = ""
        for number in range(200):
            teaches = f'X-Gitlab-Pod-Cache: {{"path_prefix": "/private-{number}/"}}'
            _, answer = self.fetch(
                world,
                client,
                "pod_b",
                HTML,
                f"Cookie: {NAME}={value}",
                path=f"/private-{number}/x",
                answer=response(200, b"ok", teaches),
            )
            value = value_of(answer) or value
            self.assertLessEqual(len(value), 1024)
        self.assertNotIn("private", value)
        client.leave()


class SettingTests(CookieTestCase):
    """51: who gets it, and when."""

    def test_h51_not_on_these_answers(self) -> None:
        for status in (206, 304, 401, 403, 404, 500):
            world = self.make_world("pod_b")
            world.router.memory.table.remember(Route("/my-company", "pod_b"))
            client = world.client()
            _, answer = self.fetch(
                world, client, "pod_b", HTML, answer=response(status, b"", TEACHES)
            )
            self.assertEqual((answer.status, value_of(answer)), (status, None))
            client.leave()

    def test_h51_not_on_what_shared_caches_may_keep(self) -> None:
        for directive in ("public", "max-age=60, PUBLIC", "s-maxage=1", "immutable"):
            world = self.make_world("pod_b")
            client = world.client()
            answer = response(200, b"", TEACHES, f"Cache-Control: {directive}")
            _, got = self.fetch(world, client, "pod_b", HTML, answer=answer)
            self.assertIsNone(value_of(got), directive)
            client.leave()

    def test_h51_not_for_clients_that_keep_none(self) -> None:
        world = self.make_world("pod_b")
        client = world.client()
        self.assertIsNone(value_of(self.fetch(world, client, "pod_b")[1]))
        self.assertIsNone(value_of(self.fetch(world, client, "pod_b", "Accept: */*")[1]))
        self.assertIsNotNone(value_of(self.fetch(world, client, "pod_b", "Cookie: a=1")[1]))
        client.leave()

    def test_h51_not_again_unchanged(self) -> None:
        world = self.make_world("pod_b")
        client = world.client()
        value = self.taught(world, client)
        _, answer = self.fetch(world, client, "pod_b", HTML, f"Cookie: {NAME}={value}")
        self.assertIsNone(value_of(answer))
        client.leave()

    def test_h51_rotated_keys(self) -> None:
        old, new = b"o" * 32, b"n" * 32
        world = self.make_world("pod_b", "pod_a")
        world.router.lasting.keys = KeyRing((old,))
        client = world.client()
        value = self.taught(world, client)
        for keys, pod, route in (((new, old), "pod_b", "cookie"), ((new,), "pod_a", "strategy")):
            self.forget(world)
            self.reload(world, KeyRing(keys))
            cookie = f"Cookie: {NAME}={value}"
            asked, _ = self.fetch(world, client, pod, cookie, answer=response(200))
            self.assertEqual(asked.get("X-Gitlab-Pod-Route"), route)
        client.leave()

    def test_h51_the_new_key_signs(self) -> None:
        old, new = b"o" * 32, b"n" * 32
        world = self.make_world("pod_b", "pod_b", "pod_b")
        world.router.lasting.keys = KeyRing((old,))
        client = world.client()
        value = self.taught(world, client)
        self.reload(world, KeyRing((new, old)))
        cookie, teaches = f"Cookie: {NAME}={value}", 'X-Gitlab-Pod-Cache: {"path_prefix": "/b"}'
        told = response(200, b"", teaches)
        _, answer = self.fetch(world, client, "pod_b", cookie, answer=told, path="/b")
        self.forget(world)
        self.reload(world, KeyRing((new,)))
        cookie = f"Cookie: {NAME}={value_of(answer)}"
        asked, _ = self.fetch(world, client, "pod_b", cookie, path="/b")
        self.assertEqual(asked.get("X-Gitlab-Pod-Route"), "cookie")
        client.leave()

    def reload(self, world: World, keys: KeyRing) -> None:
        before, lasting = world.router, world.router.lasting
        lasting.keys = keys
        world.router = Router(before.config, world.reactor, lasting, before)
        world.router.take_over(before)
