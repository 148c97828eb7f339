"""The tenants and users of the proposals, so that there is something to look at."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from pods.reference.databases import Databases, writing
from pods.reference.ownership import TenantRoute
from pods.reference.people import PUBLIC_ORGANIZATION, People, User, hash_password
from pods.reference.tenants import Organization, Project, Tenants

ORGANIZATIONS = (
    (Organization("my-organization", "My Company", "welcome-to-my-company"), "pod_eu0"),
    (Organization("not-my-organization", "Not My Company", "not-for-you"), "pod_us1"),
)
NAMESPACES = (
    (TenantRoute("gitlab-org", "pod_us0", PUBLIC_ORGANIZATION, private=False), "GitLab.org"),
    (TenantRoute("my-company", "pod_eu0", "my-organization", private=True), "My Company"),
    (
        TenantRoute("not-my-company", "pod_us1", "not-my-organization", private=True),
        "Not My Company",
    ),
)
PROJECTS = (
    Project("gitlab-org/gitlab", "gitlab-org", "GitLab.org / GitLab", "For everyone.", False),
    Project("gitlab-org/security", "gitlab-org", "Security", "For the team only.", True),
    Project("my-company/my-project", "my-company", "My Project", "What we make.", True),
    Project("my-company/my-other-project", "my-company", "My Other Project", "And more.", True),
    Project("not-my-company/not-my-project", "not-my-company", "Not My Project", "Theirs.", True),
)
#: Each with a password that the demo prints.
USERS = (
    (
        User("casey", "my-organization", False, frozenset({"organizations/my-organization"})),
        "casey-pays-for-this",
    ),
    (User("taylor", PUBLIC_ORGANIZATION, False, frozenset({"gitlab-org"})), "taylor-builds-this"),
    (User("root", PUBLIC_ORGANIZATION, True, frozenset()), "root-sees-to-this"),
)
SETTINGS = {"site_name": "GitLab.com"}
#: Where those tenants live.
SEEDED_PODS = frozenset(route.pod_id for route, _ in NAMESPACES)


def plant(databases: Databases, people: People, tenants: Tenants, pod: str) -> None:
    """Make whatever is missing of the tenants and users, and what ``pod`` itself holds of them.

    Safe to repeat, and for several pods that share their databases at the same time.
    """
    _plant_routes(tenants)
    _plant_users(people)
    with writing(databases.admin):
        rows = ({"name": name, "value": value} for name, value in SETTINGS.items())
        databases.admin.table("application_settings").insert_all(rows, ignore=True)
    held = {route.path: name for route, name in NAMESPACES if route.pod_id == pod}
    for path, name in held.items():
        tenants.hold_namespace(path, name)
    for project in PROJECTS:
        if project.namespace in held:
            tenants.hold_project(project)


def _plant_routes(tenants: Tenants) -> None:
    for organization, pod in ORGANIZATIONS:
        with suppress(sqlite3.IntegrityError):  # it is there
            tenants.add_organization(organization, pod)
    for route, _ in NAMESPACES:
        with suppress(sqlite3.IntegrityError):
            tenants.add_route(route)


def _plant_users(people: People) -> None:
    for user, password in USERS:
        if not people.has(user.username):  # hashing takes a while
            with suppress(sqlite3.IntegrityError):  # another pod was quicker
                people.add(user, hash_password(password))
