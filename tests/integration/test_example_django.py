"""The Django site as two pods under uvicorn, by the commands of its how-to."""

from __future__ import annotations

from tests.integration import example_cases
from tests.integration.support_examples import Example, HowTo


class DjangoTests(example_cases.SiteCases):
    how_to = HowTo("django", "run-django-pods")
    example_folder = "django-pod"
    pod_steps = ("pod-eu0", "pod-us0")
    sign_in_path = "/accounts/login/"
    name_field = "username"
    pages = "wiki"
    files_path = "/my-company/files/"

    def test_the_how_to(self) -> None:
        example = self.follow()
        self.check_commands(example)
        self.check_page(example)

    def check_commands(self, example: Example) -> None:
        """Those of ``manage.py``."""
        manage = "DJANGO_SETTINGS_MODULE=pod.settings POD=pod_us0 .venv/bin/python manage.py"
        code, said = example.type(f"{manage} create_company my-company")
        self.assertEqual(said, "CommandError: my-company is a company of pod_eu0.\n")
        self.assertNotEqual(code, 0)
        code, said = example.type(f"{manage} makemigrations --check")
        self.assertEqual(code, 0, said)
