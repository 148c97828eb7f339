"""The FastAPI application as two pods under uvicorn, by the commands of its how-to."""

from __future__ import annotations

import json

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.integration import example_cases
from tests.integration.browser import Browser
from tests.integration.example_cases import TEAMS
from tests.integration.support_examples import Example, HowTo

WRAPPED = """
from pod import app as pod
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
app = HTTPSRedirectMiddleware(pod)
"""


class FastApiTests(example_cases.ExampleTestCase):
    how_to = HowTo("fastapi", "run-fastapi-pods")
    example_folder = "fastapi-pod"
    answers = ("This was written before.", "This is on the other pod.")

    def test_the_how_to(self) -> None:
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
        self.check_talk(example, browser, "/my-company/chat", "ada: hello")
        self.check_strangers_talk(example)
        self.check_a_fault(example)

    def check_notes(self, example: Example, strategy: str) -> Browser:
        """Sign in and write a note in both teams; the browser that did it."""
        router = self.router_before(example, strategy)
        browser = Browser(router.address)
        for pod, team in TEAMS.items():
            path = f"/{team}/notes"
            self.assertEqual(browser.open(path).status, 401)
            self.check_logged(router, strategy, path, pod)
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
        said = self.check_upload(example, browser, "/my-company/files", "file")
        kept = json.loads(said)
        self.assertEqual(kept["name"], "large.bin")
        self.assertEqual(browser.sha256_of(f"/my-company/files/{kept['key']}"), kept["sha256"])
        self.assertEqual(browser.open(f"/gitlab-org/files/{kept['key']}").status, 404)

    def check_strangers_talk(self, example: Example) -> None:
        router = self.router_before(example, "bounce")
        with self.assertRaises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{router.port}/my-company/chat")
        self.assertEqual(refused.exception.response.status_code, 401)
        self.assertEqual(self.logged(router, "/my-company/chat")["attempts"], 2)

    def check_a_fault(self, example: Example) -> None:
        """A redirect that is wrapped around the pod is what routers get to know."""
        (example.folder / "wrapped.py").write_text(WRAPPED)
        address = self.altered_pod(example, "pod:app", "wrapped:app")
        self.check_faults(example, address, [], {"learn-bad-query", "learn-status"})
