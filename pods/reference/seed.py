"""The tenants and users of the proposals, so that there is something to look at."""

from __future__ import annotations

from contextlib import suppress

from pods.reference.databases import Conflict, View, writing
from pods.reference.issues import Issues
from pods.reference.ownership import TenantRoute
from pods.reference.people import PUBLIC_ORGANIZATION, People, User, hash_password
from pods.reference.tenancy import Held, Tenancy
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
#: Who wrote an issue in which project, and its title.
ISSUES = (
    ("taylor", "gitlab-org/gitlab", "Route requests to pods"),
    ("taylor", "gitlab-org/security", "Time the 404s"),
    ("casey", "my-company/my-project", "Find a better name"),
    ("casey", "my-company/my-project", "Ship it"),
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
SETTINGS = {
    "site_name": "GitLab.com",
    "elasticsearch_url": "http://elasticsearch.$pod.$region.example:9200",
}
#: Where those tenants live.
SEEDED_PODS = frozenset(route.pod_id for route, _ in NAMESPACES)


def plant(view: View, people: People, tenants: Tenants, pod: str) -> None:
    """Make whatever is missing of the tenants and users, and ``pod``'s own part of them.

    Safe to repeat, and for several pods that share their databases at the same time.
    """
    _plant_routes(tenants)
    _plant_users(people)
    with writing(view.admin) as tx:
        for name, value in SETTINGS.items():
            tx.insert("application_settings", {"name": name, "value": value}, ignore=True)
    for route, name in NAMESPACES:
        if _lives_on(view, route.path, pod):
            tenants.save_namespace(route.path, name)
            _plant_projects(Issues(view.main, tenants.ids), tenants, route)


def _lives_on(view: View, path: str, pod: str) -> bool:
    """Whether a namespace lives on ``pod``: its organization may have moved, or be on its way."""
    with suppress(Held):
        route = Tenancy(view.fresh, pod).find(path)
        return route is not None and route.pod_id == pod
    return False


def _plant_projects(issues: Issues, tenants: Tenants, route: TenantRoute) -> None:
    for project in PROJECTS:
        if project.namespace == route.path:
            tenants.save_project(project)
            if not issues.of_project(project.path):
                for author, place, title in ISSUES:
                    if place == project.path:
                        issues.add(route.organization, place, title, author)


def _plant_routes(tenants: Tenants) -> None:
    for organization, pod in ORGANIZATIONS:
        with suppress(Conflict):  # it is there
            tenants.add_organization(organization, pod)
    for route, _ in NAMESPACES:
        with suppress(Conflict):
            tenants.add_route(route)


def _plant_users(people: People) -> None:
    for user, password in USERS:
        if not people.has(user.username):  # hashing takes a while
            with suppress(Conflict):  # another pod was quicker
                people.add(user, hash_password(password))
