"""The Flask site as two pods under gunicorn, by the commands of its how-to."""

from __future__ import annotations

import re

from tests.integration.browser import Browser
from tests.integration.support import ask, free_port, need, wait_for
from tests.integration.support_examples import Example, ExampleTestCase, HowTo

TEAMS = {"pod_eu0": "my-company", "pod_us0": "gitlab-org"}
HOME = "/my-company/notes/home"

BROKEN = """
from io import BytesIO
from pod import app

pod = app.wsgi_app

def collects_bodies(environ, start_response):
    environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read())
    return pod(environ, start_response)

def adds_slashes(environ, start_response):
    path = environ["PATH_INFO"]
    if path.endswith("/"):
        return pod(environ, start_response)
    start_response("308 Permanent Redirect", [("Location", f"{path}/")])
    return []

def bounces_by_303(environ, start_response):
    def start(status, headers, *error):
        return start_response(status.replace("307", "303"), headers, *error)
    return pod(environ, start)
"""
FAULTS = {
    "collects_bodies": {"bounce-before-body", "bounce-before-100"},
    "adds_slashes": {"learn-bad-query", "learn-status"},
    "bounces_by_303": {"redirect-status"},
}


class FlaskTests(ExampleTestCase):
    how_to = HowTo("flask", "run-flask-pods")
    example_folder = "flask-pod"

    def test_the_how_to(self) -> None:
        need("curl")
        example = self.example()
        example.run("site")
        browser = Browser(example.start("start-site"))
        self.check_plain_site(browser)
        example.stop()
        self.join(example)
        self.check_that_all_is_still_there(browser)
        self.check_new_team(example)
        for strategy in ("bounce", "learn"):
            self.check_writing(example, strategy)
        self.check_files(example, browser)
        self.check_talk(example, browser, "/my-company/talk", "ada: hello", wrong="pod_us0")
        self.check_broken_pods(example)
        self.check_page(example)

    def sign_in(self, browser: Browser) -> None:
        answer = browser.submit("/auth/sign-in", name="ada", password="correct-horse")
        self.assertIn(b"Signed in as ada", answer.body)

    def check_plain_site(self, browser: Browser) -> None:
        refused = browser.submit("/auth/sign-in", name="ada", password="wrong")
        self.assertIn(b"Name or password is wrong", refused.body)
        self.sign_in(browser)
        written = browser.submit(HOME, text="This was written before.")
        self.assertIn(b"This was written before.<p>Written by ada", written.body)

    def join(self, example: Example) -> None:
        """What the page does with the site."""
        example.run("pods")
        for step in ("start-pod-eu0", "start-pod-us0", "start-router"):
            example.start(step)
        said = example.run("ask")
        for team in TEAMS.values():
            self.assertIn(f"<h1>{team}</h1>", said)
        self.assertNotIn("WRONG", example.run("check"))
        self.tell_seconds(example)

    def check_that_all_is_still_there(self, browser: Browser) -> None:
        """The site has its address still, which is the router's now."""
        page = browser.open(HOME).body
        self.assertIn(b"Signed in as ada", page)
        self.assertIn(b"This was written before.<p>Written by ada", page)

    def check_new_team(self, example: Example) -> None:
        """It is there as soon as the pods have looked into the file."""
        example.run("new-team")
        router = ("127.0.0.1", example.ports[8080])
        wait_for(lambda: ask(router, "/twisted-org/").status == 200, "the new team")

    def check_writing(self, example: Example, strategy: str) -> None:
        """Sign in once, on the pod with the people, and write a note on both."""
        router = self.router_before(example, strategy, first="pod_us0")
        browser = Browser(router.address)
        for pod, team in TEAMS.items():
            self.assertEqual(browser.open(f"/{team}/").status, 200)
            line = self.logged(router, f"/{team}/")
            attempts = 2 if strategy == "bounce" and pod == "pod_eu0" else 1
            self.assertEqual((line["pod"], line["attempts"]), (pod, attempts))
        self.sign_in(browser)
        for pod, team in TEAMS.items():
            written = browser.submit(f"/{team}/notes/{strategy}", text=f"This is {pod}.")
            self.assertIn(f"This is {pod}.<p>Written by ada".encode(), written.body)

    def check_files(self, example: Example, browser: Browser) -> None:
        page = self.check_upload(example, browser, "/my-company/files", "content", "pod_us0")
        found = re.search(r'<a href="(/my-company/files/\d+)">large.bin</a> <code>(\w+)', page)
        assert found is not None, page
        self.assertEqual(browser.sha256_of(found[1]), found[2])

    def check_broken_pods(self, example: Example) -> None:
        """What may be wrapped around a pod by mistake, and what ``check-pod`` says of it."""
        (example.folder / "broken.py").write_text(BROKEN)
        gunicorn = "POD=pod_us0 .venv/bin/gunicorn"
        for name, faults in FAULTS.items():
            port = free_port()
            address = example.serve(f"{gunicorn} --bind 127.0.0.1:{port} broken:{name}", port)
            self.check_faults(example, address, ["/my-company/", "/gitlab-org/"], faults)
