"""The pages of namespaces, projects and organizations, and the global dashboard.

What is private is 404 for whoever may not see it; whoever is not signed in is asked to,
by any pod and whether it exists or not.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from twisted.web.template import Tag, tags

from pods.reference.application import Pod, dashboard_of
from pods.reference.ownership import Owner, TenantRoute
from pods.reference.pages import links, note
from pods.reference.people import PUBLIC_ORGANIZATION, PUBLIC_ORGANIZATION_NAME
from pods.reference.tenants import Project
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
    seen = (route for route in routes if _may_see(visit, route))
    return pod.pages.page(visit, "Dashboard", _namespaces(seen))


async def organization(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """The dashboard of an organization."""
    route = _route_of(owner)
    refused = _admitted(pod, visit, owner, route)
    if refused is not None:
        return refused
    found = pod.tenants.organization(route.organization)
    if found is None or visit.path != f"{owner.path}/-/dashboard":
        return pod.pages.not_found(visit)
    page = pod.pages.page(
        visit,
        f"{found.name} Dashboard",
        note(
            "This page shows what belongs to this organization only. Your default organization"
            " decides where you begin."
        ),
        _namespaces(pod.tenants.namespaces_of(found.path, owner.pod)),
        tags.p("Who signs up with the invitation ", tags.code(found.invitation), " is a member."),
        *_elsewhere(visit, route),
    )
    return pod.taught(page, owner)


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
    return None if _may_see(visit, route) else pod.pages.not_found(visit)


def _namespace_page(pod: Pod, visit: Visit, route: TenantRoute) -> Answer:
    projects = [
        project
        for project in pod.tenants.projects(route.path)
        if _may_see_project(visit, route, project)
    ]
    return pod.pages.page(
        visit,
        pod.tenants.namespace_name(route.path) or route.path,
        tags.p(f"A group of {_organization_name(pod, route)}."),
        links((f"/{project.path}", project.name) for project in projects),
        *_elsewhere(visit, route),
    )


def _project_page(pod: Pod, visit: Visit, route: TenantRoute, path: str) -> Answer:
    project = pod.tenants.project(path)
    if project is None or not _may_see_project(visit, route, project):
        return to_sign_in(visit) if visit.user is None else pod.pages.not_found(visit)
    content = (tags.p(project.description), *_elsewhere(visit, route))
    return pod.pages.page(visit, project.name, *content)


def _route_of(owner: Owner) -> TenantRoute:
    if owner.route is None:
        raise ValueError(f"{owner.path} belongs to no tenant")
    return owner.route


def _may_see(visit: Visit, route: TenantRoute) -> bool:
    if not route.private:
        return True
    return visit.user is not None and visit.user.may_see(route.path, route.organization)


def _may_see_project(visit: Visit, route: TenantRoute, project: Project) -> bool:
    return not project.private or _may_see(visit, attrs.evolve(route, private=True))


def _organization_name(pod: Pod, route: TenantRoute) -> str:
    found = pod.tenants.organization(route.organization)
    return PUBLIC_ORGANIZATION_NAME if found is None else found.name


def _elsewhere(visit: Visit, route: TenantRoute) -> Iterable[Tag]:
    """A notice for those who look at another organization than their own."""
    if visit.user is not None and visit.user.default_organization != route.organization:
        text = "This is not your default organization: your counts and todos are not shown here."
        yield note(text)


def _namespaces(routes: Iterable[TenantRoute]) -> Tag:
    return links((f"/{route.path}", route.path) for route in routes)
