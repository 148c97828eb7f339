"""The Twisted application as two pods under twistd, by the commands of its how-to."""

from __future__ import annotations

import hashlib
import json
from http.client import HTTPConnection

from tests.integration import example_cases
from tests.integration.browser import UPLOAD_BYTES, Browser, random_bytes
from tests.integration.example_cases import TEAMS
from tests.integration.support import RouterProcess
from tests.integration.support_examples import Example, HowTo

ABOUT = {"pod_eu0": b"This was written before.\n", "pod_us0": b"This is on the other pod.\n"}


class TwistedTests(example_cases.ExampleTestCase):
    how_to = HowTo("twisted", "run-twisted-pods")
    example_folder = "twisted-pod"
    answers = ("This was written before.",)

    def test_the_how_to(self) -> None:
        example = self.example()
        example.run("site")
        example.start("start-site")
        example.run("put")
        example.stop()
        self.join(example)
        self.check_page(example)
        for strategy in ("bounce", "learn"):
            browser = self.check_folders(example, strategy)
        self.check_large_file(example, browser)
        self.check_talk(example, browser, "/my-company/chat", "ada@my-company: hello")
        self.check_a_fault(example)

    def check_folders(self, example: Example, strategy: str) -> Browser:
        """Sign in, always on the same pod, and look into the folder of each team.

        :returns: the browser of somebody in the team of ``pod_eu0``.
        """
        router = self.router_before(example, strategy)
        browsers = {pod: self.signed_in(example, router, team) for pod, team in TEAMS.items()}
        self.assertEqual(self.logged(router, "/sign-in")["pod"], "pod_us0")
        for pod, team in TEAMS.items():
            self.check_logged(router, strategy, f"/{team}/files/", pod)
            about = browsers[pod].open(f"/{team}/files/about.txt")
            self.assertEqual(about.body, ABOUT[pod])
        self.assertEqual(browsers["pod_us0"].open("/my-company/files/about.txt").status, 401)
        return browsers["pod_eu0"]

    def signed_in(self, example: Example, router: RouterProcess, team: str) -> Browser:
        browser = Browser(router.address)
        password = (example.folder / "var" / f"{team}.password").read_text().strip()
        name = f"ada@{team}"
        self.assertEqual(browser.submit("/sign-in", name=name, password="wrong").status, 403)
        folder = browser.submit("/sign-in", name=name, password=password)
        self.assertEqual(folder.status, 200)
        self.assertIn(b"about.txt", folder.body)
        return browser

    def check_large_file(self, example: Example, browser: Browser) -> None:
        """Put 100 MiB into a folder."""
        path = "/my-company/files/large"
        with self.uploading(example, browser, path) as router:
            digest = hashlib.sha256()
            connection = HTTPConnection(*router.address, timeout=60)
            self.addCleanup(connection.close)
            headers = {**browser.cookie_header, "Content-Length": str(UPLOAD_BYTES)}
            connection.request("PUT", path, random_bytes(UPLOAD_BYTES, digest), headers)
            response = connection.getresponse()
            self.assertEqual(json.loads(response.read()), {"sha256": digest.hexdigest()})
            self.assertEqual(browser.sha256_of(path), digest.hexdigest())

    def check_a_fault(self, example: Example) -> None:
        """Without ``PodRequest`` bodies are read first."""
        text = (example.folder / "pod.tac").read_text()
        without = text.replace(", requestFactory=PodRequest", "")
        (example.folder / "without.tac").write_text(without)
        address = self.altered_pod(example, "pod.tac", "without.tac")
        faults = {"bounce-before-body", "bounce-before-100"}
        self.check_faults(example, address, ["/gitlab-org/files/"], faults)
