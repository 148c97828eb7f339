"""The Twisted application as two pods under twistd, by the commands of its how-to."""

from __future__ import annotations

import hashlib
import json
import re
from http.client import HTTPConnection

from tests.integration.browser import UPLOAD_BYTES, Browser, random_bytes
from tests.integration.support import MIB, RouterProcess, free_port, need, progress
from tests.integration.support_examples import Example, ExampleTestCase, HowTo

TEAMS = {"pod_eu0": "my-company", "pod_us0": "gitlab-org"}
ABOUT = {"pod_eu0": b"This was written before.\n", "pod_us0": b"This is on the other pod.\n"}


class TwistedTests(ExampleTestCase):
    how_to = HowTo("twisted", "run-twisted-pods")
    example_folder = "twisted-pod"

    def test_the_how_to(self) -> None:
        need("curl")
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
        self.check_talk(
            example, browser, "/my-company/chat", "ada@my-company: hello", wrong="pod_us0"
        )
        self.check_a_fault(example)

    def join(self, example: Example) -> None:
        """What the page does with the site."""
        example.run("pods")
        for step in ("start-pod-eu0", "start-pod-us0", "start-router"):
            example.start(step)
        self.assertIn("This was written before.", example.run("ask"))
        digests = re.findall(r"\b[0-9a-f]{64}\b", example.run("upload"))
        self.assertEqual(len(digests), 2)
        self.assertEqual(digests[0], digests[1])
        self.assertNotIn("WRONG", example.run("check"))
        self.tell_seconds(example)

    def check_folders(self, example: Example, strategy: str) -> Browser:
        """Sign in, always on the same pod, and look into the folder of each team.

        :returns: the browser of somebody in the team of ``pod_eu0``.
        """
        router = self.router_before(example, strategy, first="pod_us0")
        browsers = {pod: self.signed_in(example, router, team) for pod, team in TEAMS.items()}
        self.assertEqual(self.logged(router, "/sign-in")["pod"], "pod_us0")
        for pod, team in TEAMS.items():
            line = self.logged(router, f"/{team}/files/")
            attempts = 2 if strategy == "bounce" and pod == "pod_eu0" else 1
            self.assertEqual((line["pod"], line["attempts"]), (pod, attempts))
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
        """Put 100 MiB into a folder, past a pod that is tried first and wrong."""
        relay = self.counting(example, "pod_us0")
        router = self.router_before(example, "bounce", "pod_us0", pod_us0=relay.url)
        browser.visit(router.address)
        path = "/my-company/files/large"
        progress(f"{self.example_folder}: uploading {UPLOAD_BYTES // MIB} MiB over the wrong pod")
        digest = hashlib.sha256()
        connection = HTTPConnection(*router.address, timeout=60)
        self.addCleanup(connection.close)
        headers = {**browser.cookie_header, "Content-Length": str(UPLOAD_BYTES)}
        connection.request("PUT", path, random_bytes(UPLOAD_BYTES, digest), headers)
        response = connection.getresponse()
        self.assertEqual(json.loads(response.read()), {"sha256": digest.hexdigest()})
        self.assertEqual(browser.sha256_of(path), digest.hexdigest())
        self.assertEqual(self.logged(router, path)["attempts"], 2)
        self.assertGreater(relay.to_pod_bytes, 0)
        self.assertLess(relay.to_pod_bytes, UPLOAD_BYTES // 2)

    def check_a_fault(self, example: Example) -> None:
        """Without ``PodRequest`` bodies are read first."""
        text = (example.folder / "pod.tac").read_text()
        without = text.replace(", requestFactory=PodRequest", "")
        (example.folder / "without.tac").write_text(without)
        port = free_port()
        command = example.commands["start-pod-eu0"].replace("pod.tac", "without.tac")
        example.serve(command.replace("9100", str(port)), port)
        options = "--path /gitlab-org/files/ --timeout-seconds 2"
        code, said = example.type(f".venv/bin/pods check-pod http://127.0.0.1:{port} {options}")
        self.assertEqual(code, 1)
        self.assertRegex(said, "WRONG +bounce-before-body")
