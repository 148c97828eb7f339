"""The Django site as two pods under uvicorn, by the commands of its how-to."""

from __future__ import annotations

import re

from tests.integration.browser import Browser
from tests.integration.support import need
from tests.integration.support_examples import Example, ExampleTestCase, HowTo

COMPANIES = {"pod_eu0": "my-company", "pod_us0": "gitlab-org"}
HOME = "/my-company/wiki/home"


class DjangoTests(ExampleTestCase):
    how_to = HowTo("django", "run-django-pods")
    example_folder = "django-pod"

    def test_the_how_to(self) -> None:
        need("curl")
        example = self.example()
        example.run("site")
        browser = Browser(example.start("start-site"))
        self.check_plain_site(browser)
        example.stop()
        self.join(example)
        self.check_that_all_is_still_there(example, browser)
        for strategy in ("bounce", "learn"):
            self.check_writing(example, strategy)
        self.check_files(example, browser)
        self.check_talk(example, browser, "/my-company/talk", "ada: hello", wrong="pod_us0")
        self.check_commands(example)
        self.check_page(example)

    def check_plain_site(self, browser: Browser) -> None:
        self.sign_in(browser)
        written = browser.submit(HOME, text="This was written before.")
        self.assertIn(b"This was written before.<p>Written by ada", written.body)

    def sign_in(self, browser: Browser) -> None:
        answer = browser.submit("/accounts/login/", username="ada", password="correct-horse")
        self.assertIn(b"Signed in as ada", answer.body)

    def join(self, example: Example) -> None:
        """What the page does with the site."""
        example.run("pod-eu0")
        example.run("pod-us0")
        for step in ("start-pod-eu0", "start-pod-us0", "start-router"):
            example.start(step)
        said = example.run("ask")
        for company in COMPANIES.values():
            self.assertIn(f"<h1>{company}</h1>", said)
        self.assertNotIn("WRONG", example.run("check"))
        self.tell_seconds(example)

    def check_that_all_is_still_there(self, example: Example, browser: Browser) -> None:
        """The site has its address still, which is the router's now."""
        page = browser.open(HOME).body
        self.assertIn(b"Signed in as ada", page)
        self.assertIn(b"This was written before.<p>Written by ada", page)

    def check_writing(self, example: Example, strategy: str) -> None:
        """Sign in once, on one pod, and write a page on both."""
        router = self.router_before(example, strategy, first="pod_us0")
        browser = Browser(router.address)
        self.sign_in(browser)
        for pod, company in COMPANIES.items():
            self.assertEqual(browser.open(f"/{company}/").status, 200)
            written = browser.submit(f"/{company}/wiki/{strategy}", text=f"This is {pod}.")
            self.assertIn(f"This is {pod}.<p>Written by ada".encode(), written.body)
            line = self.logged(router, f"/{company}/")
            attempts = 2 if strategy == "bounce" and pod == "pod_eu0" else 1
            self.assertEqual((line["pod"], line["attempts"]), (pod, attempts))

    def check_files(self, example: Example, browser: Browser) -> None:
        page = self.check_upload(example, browser, "/my-company/files/", "content", "pod_us0")
        found = re.search(r'<a href="(/my-company/files/\d+)">large.bin</a> <code>(\w+)', page)
        assert found is not None, page
        self.assertEqual(browser.sha256_of(found[1]), found[2])

    def check_commands(self, example: Example) -> None:
        manage = "DJANGO_SETTINGS_MODULE=pod.settings POD=pod_us0 .venv/bin/python manage.py"
        code, said = example.type(f"{manage} create_company my-company")
        self.assertEqual(said, "CommandError: my-company is a company of pod_eu0.\n")
        self.assertNotEqual(code, 0)
        code, said = example.type(f"{manage} makemigrations --check")
        self.assertEqual(code, 0, said)
