"""The databases, the people and the tenants in them, and the demo's seed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pods.reference import seed
from pods.reference.databases import (
    SCHEMAS,
    SHARED,
    Conflict,
    Databases,
    UnusableError,
    default_places,
    open_databases,
    writing,
)
from pods.reference.ids import Ids
from pods.reference.ownership import TenantRoute
from pods.reference.people import (
    NOBODYS_PASSWORD,
    PUBLIC_ORGANIZATION,
    Account,
    People,
    User,
    hash_password,
    is_password,
)
from pods.reference.tenancy import Tenancy
from pods.reference.tenants import Organization, Project, Tenants, is_free_name

DOCS = Path(__file__).parent.parent / "docs"
ADA = User("ada", "my-organization", False, frozenset({"organizations/my-organization"}))


class DatabaseTestCase(SynchronousTestCase):
    """Gives each test the databases of pods that share a folder."""

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        self.clock = Clock()
        self.databases = self.open("pod_eu0")

    def open(self, pod: str) -> Databases:
        shared_dir = os.path.join(self.folder, "shared")
        places = default_places(shared_dir, os.path.join(self.folder, pod))
        databases = open_databases(places, pod, self.clock.seconds)
        self.addCleanup(databases.close)
        return databases

    def people(self, databases: Databases) -> People:
        return People(databases.view().users)

    def tenants(self, databases: Databases) -> Tenants:
        view = databases.view()
        return Tenants(view.routes, view.main, Ids(view.routes, view.main, "pod_eu0"))

    def tenancy(self, databases: Databases, pod: str) -> Tenancy:
        return Tenancy(databases.view(), pod)

    def rows(self, databases: Databases, name: str, table: str) -> list[dict[str, Any]]:
        return databases.view().of(name).query(f"select * from {table} order by 1, 2")


class OpeningTests(DatabaseTestCase):
    def test_split_as_the_proposals_say(self) -> None:
        for name, tables in SCHEMAS.items():
            for table in tables:
                self.assertEqual(self.rows(self.databases, name, table), [])

    def test_shared_by_all_pods_but_for_main_and_ci(self) -> None:
        other, here = self.open("pod_us0"), self.databases.view()
        for name, shared in (
            ("users", True),
            ("routes", True),
            ("admin", True),
            ("main", False),
            ("ci", False),
        ):
            with writing(here.of(name)) as tx:
                tx.execute("create table seen (x bigint)")
            found = other.view().of(name).query("select * from sqlite_master where name = 'seen'")
            self.assertEqual(bool(found), shared, name)

    def test_files_are_nobody_elses(self) -> None:
        mode = os.stat(os.path.join(self.folder, "shared")).st_mode
        self.assertEqual(mode & 0o077, 0)

    def test_a_file_that_is_no_database(self) -> None:
        folder = os.path.join(self.folder, "broken")
        os.makedirs(folder)
        with open(os.path.join(folder, "main.sqlite"), "wb") as file:
            file.write(b"this is no database, and never was one" * 100)
        error = self.assertRaises(UnusableError, self.open, "broken")
        self.assertRegex(
            str(error), "^database main at sqlite:.*main.sqlite: file is not a database$"
        )


class PasswordTests(SynchronousTestCase):
    def test_a_password_is_known_again(self) -> None:
        stored = hash_password("secret")
        self.assertTrue(is_password("secret", stored))
        self.assertFalse(is_password("Secret", stored))
        self.assertNotIn("secret", stored)

    def test_salted(self) -> None:
        self.assertNotEqual(hash_password("secret"), hash_password("secret"))

    def test_nobody_has_no_password(self) -> None:
        self.assertFalse(is_password("", NOBODYS_PASSWORD))


class PeopleTests(DatabaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.someone = self.people(self.databases)
        self.someone.add(ADA, "hash")

    def test_a_name_is_taken_once(self) -> None:
        self.assertTrue(self.someone.has("ada"))
        self.assertFalse(self.someone.has("bob"))
        self.assertRaises(Conflict, self.someone.add, ADA, "other")
        self.assertEqual(self.someone.account("ada"), Account("ada", "hash", 0))
        self.assertEqual(self.someone.account("bob"), Account("bob", NOBODYS_PASSWORD, 0))

    def test_members_see_what_is_private(self) -> None:
        self.assertTrue(ADA.may_see("anything", "my-organization"))
        self.assertFalse(ADA.may_see("my-company", "other-organization"))
        self.someone.join("ada", "my-company")
        member = self.someone.user("ada")
        assert member is not None
        self.assertTrue(member.may_see("my-company", "other-organization"))


class TenantsTests(DatabaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.here = self.tenants(self.databases)
        self.route = TenantRoute("team", "pod_eu0", PUBLIC_ORGANIZATION, private=True)

    def test_an_organization_has_a_route(self) -> None:
        organization = Organization("their-organization", "Theirs", "please")
        self.here.add_organization(organization, "pod_eu1")
        self.assertEqual(self.here.organization("their-organization"), organization)
        self.assertEqual(self.here.invited_to("please"), organization)
        self.assertIsNone(self.here.invited_to("other"))
        route = self.tenancy(self.open("pod_us0"), "pod_us0").find(
            "organizations/their-organization"
        )
        assert route is not None
        self.assertEqual((route.pod_id, route.private), ("pod_eu1", True))

    def test_a_namespace_is_known_to_all_and_held_by_one(self) -> None:
        self.here.add_namespace(self.route, "Team")
        elsewhere = self.open("pod_us0")
        there = self.tenants(elsewhere)
        self.assertEqual(self.tenancy(elsewhere, "pod_us0").find("team"), self.route)
        self.assertEqual(self.here.namespace_name("team"), "Team")
        self.assertIsNone(there.namespace_name("team"))
        self.assertEqual(self.here.namespaces_of(PUBLIC_ORGANIZATION, "pod_eu0"), [self.route])

    def test_a_taken_name_changes_nothing(self) -> None:
        self.here.add_namespace(self.route, "Team")
        there = self.tenants(self.open("pod_us0"))
        self.assertRaises(Conflict, there.add_namespace, self.route, "Again")
        self.assertIsNone(there.namespace_name("team"))

    def test_projects(self) -> None:
        project = Project("team/work", "team", "Work", "What we do.", True, id=1)
        self.here.save_project(project)
        self.here.save_project(Project("other/work", "other", "Work", "", False))
        self.assertEqual(self.here.project("team/work"), project)
        self.assertEqual(self.here.projects("team"), [project])
        self.assertEqual([one.path for one in self.here.projects()], ["other/work", "team/work"])

    def test_free_names(self) -> None:
        for name in ("abc", "my-team", "a1b", "x" * 63):
            self.assertTrue(is_free_name(name), name)
        for name in ("ab", "x" * 64, "Team", "-abc", "abc-", "a/b", "a.b", "abc\n", "users", "é11"):
            self.assertFalse(is_free_name(name), name)


class SeedTests(DatabaseTestCase):
    def plant(self, pod: str) -> Databases:
        databases = self.open(pod)
        view = databases.view()
        seed.plant(view, self.people(databases), self.tenants(databases), pod)
        return databases

    def test_each_pod_holds_its_own_part(self) -> None:
        for pod, namespaces in (
            ("pod_us0", {"gitlab-org"}),
            ("pod_us1", {"not-my-company"}),
            ("pod_eu0", {"my-company"}),
            ("pod_eu1", set()),
        ):
            databases = self.plant(pod)
            held = {row["path"] for row in self.rows(databases, "main", "namespaces")}
            self.assertEqual(held, namespaces, pod)
            parts = {row["namespace"] for row in self.rows(databases, "main", "projects")}
            self.assertEqual(parts, namespaces, pod)

    def test_again_changes_nothing(self) -> None:
        def everything() -> list[list[dict[str, object]]]:
            return [
                self.rows(databases, name, table)
                for name, tables in SCHEMAS.items()
                for table in tables
            ]

        databases = self.plant("pod_eu0")
        before = everything()
        self.plant("pod_eu0")
        self.assertEqual(everything(), before)

    def test_tenants_of_the_proposals(self) -> None:
        tenancy = self.tenancy(self.plant("pod_us0"), "pod_us0")
        for path, pod, organization, private in (
            ("gitlab-org", "pod_us0", PUBLIC_ORGANIZATION, False),
            ("my-company", "pod_eu0", "my-organization", True),
            ("organizations/my-organization", "pod_eu0", "my-organization", True),
            ("not-my-company", "pod_us1", "not-my-organization", True),
        ):
            self.assertEqual(tenancy.find(path), TenantRoute(path, pod, organization, private))

    def test_users_of_the_proposals(self) -> None:
        someone = self.people(self.plant("pod_us0"))
        for user, password in seed.USERS:
            self.assertTrue(is_password(password, someone.account(user.username).password))
            self.assertEqual(someone.user(user.username), user)


class DocumentedTests(SynchronousTestCase):
    def test_the_reference_names_every_table(self) -> None:
        text = (DOCS / "reference" / "reference-pod-databases.rst").read_text()
        rows = re.findall(r"^``(\w+)``  +(shared|one pod's own)(.*(?:\n  .*)*)", text, re.MULTILINE)
        found = {name: (whose, set(re.findall(r"``(\w+)``", rest))) for name, whose, rest in rows}
        self.assertEqual(set(found), set(SCHEMAS))
        for name, tables in SCHEMAS.items():
            whose, named = found[name]
            self.assertEqual(whose == "shared", name in SHARED, name)
            self.assertEqual(named - {"default_organization", "pod_id"}, set(tables), name)
