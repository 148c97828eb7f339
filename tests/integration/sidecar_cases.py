"""What must be true of every sidecar: of its map and its page, and what ``check-pod`` says."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence

from pods.protocol import learn_target
from tests.integration.http_pod import Exchange, HttpPod
from tests.integration.sidecars import (
    EU,
    EU_APPLICATION,
    ROUTER,
    US,
    US_APPLICATION,
    Sidecars,
)
from tests.integration.support import ROOT, IntegrationTestCase, ask, need, progress, wait_for
from tests.test_check_pod import check, wrong

PODS = {"pod_eu0": EU, "pod_us0": US}
TENANTS = {"/my-company": "pod_eu0", "/gitlab-org": "pod_us0"}
#: A change that somebody makes in a configuration: the file, what stands there, what is to.
Change = tuple[str, str, str]


class SidecarTestCase(IntegrationTestCase):
    """Two sidecars before two applications."""

    program: str

    def setUp(self) -> None:
        self.fresh()

    def fresh(self) -> None:
        """Begin with the example as it is."""
        self.sidecars = Sidecars(self.program, self.folder())
        self.addCleanup(self.sidecars.stop)
        self.sidecars.own(TENANTS)

    def application(self, port: int, answer: Callable[[Exchange], None]) -> HttpPod:
        """An application that knows nothing of pods, where the page has one."""
        application = self.pod("application", answer)
        self.sidecars.move(port, application.port)
        return application

    def start(self, *pods: str) -> None:
        """Prepare the map and start these sidecars."""
        self.sidecars.run("map")
        for pod in pods:
            self.sidecars.start(f"pod-{pod.removeprefix('pod_')}", PODS[pod])


class MapCases(SidecarTestCase):
    """What is no map of who owns what is refused, and changes nothing."""

    configuration: str  #: the file that is read first

    def setUp(self) -> None:
        super().setUp()
        self.application(EU_APPLICATION, lambda exchange: exchange.respond(200))

    def asked(self, path: str) -> int:
        """The status of what the pod tells of a path."""
        return ask(self.sidecars.address(EU), learn_target("GET", path)).status

    def test_faulty_maps(self) -> None:
        self.start("pod_eu0")
        for line in (
            "/a/b/c/d/e pod_eu0",
            "/a/ pod_eu0",
            "/ pod_eu0",
            "a pod_eu0",
            "/a//b pod_eu0",
            "/a pod_eu0;",
            "/a",
            "/a b pod_eu0",
            '/a" pod_eu0',
            "/$status pod_eu0",
            "/a?b pod_eu0",
            "/a pod/eu0",
            "include tenants.map",
            "/my-company pod_us0",  # once more
        ):
            self.sidecars.own({**TENANTS, "/new": "pod_us0"})
            with (self.sidecars.folder / "tenants.map").open("a") as file:
                file.write(f"{line}\n")
            with self.assertRaises(AssertionError, msg=line):
                self.sidecars.run("map")
                self.sidecars.run("move-away")  # reloads the pod
            self.assertEqual(self.asked("/new"), 404, line)

    def test_comments_and_empty_lines_say_nothing(self) -> None:
        path = self.sidecars.folder / "tenants.map"
        path.write_text("# /a pod_eu0\n\n   \n/b\t \tpod_us0  \n#/c pod_us0\n")
        self.start("pod_eu0")
        for name, status in (("/a", 404), ("/b", 200), ("/c", 404), ("/%23", 404)):
            self.assertEqual(self.asked(name), status, name)

    def test_a_faulty_configuration_changes_nothing(self) -> None:
        self.sidecars.own({"/my-company": "pod_us0"})
        self.start("pod_eu0")
        with (self.sidecars.folder / self.configuration).open("a") as file:
            file.write("nonsense;\n")
        self.sidecars.own({"/my-company": "pod_us0", "/new": "pod_us0"}).run("map")
        try:
            said = self.sidecars.run("move-away")  # reloads the pod
        except AssertionError as error:
            said = str(error)
        wait_for(lambda: "nonsense" in said + self.sidecars.printed(), "what is wrong to be said")
        self.assertEqual(self.asked("/my-company"), 200)
        self.assertEqual(self.asked("/new"), 404)


class HowToCases(SidecarTestCase):
    """The how-to page, from its first command to its last."""

    def setUp(self) -> None:
        super().setUp()
        example = ROOT / "docs" / "examples" / f"{self.program}-sidecar"
        shutil.copy(example / "tenants.map", self.sidecars.folder)

    def test_the_page(self) -> None:
        need("curl")
        began, page = time.monotonic(), self.sidecars
        page.run("files")
        page.start("application-eu0", EU_APPLICATION)
        page.start("application-us0", US_APPLICATION)
        self.start("pod_eu0", "pod_us0")
        page.start("router", ROUTER)
        self.assertEqual(page.run("try"), "This is my company.\nThis is GitLab.\n")
        self.assertEqual(page.run("check").count(", 0 wrong\n"), 2)
        page.run("move-data")
        page.run("move-map")
        page.run("move-there")
        self.assertIn("This is my company.", page.run("try"))
        page.run("move-away")
        self.assertEqual(page.run("move-end"), "This is my company.\n")
        progress(f"{self.program}: the page's commands took {time.monotonic() - began:.0f} s")
        self.assertEqual(page.ran, set(page.how_to.commands()))
        self.assertTrue(page.how_to.is_all_named(), "a code-block:: shell has no name")

    def test_the_lines_it_needs(self) -> None:
        """What the page says of each file, and of all."""
        lines = self.sidecars.how_to.lines()
        together = lines.pop("together")
        self.assertEqual(lines, {name: self.lines_of(name) for name in lines})
        self.assertEqual(together, sum(lines.values()))

    def lines_of(self, name: str) -> int:
        lines = (self.sidecars.folder / name).read_text().splitlines()
        return sum(1 for line in map(str.strip, lines) if line and not line.startswith("#"))


class FaultCases(SidecarTestCase):
    """``pods check-pod`` finds what somebody may do wrong in a configuration."""

    #: By what is wrong: the changes, and the names of the checks that must find it.
    faults: Mapping[str, tuple[Sequence[Change], set[str]]]

    def checked(self) -> tuple[int, list[str]]:
        paths = ("/my-company", "/my-company/x", "/gitlab-org/x")
        return check(self.sidecars.url(EU), "--pod", "pod_eu0", paths=paths)

    def answer(self, exchange: Exchange) -> None:
        """Some application: it has one page."""
        exchange.respond(200 if exchange.seen.path == "/my-company/x" else 404)

    def test_each_fault_is_named(self) -> None:
        others = {
            what: found
            for what, (changes, names) in self.faults.items()
            if (found := self.found(changes)) != (1, names)
        }
        self.assertEqual(others, {})

    def found(self, changes: Sequence[Change]) -> tuple[int, set[str]]:
        """The exit code, and the names of the checks that find something wrong."""
        self.fresh()
        self.application(EU_APPLICATION, self.answer)
        for change in changes:
            self.sidecars.change(*change)
        self.start("pod_eu0")
        code, lines = self.checked()
        self.sidecars.stop()
        return code, wrong(lines)

    def test_without_a_fault_it_is_clean(self) -> None:
        self.application(EU_APPLICATION, self.answer)
        self.start("pod_eu0")
        code, lines = self.checked()
        self.assertEqual((code, wrong(lines)), (0, set()), "\n".join(lines))
        self.assertFalse(any(line.startswith("note") for line in lines), "\n".join(lines))
