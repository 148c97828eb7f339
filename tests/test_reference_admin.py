"""The Admin Area's settings: shared by all pods, filled in by each, and set for one."""

from __future__ import annotations

from urllib.parse import urlencode

from pods.reference.application_settings import KNOWN, ApplicationSettings, SettingError
from pods.reference.moves.mover import begin
from pods.reference.visits import Answer
from tests.test_reference_application import ApplicationTestCase
from tests.test_reference_databases import DatabaseTestCase
from tests.test_reference_ownership import REGIONS


class ApplicationSettingsTests(DatabaseTestCase):
    def of(self, pod: str) -> ApplicationSettings:
        return ApplicationSettings(self.databases.view().admin, pod, REGIONS[pod])

    def test_what_nobody_has_set(self) -> None:
        for name, known in KNOWN.items():
            self.assertEqual(self.of("pod_us0").value(name), known.default)

    def test_set_for_all(self) -> None:
        self.of("pod_us0").change("announcement", "Closed tonight.")
        for pod in REGIONS:
            self.assertEqual(self.of(pod).value("announcement"), "Closed tonight.")

    def test_a_template_is_filled_in_by_each(self) -> None:
        self.of("pod_us0").change("elasticsearch_url", "http://search.${pod}.$region.example")
        found = {self.of(pod).value("elasticsearch_url") for pod in ("pod_us1", "pod_eu0")}
        self.assertEqual(
            found, {"http://search.pod_us1.us.example", "http://search.pod_eu0.eu.example"}
        )
        self.of("pod_us0").change("announcement", "It costs $$5 on $pod")
        self.assertEqual(self.of("pod_eu0").value("announcement"), "It costs $5 on pod_eu0")

    def test_set_for_one_pod_goes_before(self) -> None:
        self.of("pod_us0").change("site_name", "All")
        self.of("pod_eu0").change_own("site_name", "One in $region")
        self.assertEqual(self.of("pod_eu0").value("site_name"), "One in eu")
        self.assertEqual(self.of("pod_eu1").value("site_name"), "All")
        self.of("pod_eu0").change_own("site_name", "")
        self.assertEqual(self.of("pod_eu0").value("site_name"), "All")
        self.assertEqual(self.rows(self.databases, "admin", "per_pod_application_settings"), [])

    def test_what_is_refused(self) -> None:
        settings = self.of("pod_us0")
        for name, value, problem in (
            ("site_name", "", "site_name: must be 1 to 60 characters."),
            ("site_name", "x" * 61, "site_name: must be 1 to 60 characters."),
            ("site_name", "$pod.$cell", "site_name: only $pod and $region are filled in"),
            ("site_name", "5 $", "site_name: only $pod and $region are filled in"),
            ("announcement", "x" * 201, "announcement: over 200 characters."),
            ("signup_enabled", "maybe", "signup_enabled: must be yes or no."),
            ("elasticsearch_url", "search", "elasticsearch_url: must be an http or https URL"),
        ):
            for change in (settings.change, settings.change_own):
                if value:
                    error = self.assertRaises(SettingError, change, name, value)
                    self.assertIn(problem, str(error))
        self.assertRaises(SettingError, settings.change, "site_name", "")


class SettingsPageTests(ApplicationTestCase):
    path = "/admin/pods/pod_eu0/settings"

    def setUp(self) -> None:
        super().setUp()
        self.sign_in("root")

    def save(self, **fields: str) -> Answer:
        form = urlencode({name.replace("__", "."): value for name, value in fields.items()})
        return self.ask("pod_eu0", self.path, "POST", form)

    def test_saved_for_all_and_for_one(self) -> None:
        self.assert_sent_to(
            self.save(shared__site_name="$region", own__announcement="Hello from $pod"), self.path
        )
        here, there = (self.text(self.ask(pod, "/users/sign_in")) for pod in ("pod_eu0", "pod_us0"))
        self.assertIn("<title>Sign in - eu</title>", here)
        self.assertIn('<aside aria-label="Announcement">Hello from pod_eu0</aside>', here)
        self.assertIn("<title>Sign in - us</title>", there)
        self.assertNotIn("Announcement", there)
        text = self.text(self.ask("pod_eu0", self.path))
        self.assertIn('value="Hello from $pod"', text)

    def test_one_that_is_refused_changes_nothing(self) -> None:
        answer = self.save(shared__announcement="Never seen", shared__signup_enabled="maybe")
        self.assertEqual(answer.status, 422)
        self.assertIn("signup_enabled: must be yes or no.", self.text(answer))
        self.assertIn('value="Never seen"', self.text(answer))
        self.assertEqual(self.pods["pod_us0"].settings.value("announcement"), "")

    def test_what_there_is_not_is_ignored(self) -> None:
        self.assert_sent_to(self.save(shared__nothing="x", x="y"), self.path)
        names = {row["name"] for row in self.rows(self.databases, "admin", "application_settings")}
        self.assertLessEqual(names, set(KNOWN))

    def test_admins_only_on_the_pod_that_it_is_about(self) -> None:
        form = "shared.announcement=Mine"
        answer = self.ask("pod_us0", self.path, "POST", form)
        self.assert_bounced(answer, self.path, '{"pod": "pod_eu0"}')
        self.sign_in("taylor")
        self.assert_not_found(self.save(shared__announcement="Mine"))
        self.token = ""
        self.assert_sent_to(self.save(shared__announcement="Mine"), "/users/sign_in?redirect=/")
        self.assertEqual(self.pods["pod_us0"].settings.value("announcement"), "")

    def test_every_page_leads_to_the_same_of_another_pod(self) -> None:
        for page in ("", "/settings", "/organizations", "/projects"):
            answer = self.ask("pod_eu0", f"/admin/pods/pod_eu0{page}")
            self.assertEqual(answer.status, 200, page)
            text = self.text(answer)
            self.assertIn("This is the Admin Area of <b>pod_eu0</b>.", text)
            self.assertIn(f'<input type="hidden" name="page" value="{page}" />', text)
            answer = self.ask("pod_eu0", f"/admin?page={page}&pod=pod_us1")
            self.assert_sent_to(answer, f"/admin/pods/pod_us1{page}")
        self.assert_not_found(self.ask("pod_eu0", "/admin?page=//evil&pod=pod_us1"))

    def test_the_organizations_of_a_pod(self) -> None:
        text = self.text(self.ask("pod_eu0", "/admin/pods/pod_eu0/organizations"))
        self.assertIn("My Company", text)
        self.assertNotIn("Not My Company", text)

    def test_the_last_move_of_an_organization(self) -> None:
        path, last = "/admin/pods/pod_eu0/organizations", "<td>pod_eu0 to pod_us1: copying</td>"
        self.assertNotIn(last, self.text(self.ask("pod_eu0", path)))
        begin(self.pods["pod_us0"].view.routes, "my-organization", "pod_us1")
        self.assertIn(last, self.text(self.ask("pod_eu0", path)))
