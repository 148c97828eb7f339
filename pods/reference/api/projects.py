"""Projects and groups, by their ids or by their encoded names, and what is in them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import attrs

from pods.reference.access import is_member
from pods.reference.api.accounts import caller
from pods.reference.api.answers import ApiError, answer, not_found, sent_object, text_of
from pods.reference.application import Pod
from pods.reference.issues import Issue
from pods.reference.ownership import Owner, TenantRoute, id_of
from pods.reference.runners import Job
from pods.reference.tenants import Project
from pods.reference.visible import Visible
from pods.reference.visits import Answer, Visit


async def show(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``GET /api/v4/projects/<project>``."""
    project = _seen(pod, visit)
    return answer(project_fields(project))


async def issues(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``GET /api/v4/projects/<project>/issues``."""
    project = _seen(pod, visit)
    return answer([issue_fields(issue) for issue in pod.issues.of_project(project.path)])


async def add_issue(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``POST /api/v4/projects/<project>/issues``, for everybody who may see the project."""
    project = _seen(pod, visit)
    author, title = caller(visit).username, text_of(sent_object(visit), "title")
    organization = Visible(pod, visit.user).route_of(project).organization
    added = pod.issues.add(organization, project.path, title, author)
    return answer(issue_fields(added), HTTPStatus.CREATED)


async def jobs(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``GET /api/v4/projects/<project>/jobs``."""
    project = _seen(pod, visit)
    return answer([job_fields(job) for job in pod.jobs.of_project(project.path)])


async def add_job(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``POST /api/v4/projects/<project>/jobs``, for members: something for a runner to do."""
    project, user = _seen(pod, visit), caller(visit)
    route = Visible(pod, visit.user).route_of(project)
    if not is_member(user, route):
        raise ApiError(HTTPStatus.FORBIDDEN, "Forbidden: only members run jobs")
    name = text_of(sent_object(visit), "name")
    added = pod.jobs.add(route.organization, project.path, name, pod.clock_seconds())
    pod.bell.ring()
    return answer(job_fields(added), HTTPStatus.CREATED)


async def show_group(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``GET /api/v4/groups/<group>``."""
    visible, (number, name) = Visible(pod, visit.user), _named(visit)
    route = visible.group(name) if number is None else visible.group_of_id(number)
    if route is None:
        raise not_found()
    return answer(group_fields(pod, route))


def _seen(pod: Pod, visit: Visit) -> Project:
    """The project whose id or encoded path is in ``/api/v4/projects/<this>/...``.

    :raises ApiError: it is not there, or not for the caller.
    """
    visible, (number, name) = Visible(pod, visit.user), _named(visit)
    project = visible.project(name) if number is None else visible.project_of_id(number)
    if project is None:
        raise not_found()
    return project


def _named(visit: Visit) -> tuple[int | None, str]:
    """The id, or else the name, in ``/api/v4/projects/<this>/...``."""
    segment = visit.path.split("/")[4]
    return id_of(segment), unquote(segment)


# -- as JSON -----------------------------------------------------------------


def group_fields(pod: Pod, route: TenantRoute) -> dict[str, Any]:
    """A group."""
    return {
        "id": pod.tenants.namespace_id(route.path),
        "full_path": route.path,
        "name": pod.tenants.namespace_name(route.path),
        "organization": route.organization,
    }


def project_fields(project: Project) -> dict[str, Any]:
    """A project."""
    return {
        "id": project.id,
        "path_with_namespace": project.path,
        "name": project.name,
        "visibility": "private" if project.private else "public",
    }


def issue_fields(issue: Issue) -> dict[str, Any]:
    """An issue."""
    return attrs.asdict(issue) | {"web_url": issue.path}


def job_fields(job: Job) -> dict[str, Any]:
    """A job."""
    return {"id": job.id, "project": job.project, "name": job.name, "status": job.status}
