"""The Flask site as two pods under gunicorn, by the commands of its how-to."""

from __future__ import annotations

from tests.integration import example_cases
from tests.integration.browser import Browser
from tests.integration.support import ask, free_port, wait_for
from tests.integration.support_examples import Example, HowTo

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


class FlaskTests(example_cases.SiteCases):
    how_to = HowTo("flask", "run-flask-pods")
    example_folder = "flask-pod"
    sign_in_path = "/auth/sign-in"
    name_field = "name"
    pages = "notes"
    files_path = "/my-company/files"

    def check_plain_site(self, browser: Browser) -> None:
        refused = browser.submit("/auth/sign-in", name="ada", password="wrong")
        self.assertIn(b"Name or password is wrong", refused.body)
        super().check_plain_site(browser)

    def test_the_how_to(self) -> None:
        example = self.follow()
        self.check_new_team(example)
        self.check_broken_pods(example)
        self.check_page(example)

    def check_new_team(self, example: Example) -> None:
        """It is there as soon as the pods have looked into the file."""
        example.run("new-team")
        router = ("127.0.0.1", example.ports[8080])
        wait_for(lambda: ask(router, "/twisted-org/").status == 200, "the new team")

    def check_broken_pods(self, example: Example) -> None:
        """What may be wrapped around a pod by mistake, and what ``check-pod`` says of it."""
        (example.folder / "broken.py").write_text(BROKEN)
        gunicorn = "POD=pod_us0 .venv/bin/gunicorn"
        for name, faults in FAULTS.items():
            port = free_port()
            address = example.serve(f"{gunicorn} --bind 127.0.0.1:{port} broken:{name}", port)
            self.check_faults(example, address, ["/my-company/", "/gitlab-org/"], faults)
