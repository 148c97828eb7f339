"""What people do in the demo's world, in a real browser: the test takes this tour, and the
pictures of the tutorial are made on it.

``python -m tests.integration.tour FOLDER`` writes the pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from pods.reference import seed
from pods.reference.moves.mover import begin
from pods.reference.moves.running import run
from pods.reference.world import World, WorldSettings
from tests.integration.chromium import Chromium, Visitor

NARROW = 320  #: CSS pixels, in which nothing may be cut off: WCAG 2.2, 1.4.10
PASSWORDS = {user.username: password for user, password in seed.USERS}
#: 404s at once, and nothing on the terminal.
_ROUTER_TABLES = {"not_found": {"delay": "off"}, "log": {"access": ""}}


def expect(found: object, wanted: object) -> None:
    """Insist that two values are equal."""
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def expect_in(part: str, text: str) -> None:
    """Insist that a page shows something."""
    if part not in text:
        raise AssertionError(f"{part!r} is not in:\n{text}")


@attrs.frozen
class Tour:
    """A way through the world, in parts.

    :param router: the URL of the router in Europe.
    :param move: takes ``my-organization`` to ``pod_eu1``, and returns when it is there.
    :param shoot: called with a page and the name of its picture, wherever one is worth it.
    """

    browser: Chromium
    router: str
    move: Callable[[], object]
    shoot: Callable[[Visitor, str], object] = lambda visitor, name: None

    def take(self) -> None:
        """All of it."""
        self.customer()
        self.password()
        self.legacy_user()
        self.newcomer()
        self.administrator()
        self.without_a_mouse()
        self.move_under_way()

    def signed_in(self, username: str, target: str = "/") -> Visitor:
        """Somebody new who wanted to see a page, and was asked to sign in."""
        visitor = self.browser.visitor()
        visitor.go(self.router + target)
        expect(visitor.heading, "Sign in")
        visitor.fill("Username", username)
        visitor.fill("Password", PASSWORDS[username])
        visitor.send()
        return visitor

    # -- organizations -------------------------------------------------------

    def customer(self) -> None:
        """A user who begins in an organization, and may not see another."""
        casey = self.signed_in("casey", "/my-company/my-project")
        expect((casey.at, casey.heading), ("/my-company/my-project", "My Project"))
        expect(casey.answered_by, "Answered by pod_eu0 in region eu.")
        self.shoot(casey, "project")
        for path in ("/", "/dashboard"):
            casey.go(self.router + path)
            expect(casey.at, "/organizations/my-organization/-/dashboard")
        expect(casey.heading, "My Company Dashboard")
        self.shoot(casey, "dashboard")
        expect(casey.narrowed(NARROW), NARROW)
        casey.click("my-company")
        expect(casey.at, "/my-company")
        casey.go(f"{self.router}/gitlab-org/gitlab")
        expect(casey.answered_by, "Answered by pod_us0 in region us.")
        expect_in("This is not your default organization", casey.text)
        self.shoot(casey, "elsewhere")
        for path in ("/not-my-company/not-my-project", "/nothing"):
            casey.go(self.router + path)
            expect(casey.heading, "Page not found")
        self.new_groups(casey)

    def new_groups(self, casey: Visitor) -> None:
        """Groups go where their organization lives, whoever gets the form."""
        for name, organization, pod, region in (
            ("team-of-mine", "My Company", "pod_eu0", "eu"),
            ("team-of-all", "GitLab.com Public", "pod_us0", "us"),
        ):
            casey.click("New group")
            casey.fill("Name", name)
            casey.choose("Organization", organization)
            if name == "team-of-mine":
                self.shoot(casey, "new-group")
            casey.click("Create")
            expect((casey.at, casey.heading), (f"/{name}", name))
            expect(casey.answered_by, f"Answered by {pod} in region {region}.")
            expect_in(organization, casey.text)

    def legacy_user(self) -> None:
        """A user of the global pages, who joins another organization and begins there."""
        taylor = self.signed_in("taylor")
        expect((taylor.at, taylor.heading), ("/dashboard", "Dashboard"))
        expect(taylor.answered_by, "Answered by pod_us0 in region us.")
        taylor.go(f"{self.router}/my-company")
        expect(taylor.heading, "Page not found")
        taylor.click("taylor")
        taylor.fill("Invitation to another", "welcome-to-my-company")
        taylor.click("Join")
        expect(taylor.heading, "My Company Dashboard")
        expect_in("This is not your default organization", taylor.text)
        taylor.click("taylor")
        taylor.choose("Default organization", "My Company")
        taylor.click("Change organization")
        taylor.click("Home")
        expect(taylor.heading, "My Company Dashboard")

    def newcomer(self) -> None:
        """Somebody who signs up and makes an organization."""
        ada = self.browser.visitor()
        ada.go(f"{self.router}/users/sign_up")
        ada.fill("Username", "ada")
        ada.fill("Password", "long-enough")
        ada.mark("I would like to create one")
        ada.fill("Name of the organization", "analytical-engines")
        ada.send()
        expect(ada.heading, "analytical-engines Dashboard")
        expect(ada.at, "/organizations/analytical-engines/-/dashboard")

    def move_under_way(self) -> None:
        """Somebody looks at an organization while it changes pods."""
        taylor = self.signed_in("taylor", "/my-company/my-project")
        expect(taylor.answered_by, "Answered by pod_eu0 in region eu.")
        with ThreadPoolExecutor(1) as elsewhere:
            moving = elsewhere.submit(self.move)
            while not moving.done():
                taylor.go(f"{self.router}/my-company/my-project")
                expect(taylor.heading, "My Project")
            moving.result()
        taylor.go(f"{self.router}/my-company/my-project")
        expect((taylor.at, taylor.heading), ("/my-company/my-project", "My Project"))
        expect(taylor.answered_by, "Answered by pod_eu1 in region eu.")
        self.shoot(taylor, "moved")
        taylor.click("New group")
        taylor.fill("Name", "made-after-the-move")
        taylor.choose("Organization", "My Company")
        taylor.click("Create")
        expect(taylor.heading, "made-after-the-move")
        expect(taylor.answered_by, "Answered by pod_eu1 in region eu.")

    # -- sessions ------------------------------------------------------------

    def password(self) -> None:
        """A new password ends the sessions of other browsers."""
        here, there = self.signed_in("casey"), self.signed_in("casey")
        there.click("New group")
        there.fill("Name", "never-made")
        here.click("casey")
        here.fill("Current password", PASSWORDS["casey"])
        here.fill("New password", "casey-has-another")
        here.click("Change password")
        expect((here.at, here.heading), ("/-/profile", "casey"))
        # Nothing can be changed from then on, whether or not the replica has heard of it.
        there.click("Create")
        expect(there.heading, "Sign in")
        there.fill("Username", "casey")
        there.fill("Password", PASSWORDS["casey"])
        there.send()
        expect_in("do not belong together", there.text)
        here.click("Sign out")
        here.go(f"{self.router}/my-company")
        expect(here.heading, "Sign in")

    # -- the Admin Area ------------------------------------------------------

    def administrator(self) -> None:
        """The pages of each pod, and settings that all share."""
        root = self.signed_in("root")
        root.click("Admin")
        expect(root.heading, "Admin Area")
        root.choose("Pod", "pod_us1 (us)")
        root.click("Show")
        expect(root.at, "/admin/pods/pod_us1")
        expect(root.answered_by, "Answered by pod_us1 in region us.")
        expect_in("http://elasticsearch.pod_us1.us.example:9200", root.text)
        root.click("Settings")
        root.choose("Pod", "pod_eu0 (eu)")
        root.click("Show")
        expect(root.at, "/admin/pods/pod_eu0/settings")
        root.fill("announcement for pod_eu0 only", "Hello from $pod.")
        self.shoot(root, "settings")
        expect(root.narrowed(NARROW), NARROW)
        root.click("Save")
        expect_in("Hello from pod_eu0.", root.text)
        root.click("Projects")
        expect(root.heading, "Projects on pod_eu0")

    # -- for everybody -------------------------------------------------------

    def without_a_mouse(self) -> None:
        """The keyboard alone, and what a screen reader is told."""
        visitor = self.browser.visitor()
        visitor.go(f"{self.router}/users/sign_in")
        visitor.press("Tab")
        expect(visitor.focused, "Skip to the content")
        visitor.press("Enter")
        visitor.press("Tab")
        expect(visitor.focused, "username")
        roles = visitor.roles()
        for wanted in (
            ("navigation", "Main"),
            ("heading", "Sign in"),
            ("textbox", "Username"),
            ("textbox", "Password"),
            ("button", "Sign in"),
        ):
            if wanted not in roles:
                raise AssertionError(f"{wanted} is not among {roles}")
        expect(visitor.evaluate("getComputedStyle(document.body).maxWidth"), "768px")


def make_world(reactor: Any, strategy: str = "bounce", sessions: str = "store") -> World:
    """The demo's world on any free ports."""
    chosen = WorldSettings(
        strategy=strategy,
        base_port=None,
        router_tables=_ROUTER_TABLES,
        pod_tables={"sessions": {"kind": sessions}},
    )
    return World(chosen, reactor)


async def _pictures(reactor: Any, folder: Path) -> None:
    world = make_world(reactor)
    world.startService()
    try:
        await world.when_listening()
        await deferToThread(_shoot_all, world, folder)
    finally:
        await world.stopService()


def take(world: World, shoot: Callable[[Visitor, str], object] = lambda page, name: None) -> None:
    """Take the tour in a world that runs, from a thread that is not the reactor's."""
    pods = [pod.settings for pod in world.pods.values()]
    start = partial(begin, organization="my-organization", destination="pod_eu1")
    with Chromium() as browser:
        Tour(browser, world.url("router_eu"), partial(run, pods, start), shoot).take()


def _shoot_all(world: World, folder: Path) -> None:
    take(world, lambda page, name: page.picture(folder / f"{name}.png"))


def _main(reactor: Any, folder: str) -> Deferred[None]:
    return Deferred.fromCoroutine(_pictures(reactor, Path(folder)))


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        raise SystemExit("usage: python -m tests.integration.tour FOLDER")
    react(_main, sys.argv[1:])
