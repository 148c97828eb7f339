"""What a user may see of one pod: pages, the API and searches all look through this."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from pods.reference.access import may_see, may_see_project
from pods.reference.application import Pod
from pods.reference.issues import Issue
from pods.reference.ownership import TenantRoute
from pods.reference.people import User
from pods.reference.tenants import Project


@attrs.frozen
class Visible:
    """Finds nothing that is on another pod, or not for the user.

    :param user: None: somebody who is not signed in.
    :param organization: nothing of any other is found; None: all that are on this pod count.
    """

    _pod: Pod
    _user: User | None
    _organization: str | None = None

    def group(self, path: str) -> TenantRoute | None:
        """The group with this path."""
        route = self._pod.find_for(self._user, path)
        if route is None or route.pod_id != self._pod.cluster.me or "/" in path:
            return None
        if self._organization not in (None, route.organization):
            return None
        return route if may_see(self._user, route) else None

    def group_of_id(self, number: int) -> TenantRoute | None:
        """The group with this id."""
        path = self._pod.tenants.namespace_of_id(number)
        return None if path is None else self.group(path)

    def project(self, path: str) -> Project | None:
        """The project with this path, ``my-company/my-project``."""
        return self._seen(self._pod.tenants.project(path))

    def project_of_id(self, number: int) -> Project | None:
        """The project with this id."""
        return self._seen(self._pod.tenants.project_of_id(number))

    def issue_of_id(self, number: int) -> Issue | None:
        """The issue with this id."""
        issue = self._pod.issues.of_id(number)
        return issue if issue is not None and self.project(issue.project) else None

    def groups(self) -> Iterator[TenantRoute]:
        """The groups of the organization, in alphabetical order."""
        if self._organization is not None:
            me = self._pod.cluster.me
            for route in self._pod.tenants.namespaces_of(self._organization, me):
                if may_see(self._user, route):
                    yield route

    def projects(self) -> Iterator[Project]:
        """The projects of the organization, in alphabetical order."""
        for route in self.groups():
            yield from self.projects_of(route)

    def projects_of(self, route: TenantRoute) -> Iterator[Project]:
        """Those of one group that was found here."""
        for project in self._pod.tenants.projects(route.path):
            if may_see_project(self._user, route, project):
                yield project

    def route_of(self, project: Project) -> TenantRoute:
        """The group of a project that was found here.

        :raises LookupError: it is not here any more.
        """
        route = self.group(project.namespace)
        if route is None:
            raise LookupError(project.path)
        return route

    def issues(self) -> Iterator[Issue]:
        """The issues of the organization, project by project."""
        for project in self.projects():
            yield from self._pod.issues.of_project(project.path)

    def issues_by(self, author: str) -> int:
        """How many issues of the organization are by that user."""
        return sum(self._pod.issues.count_by(one.path, author) for one in self.projects())

    def recent_issues(self) -> Iterator[Issue]:
        """Those that the user has looked at, the last one first."""
        if self._user is not None:
            for issue in self._pod.issues.seen(self._user.username):
                if self.project(issue.project) is not None:
                    yield issue

    def _seen(self, project: Project | None) -> Project | None:
        route = None if project is None else self.group(project.namespace)
        if project is None or route is None:
            return None
        return project if may_see_project(self._user, route, project) else None
