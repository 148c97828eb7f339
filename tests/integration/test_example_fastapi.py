"""The FastAPI application as two pods under uvicorn, by the commands of its how-to."""

from __future__ import annotations

import json
import re

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.integration.browser import Browser
from tests.integration.support import free_port, need
from tests.integration.support_examples import Example, ExampleTestCase, HowTo

TEAMS = {"pod_eu0": "my-company", "pod_us0": "gitlab-org"}
WRAPPED = """
from pod import app as pod
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
app = HTTPSRedirectMiddleware(pod)
"""


class FastApiTests(ExampleTestCase):
    how_to = HowTo("fastapi", "run-fastapi-pods")
    example_folder = "fastapi-pod"

    def test_the_how_to(self) -> None:
        need("curl")
        example = self.example()
        example.run("application")
        example.start("start-application")
        example.run("write")
        example.stop()
        self.join(example)
        self.check_page(example)
        for strategy in ("bounce", "learn"):
            browser = self.check_notes(example, strategy)
        self.check_files(example, browser)
        self.check_talk(example, browser, "/my-company/chat", "ada: hello", wrong="pod_us0")
        self.check_strangers_talk(example)
        self.check_a_fault(example)

    def join(self, example: Example) -> None:
        """What the page does with the application."""
        example.run("pods")
        for step in ("start-pod-eu0", "start-pod-us0", "start-router"):
            example.start(step)
        said = example.run("ask")
        self.assertIn("This was written before.", said)
        self.assertIn("This is on the other pod.", said)
        digests = re.findall(r"\b[0-9a-f]{64}\b", example.run("upload"))
        self.assertEqual(len(digests), 2)
        self.assertEqual(digests[0], digests[1])
        self.assertNotIn("WRONG", example.run("check"))
        self.tell_seconds(example)

    def check_notes(self, example: Example, strategy: str) -> Browser:
        """Sign in and write a note in both teams; the browser that did it."""
        router = self.router_before(example, strategy, first="pod_us0")
        browser = Browser(router.address)
        for pod, team in TEAMS.items():
            path = f"/{team}/notes"
            self.assertEqual(browser.open(path).status, 401)
            line = self.logged(router, path)
            attempts = 2 if strategy == "bounce" and pod == "pod_eu0" else 1
            self.assertEqual((line["pod"], line["attempts"]), (pod, attempts))
            self.check_sign_in(example, browser, team)
        for pod, team in TEAMS.items():  # with the sign-in of before
            note = json.dumps({"text": f"{strategy} on {pod}"}).encode()
            headers = {"Content-Type": "application/json"}
            self.assertEqual(browser.open(f"/{team}/notes", note, headers).status, 201)
            notes = json.loads(browser.open(f"/{team}/notes").body)
            self.assertEqual(notes[-1]["text"], f"{strategy} on {pod}")
            self.assertEqual({note["team"] for note in notes}, {team})
        return browser

    def check_sign_in(self, example: Example, browser: Browser, team: str) -> None:
        password = (example.folder / "var" / f"{team}.password").read_text().strip()
        path = f"/{team}/sign-in"
        self.assertEqual(browser.submit(path, name="ada", password="wrong").status, 403)
        self.assertEqual(browser.submit(path, name="ada", password=password).status, 204)

    def check_files(self, example: Example, browser: Browser) -> None:
        said = self.check_upload(example, browser, "/my-company/files", "file", "pod_us0")
        kept = json.loads(said)
        self.assertEqual(kept["name"], "large.bin")
        self.assertEqual(browser.sha256_of(f"/my-company/files/{kept['key']}"), kept["sha256"])
        self.assertEqual(browser.open(f"/gitlab-org/files/{kept['key']}").status, 404)

    def check_strangers_talk(self, example: Example) -> None:
        router = self.router_before(example, "bounce", first="pod_us0")
        with self.assertRaises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{router.port}/my-company/chat")
        self.assertEqual(refused.exception.response.status_code, 401)
        self.assertEqual(self.logged(router, "/my-company/chat")["attempts"], 2)

    def check_a_fault(self, example: Example) -> None:
        """A redirect that is wrapped around the pod is what routers get to know."""
        (example.folder / "wrapped.py").write_text(WRAPPED)
        port = free_port()
        command = example.commands["start-pod-eu0"].replace("pod:app", "wrapped:app")
        example.serve(command.replace("9100", str(port)), port)
        code, said = example.type(f".venv/bin/pods check-pod http://127.0.0.1:{port}")
        self.assertEqual(code, 1)
        self.assertRegex(said, "WRONG +learn-status .*: 307")
