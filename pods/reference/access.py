"""Who may see what: the one rule that pages, the API and searches share."""

from __future__ import annotations

import attrs

from pods.reference.ownership import TenantRoute
from pods.reference.people import User
from pods.reference.tenants import Project


def may_see(user: User | None, route: TenantRoute) -> bool:
    """Whether a namespace or an organization is for this user.

    :param user: None: somebody who is not signed in.
    """
    if not route.private:
        return True
    return user is not None and user.may_see(route.path, route.organization)


def may_see_project(user: User | None, route: TenantRoute, project: Project) -> bool:
    """Whether a project is for this user.

    :param route: of its namespace.
    """
    return not project.private or is_member(user, route)


def is_member(user: User | None, route: TenantRoute) -> bool:
    """Whether this user may see what is private there, and write."""
    return may_see(user, attrs.evolve(route, private=True))
