"""Which function answers which path and method of the API."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pods.reference import search_pages
from pods.reference.api import accounts, projects, runners
from pods.reference.api.answers import ApiError, not_found, unauthorized
from pods.reference.application import Page, Pod, method_not_allowed
from pods.reference.ownership import Kind, Owner
from pods.reference.tokens import TOKEN_HEADER
from pods.reference.visits import Answer, Visit, bounce


async def _graphql_of_anybody(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    from pods.reference.api import graphql  # which only those wait for who use it

    return await graphql.of_anybody(pod, visit, owner)


async def _graphql_of_organization(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    from pods.reference.api import graphql

    return await graphql.of_organization(pod, visit, owner)


#: The parts of the path after ``/api/``; ``*`` is any one.  The first that fits counts.
VIEWS: Mapping[str, Mapping[str, Page]] = MappingProxyType(
    {
        "graphql": {"POST": _graphql_of_anybody},
        "organizations/*/graphql": {"POST": _graphql_of_organization},
        "organizations/*/search": {"GET": search_pages.of_organization_for_programs},
        "v4/groups/*": {"GET": projects.show_group},
        "v4/jobs/request": {"POST": runners.request_job},
        "v4/jobs/*": {"PUT": runners.finish_job},
        "v4/personal_access_tokens": {"POST": accounts.add_token},
        "v4/personal_access_tokens/self": {"DELETE": accounts.revoke_token},
        "v4/projects/*": {"GET": projects.show},
        "v4/projects/*/issues": {"GET": projects.issues, "POST": projects.add_issue},
        "v4/projects/*/jobs": {"GET": projects.jobs, "POST": projects.add_job},
        "v4/runners": {"POST": runners.register},
        "v4/search": {"GET": search_pages.for_programs},
        "v4/user": {"GET": accounts.show_user},
    }
)


async def view(pod: Pod, visit: Visit, owner: Owner | None) -> Answer:
    """Everything below ``/api``: what is wrong is said in JSON."""
    methods = _methods(visit.path)
    if methods and visit.method not in methods:
        return method_not_allowed(*methods)
    try:
        if visit.user is None and TOKEN_HEADER in visit.headers:
            raise unauthorized()
        return await _answer(pod, visit, owner, methods)
    except ApiError as error:
        return error.answer


async def _answer(
    pod: Pod, visit: Visit, owner: Owner | None, methods: Mapping[str, Page]
) -> Answer:
    if owner is None or not methods or _is_hidden(visit, owner):
        raise not_found()
    if owner.kind is Kind.API_ANY:
        return await methods[visit.method](pod, visit, owner)
    if owner.pod != pod.cluster.me:
        return bounce(visit, owner.pod, pod.names, once=owner.kind is Kind.API_ENCODED)
    answer = await methods[visit.method](pod, visit, owner)
    return pod.taught(answer, owner) if answer.status in (200, 201) else answer


def _is_hidden(visit: Visit, owner: Owner) -> bool:
    """Whether every pod can say so, because it is private and nobody is signed in."""
    return owner.route is not None and owner.route.private and visit.user is None


def _methods(path: str) -> Mapping[str, Page]:
    segments = path.removeprefix("/api/").removesuffix("/").split("/")
    for pattern, methods in VIEWS.items():
        parts = pattern.split("/")
        if len(parts) == len(segments) and all(
            part in ("*", segment) for part, segment in zip(parts, segments, strict=True)
        ):
            return methods
    return {}
