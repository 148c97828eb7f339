"""The pages of namespaces, projects and organizations, and the global dashboard.

What is private is 404 for whoever may not see it; whoever is not signed in is asked to,
by any pod and whether it exists or not.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.web.template import Tag, tags

from pods.reference import search_pages
from pods.reference.access import may_see, may_see_project
from pods.reference.application import Pod, dashboard_of
from pods.reference.ownership import Owner, TenantRoute, id_of
from pods.reference.pages import link, links, note
from pods.reference.people import PUBLIC_ORGANIZATION, PUBLIC_ORGANIZATION_NAME
from pods.reference.tenants import Organization
from pods.reference.visible import Visible
from pods.reference.visits import Answer, Visit, bounce, redirect, to_sign_in


async def dashboard(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """The global dashboard: for legacy users, on the legacy pod; others have another."""
    if visit.user is None:
        return to_sign_in(visit)
    if not visit.user.legacy:
        return redirect(dashboard_of(visit.user.default_organization))
    if owner.pod != pod.cluster.me:
        return bounce(visit, owner.pod, pod.names)
    if visit.path != owner.path:
        return pod.pages.not_found(visit)
    routes = pod.tenants.namespaces_of(PUBLIC_ORGANIZATION, owner.pod)
    seen = (route for route in routes if may_see(visit.user, route))
    counts = _counts(pod, visit, PUBLIC_ORGANIZATION)
    return pod.pages.page(visit, "Dashboard", _namespaces(seen), *counts)


async def organization(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """The dashboard of an organization, and the search in it."""
    route = _route_of(owner)
    refused = _admitted(pod, visit, owner, route)
    if refused is not None:
        return refused
    found = pod.tenants.organization(route.organization)
    page = visit.path.removeprefix(owner.path)
    if page in ("", "/"):
        return redirect(dashboard_of(route.organization))
    if found is None or page not in ("/-/dashboard", "/-/search"):
        return pod.pages.not_found(visit)
    if page == "/-/search":
        return pod.taught(search_pages.of_organization(pod, visit, found.path), owner)
    return pod.taught(_organization_page(pod, visit, route, found), owner)


def _organization_page(pod: Pod, visit: Visit, route: TenantRoute, found: Organization) -> Answer:
    return pod.pages.page(
        visit,
        f"{found.name} Dashboard",
        tags.p(
            "This page shows what belongs to this organization only. Your default organization"
            " decides where you begin; you can change it in ",
            link("/-/profile", "your profile"),
            ".",
            role="note",
        ),
        _namespaces(pod.tenants.namespaces_of(found.path, route.pod_id)),
        tags.p("Who has the invitation ", tags.code(found.invitation), " can become a member."),
        *_counts(pod, visit, route.organization),
    )


async def namespace(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """A namespace, or a project in it."""
    route = _route_of(owner)
    refused = _admitted(pod, visit, owner, route)
    if refused is not None:
        return refused
    match visit.path.removesuffix("/").split("/")[2:]:
        case []:
            answer = _namespace_page(pod, visit, route)
        case [name]:
            answer = _project_page(pod, visit, route, f"{route.path}/{name}")
        case [name, "-", "issues", segment] if (number := id_of(segment)) is not None:
            answer = _issue_page(pod, visit, route, f"{route.path}/{name}", number)
        case _:
            answer = pod.pages.not_found(visit)
    return pod.taught(answer, owner) if answer.status == 200 else answer


def _admitted(pod: Pod, visit: Visit, owner: Owner, route: TenantRoute) -> Answer | None:
    """What to answer instead, or None if this pod may show it to this user."""
    if route.private and visit.user is None:
        return to_sign_in(visit)
    elsewhere = pod.elsewhere(visit, owner)
    if elsewhere is not None:
        return elsewhere
    return None if may_see(visit.user, route) else pod.pages.not_found(visit)


def _namespace_page(pod: Pod, visit: Visit, route: TenantRoute) -> Answer:
    projects = [
        project
        for project in pod.tenants.projects(route.path)
        if may_see_project(visit.user, route, project)
    ]
    return pod.pages.page(
        visit,
        pod.tenants.namespace_name(route.path) or route.path,
        tags.p(f"A group of {_organization_name(pod, route)}."),
        links((f"/{project.path}", project.name) for project in projects),
        *_counts(pod, visit, route.organization),
    )


def _project_page(pod: Pod, visit: Visit, route: TenantRoute, path: str) -> Answer:
    project = pod.tenants.project(path)
    if project is None or not may_see_project(visit.user, route, project):
        return to_sign_in(visit) if visit.user is None else pod.pages.not_found(visit)
    issues = [(issue.path, issue.title) for issue in pod.issues.of_project(path)]
    return pod.pages.page(
        visit,
        project.name,
        tags.p(project.description),
        *([tags.h2("Issues"), links(issues)] if issues else []),
        *_counts(pod, visit, route.organization),
    )


def _issue_page(pod: Pod, visit: Visit, route: TenantRoute, path: str, number: int) -> Answer:
    """An issue; the search suggests it to its readers afterwards."""
    project, issue = pod.tenants.project(path), pod.issues.of_id(number)
    if project is None or not may_see_project(visit.user, route, project):
        return to_sign_in(visit) if visit.user is None else pod.pages.not_found(visit)
    if issue is None or issue.project != path:
        return pod.pages.not_found(visit)
    if visit.user is not None:
        pod.issues.note_seen(route.organization, visit.user.username, issue, pod.clock_seconds())
    content = tags.p(f"Opened by {issue.author} in ", link(f"/{path}", project.name), ".")
    return pod.pages.page(visit, issue.title, content, *_counts(pod, visit, route.organization))


def _route_of(owner: Owner) -> TenantRoute:
    if owner.route is None:
        raise ValueError(f"{owner.path} belongs to no tenant")
    return owner.route


def _organization_name(pod: Pod, route: TenantRoute) -> str:
    found = pod.tenants.organization(route.organization)
    return PUBLIC_ORGANIZATION_NAME if found is None else found.name


def _counts(pod: Pod, visit: Visit, organization: str) -> Iterable[Tag]:
    """What a user is counted, or a notice for those who look at another organization."""
    if visit.user is None:
        return
    if visit.user.default_organization != organization:
        text = "This is not your default organization: your counts and todos are not shown here."
        yield note(text)
        return
    mine = Visible(pod, visit.user, organization).issues_by(visit.user.username)
    yield tags.p("Your issues in this organization: ", tags.b(str(mine)))


def _namespaces(routes: Iterable[TenantRoute]) -> Tag:
    return links((f"/{route.path}", route.path) for route in routes)
