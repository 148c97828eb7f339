"""What all examples have to do as two pods, and what those have to that are sites of pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import connect as websocket
from websockets.typing import Origin

from tests.integration.browser import UPLOAD_BYTES, Browser
from tests.integration.relay import CountingRelay
from tests.integration.support import (
    MIB,
    PATIENCE_SECONDS,
    IntegrationTestCase,
    RouterProcess,
    free_port,
    need,
    progress,
    wait_for,
)
from tests.integration.support_examples import DOCS, SET_UP, Example, HowTo, lines_beyond

#: Who has a part of the example, by the pod where it is.
TEAMS: Mapping[str, str] = {"pod_eu0": "my-company", "pod_us0": "gitlab-org"}
TRIED_FIRST = "pod_us0"  #: by routers that know nothing; for my-company that is the wrong pod


class ExampleTestCase(IntegrationTestCase):
    """Sets an example up, runs its pods, and puts routers before them.

    Trial sets nothing up for a whole class, so each example has one test, in steps.
    """

    how_to: HowTo
    example_folder: str
    pod_steps: Sequence[str] = ("pods",)  #: that make the pods
    answers: Sequence[str]  #: what the pods say when the page asks them

    def example(self) -> Example:
        """The example with its virtual environment; all of it goes away at the end."""
        need("curl")
        example = Example(self.folder(), self.how_to, self.example_folder)
        self.addCleanup(example.stop)
        progress(f"{self.example_folder}: making its virtual environment")
        example.set_up()
        return example

    def join(self, example: Example) -> None:
        """What the page does with the application."""
        for step in self.pod_steps:
            example.run(step)
        for step in ("start-pod-eu0", "start-pod-us0", "start-router"):
            example.start(step)
        said = example.run("ask")
        for answer in self.answers:
            self.assertIn(answer, said)
        if "upload" in example.commands:
            digests = re.findall(r"\b[0-9a-f]{64}\b", example.run("upload"))
            self.assertEqual(len(digests), 2)
            self.assertEqual(digests[0], digests[1])
        self.assertNotIn("WRONG", example.run("check"))
        self.tell_seconds(example)

    def tell_seconds(self, example: Example) -> None:
        """Print what the page's figure of the time to join says, measured now."""
        took, of_pip = sum(example.seconds.values()), example.seconds[SET_UP]
        progress(
            f"{self.example_folder}: the page's commands took {took:.0f} s, {of_pip:.0f} s of them"
            " to make the virtual environment"
        )

    def router_before(self, example: Example, strategy: str, **urls: str) -> RouterProcess:
        """A router of the example that remembers nothing yet.

        :param urls: other ways to pods, by their names.
        """
        tables = example.tables
        for name, pod in tables["pods"].items():
            pod["latest"] = name == TRIED_FIRST
            pod["url"] = urls.get(name, pod["url"])
        return self.router(
            router={"strategy": strategy}, strategy={"unknown": "latest"}, pods=tables["pods"]
        )

    def logged(self, router: RouterProcess, path: str) -> dict[str, Any]:
        """The router's first line about a path, once it is there."""

        def found() -> list[dict[str, Any]]:
            return [line for line in router.access_log() if line["path"] == path]

        line: dict[str, Any] = wait_for(found, f"{path} in the access log")[0]
        return line

    def check_logged(self, router: RouterProcess, strategy: str, path: str, pod: str) -> None:
        """Whether the first request for a path was answered by its pod, and after a bounce by
        the other where the strategy is to try.
        """
        line = self.logged(router, path)
        attempts = 2 if strategy == "bounce" and pod != TRIED_FIRST else 1
        self.assertEqual((line["pod"], line["attempts"]), (pod, attempts))

    @contextmanager
    def uploading(self, example: Example, browser: Browser, path: str) -> Iterator[RouterProcess]:
        """A router for one upload of 100 MiB, which is bounced by the pod that is tried first.

        :param browser: taken to that router.
        """
        relay = CountingRelay(example.port_of_pod(TRIED_FIRST))
        self.addCleanup(relay.stop)
        router = self.router_before(example, "bounce", **{TRIED_FIRST: relay.url})
        browser.visit(router.address)
        progress(f"{self.example_folder}: uploading {UPLOAD_BYTES // MIB} MiB over the wrong pod")
        yield router
        self.assertEqual(self.logged(router, path)["attempts"], 2)
        self.assertGreater(relay.to_pod_bytes, 0)
        self.assertLess(relay.to_pod_bytes, UPLOAD_BYTES // 2)

    def check_upload(self, example: Example, browser: Browser, path: str, field: str) -> str:
        """Upload 100 MiB by the form on a page of my-company.

        :param browser: of somebody who is signed in.
        :returns: the page that it ends on; it says the file's SHA-256.
        """
        hidden = browser.hidden(path)
        with self.uploading(example, browser, path):
            answer, digest = browser.upload(path, field, hidden)
            self.assertEqual(answer.status, 200, answer.body[-500:])
            self.assertIn(digest.encode(), answer.body)
        return answer.body.decode()

    def check_talk(self, example: Example, browser: Browser, path: str, said: str) -> None:
        """Say hello over a WebSocket of my-company, whose handshake is bounced.

        :param said: what comes back.
        """
        router = self.router_before(example, "bounce")
        url = f"{router.url.replace('http', 'ws', 1)}{path}"
        headers = browser.cookie_header
        with websocket(url, origin=Origin(router.url), additional_headers=headers) as client:
            client.send("hello")
            self.assertEqual(client.recv(timeout=PATIENCE_SECONDS), said)
        line = self.logged(router, path)
        self.assertEqual((line["status"], line["attempts"]), (101, 2))

    def altered_pod(self, example: Example, old: str, new: str) -> tuple[str, int]:
        """One more ``pod_eu0``, started by a command that is not quite the page's; its address."""
        port = free_port()
        command = example.commands["start-pod-eu0"].replace(old, new).replace("9100", str(port))
        return example.serve(command, port)

    def check_faults(
        self, example: Example, address: tuple[str, int], paths: Sequence[str], faults: set[str]
    ) -> None:
        """Whether ``check-pod`` names just these faults of a pod."""
        asked = " ".join(f"--path {path}" for path in paths)
        url = f"http://{address[0]}:{address[1]}"
        code, said = example.type(f".venv/bin/pods check-pod --timeout-seconds 3 {url} {asked}")
        self.assertEqual(set(re.findall(r"^WRONG  (\S+)", said, re.MULTILINE)), faults, said)
        self.assertEqual(code, 1 if faults else 0)

    def check_page(self, example: Example) -> None:
        """Whether the page has no command that was not run, and its table is right."""
        self.assertTrue(self.how_to.is_all_named(), "a code-block:: shell has no name")
        self.assertEqual(sorted(example.ran), sorted(example.commands))
        counted = lines_beyond(DOCS / "examples" / self.example_folder)
        counted["together"] = sum(counted.values())
        self.assertEqual(self.how_to.lines(), counted)


class SiteCases(ExampleTestCase):
    """A site with pages that teams write, files and a WebSocket: the same one in two frameworks."""

    answers = tuple(f"<h1>{team}</h1>" for team in TEAMS.values())
    sign_in_path: str
    name_field: str  #: of the form to sign in
    pages: str  #: the segment of the path below which a team's pages are
    files_path: str  #: where my-company uploads files

    def follow(self) -> Example:
        """Do what the page says that is the same for both; the rest of it is the caller's."""
        example = self.example()
        example.run("site")
        browser = Browser(example.start("start-site"))
        self.check_plain_site(browser)
        example.stop()
        self.join(example)
        self.check_that_all_is_still_there(browser)
        for strategy in ("bounce", "learn"):
            self.check_writing(example, strategy)
        self.check_files(example, browser)
        self.check_talk(example, browser, "/my-company/talk", "ada: hello")
        return example

    @property
    def home(self) -> str:
        return f"/my-company/{self.pages}/home"

    def sign_in(self, browser: Browser) -> None:
        person = {self.name_field: "ada", "password": "correct-horse"}
        answer = browser.submit(self.sign_in_path, **person)
        self.assertIn(b"Signed in as ada", answer.body)

    def check_plain_site(self, browser: Browser) -> None:
        self.sign_in(browser)
        written = browser.submit(self.home, text="This was written before.")
        self.assertIn(b"This was written before.<p>Written by ada", written.body)

    def check_that_all_is_still_there(self, browser: Browser) -> None:
        """The site has its address still, which is the router's now."""
        page = browser.open(self.home).body
        self.assertIn(b"Signed in as ada", page)
        self.assertIn(b"This was written before.<p>Written by ada", page)

    def check_writing(self, example: Example, strategy: str) -> None:
        """Sign in once, on one pod, and write a page on both."""
        router = self.router_before(example, strategy)
        browser = Browser(router.address)
        self.sign_in(browser)
        for pod, team in TEAMS.items():
            self.assertEqual(browser.open(f"/{team}/").status, 200)
            written = browser.submit(f"/{team}/{self.pages}/{strategy}", text=f"This is {pod}.")
            self.assertIn(f"This is {pod}.<p>Written by ada".encode(), written.body)
            self.check_logged(router, strategy, f"/{team}/", pod)

    def check_files(self, example: Example, browser: Browser) -> None:
        page = self.check_upload(example, browser, self.files_path, "content")
        found = re.search(r'<a href="(/my-company/files/\d+)">large.bin</a> <code>(\w+)', page)
        assert found is not None, page
        self.assertEqual(browser.sha256_of(found[1]), found[2])
