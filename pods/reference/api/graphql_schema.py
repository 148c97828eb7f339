"""What can be asked for in GraphQL, and how the answers are found.

A request is executed twice.  In the *rehearsal* each field of the first level only says which
pod it belongs to, and nothing is read or written; so fragments, variables and directives are
understood by the same rules in both.  Then the pod that all of them belong to does the work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs
from graphql import GraphQLError, GraphQLResolveInfo, GraphQLSchema, build_schema

from pods.reference import issues
from pods.reference.access import may_see
from pods.reference.application import Pod
from pods.reference.issues import Issue
from pods.reference.ownership import TenantRoute
from pods.reference.people import PUBLIC_ORGANIZATION, User
from pods.reference.tenants import Project
from pods.reference.visible import Visible

SDL = """
type Query {
  "Who asks."
  currentUser: User
  "A group by its path."
  group(fullPath: ID!): Group
  "A project by its path, such as my-company/my-project."
  project(fullPath: ID!): Project
  "A thing by its global id, such as gid://gitlab/Project/2001."
  node(id: ID!): Node
  "The projects of the organization; where none is named, those of GitLab.com Public."
  projects(search: String! = ""): [Project!]
}

type Mutation {
  "Makes an issue in a project."
  createIssue(projectPath: ID!, title: String!): Issue
}

interface Node {
  id: ID!
}

type Group implements Node {
  id: ID!
  fullPath: ID!
  name: String!
  projects: [Project!]!
}

type Project implements Node {
  id: ID!
  fullPath: ID!
  name: String!
  visibility: String!
  issues: [Issue!]!
}

type Issue implements Node {
  id: ID!
  title: String!
  author: String!
  webUrl: String!
}

type User {
  username: String!
  defaultOrganization: String!
}
"""
#: The type in a global id, and what its ids are leased as.
ID_KINDS: Mapping[str, str] = MappingProxyType(
    {"Group": "namespaces", "Project": "projects", "Issue": issues.KIND}
)
_GLOBAL_ID = re.compile(r"gid://gitlab/(\w+)/([0-9]{1,18})")
_TITLE_LIMIT = 255  #: characters


@attrs.frozen
class Errand:
    """One request, in its rehearsal or for good.

    :param organization: the one that the endpoint is scoped to, if it is.
    """

    pod: Pod
    user: User | None
    organization: str | None
    rehearsing: bool
    homes: set[str] = attrs.field(factory=set, init=False)  #: the pods, found in the rehearsal

    @property
    def visible(self) -> Visible:
        """What the user may see here."""
        return Visible(self.pod, self.user, self.organization)


Resolver = Callable[..., Any]


def _no_home(errand: Errand, **arguments: str) -> None:
    """Any pod can."""


def _home_of_path(errand: Errand, **arguments: str) -> str | None:
    """The pod of the group at the beginning of the one path.

    What the user may not see belongs nowhere, so that nobody can tell it from nothing.
    """
    (path,) = (value for name, value in arguments.items() if name.endswith("Path"))
    route = errand.pod.find_for(errand.user, path.partition("/")[0])
    return route.pod_id if route is not None and may_see(errand.user, route) else None


def _home_of_id(errand: Errand, id: str) -> str | None:
    kind, number = _global_id(id)
    return errand.pod.pod_of_id(errand.user, ID_KINDS[kind], number)


def _home_of_all(errand: Errand, search: str) -> str | None:
    if errand.organization is not None:
        return None
    if errand.user is not None and not errand.user.legacy:
        raise GraphQLError(
            "only GitLab.com Public is listed here; ask"
            f" /api/organizations/{errand.user.default_organization}/graphql"
        )
    return errand.pod.cluster.legacy


def _current_user(errand: Errand) -> dict[str, Any] | None:
    user = errand.user
    if user is None:
        return None
    return {"username": user.username, "defaultOrganization": user.default_organization}


def _group(errand: Errand, fullPath: str) -> dict[str, Any] | None:  # noqa: N803 - likewise
    route = errand.visible.group(fullPath)
    return None if route is None else _group_fields(errand, route)


def _project(errand: Errand, fullPath: str) -> dict[str, Any] | None:  # noqa: N803
    project = errand.visible.project(fullPath)
    return None if project is None else _project_fields(errand, project)


def _node(errand: Errand, id: str) -> dict[str, Any] | None:
    kind, number = _global_id(id)
    match kind:
        case "Group":
            route = errand.visible.group_of_id(number)
            return None if route is None else _group_fields(errand, route)
        case "Project":
            project = errand.visible.project_of_id(number)
            return None if project is None else _project_fields(errand, project)
    issue = errand.visible.issue_of_id(number)
    return None if issue is None else _issue_fields(issue)


def _projects(errand: Errand, search: str) -> list[dict[str, Any]]:
    scoped = attrs.evolve(errand, organization=errand.organization or PUBLIC_ORGANIZATION)
    words = search.casefold()
    found = (one for one in scoped.visible.projects() if words in one.name.casefold())
    return [_project_fields(errand, project) for project in found]


def _create_issue(errand: Errand, projectPath: str, title: str) -> dict[str, Any]:  # noqa: N803
    project = errand.visible.project(projectPath)
    if project is None or errand.user is None:
        raise GraphQLError("there is no such project, or you may not write to it")
    if not title.isprintable() or not 0 < len(title) <= _TITLE_LIMIT:
        raise GraphQLError(f"title must have 1 to {_TITLE_LIMIT} characters, all printable")
    organization = errand.visible.route_of(project).organization
    added = errand.pod.issues.add(organization, project.path, title, errand.user.username)
    return _issue_fields(added)


def _global_id(text: str) -> tuple[str, int]:
    match = _GLOBAL_ID.fullmatch(text)
    if match is None or match[1] not in ID_KINDS:
        allowed = ", ".join(ID_KINDS)
        raise GraphQLError(f"{text!r} is no id; gid://gitlab/TYPE/NUMBER with TYPE of {allowed}")
    return match[1], int(match[2])


# -- as the schema has them --------------------------------------------------


def _group_fields(errand: Errand, route: TenantRoute) -> dict[str, Any]:
    def projects(info: GraphQLResolveInfo[Errand]) -> list[dict[str, Any]]:
        return [_project_fields(errand, one) for one in errand.visible.projects_of(route)]

    tenants = errand.pod.tenants
    return {
        "__typename": "Group",
        "id": f"gid://gitlab/Group/{tenants.namespace_id(route.path)}",
        "fullPath": route.path,
        "name": tenants.namespace_name(route.path),
        "projects": projects,
    }


def _project_fields(errand: Errand, project: Project) -> dict[str, Any]:
    def found(info: GraphQLResolveInfo[Errand]) -> list[dict[str, Any]]:
        return [_issue_fields(issue) for issue in errand.pod.issues.of_project(project.path)]

    return {
        "__typename": "Project",
        "id": f"gid://gitlab/Project/{project.id}",
        "fullPath": project.path,
        "name": project.name,
        "visibility": "private" if project.private else "public",
        "issues": found,
    }


def _issue_fields(issue: Issue) -> dict[str, Any]:
    return {
        "__typename": "Issue",
        "id": f"gid://gitlab/Issue/{issue.id}",
        "title": issue.title,
        "author": issue.author,
        "webUrl": issue.path,
    }


# -- the schema --------------------------------------------------------------

#: How each field of the first level finds its pod, and its value there.
FIELDS: Mapping[str, Mapping[str, tuple[Resolver, Resolver]]] = MappingProxyType(
    {
        "Query": {
            "currentUser": (_no_home, _current_user),
            "group": (_home_of_path, _group),
            "project": (_home_of_path, _project),
            "node": (_home_of_id, _node),
            "projects": (_home_of_all, _projects),
        },
        "Mutation": {"createIssue": (_home_of_path, _create_issue)},
    }
)


def make_schema() -> GraphQLSchema:
    """The schema with everything that answers."""
    schema = build_schema(SDL)
    for name, fields in FIELDS.items():
        for field, (home_of, value_of) in fields.items():
            schema.type_map[name].fields[field].resolve = _resolver(home_of, value_of)  # type: ignore[attr-defined]
    return schema


def _resolver(home_of: Resolver, value_of: Resolver) -> Resolver:
    def resolve(root: None, info: GraphQLResolveInfo[Errand], **arguments: str) -> Any:
        errand = info.context
        for name, value in arguments.items():
            if not value.isprintable():  # no database takes all that JSON can say
                raise GraphQLError(f"{name} must be a text of characters that are all printable")
        if not errand.rehearsing:
            return value_of(errand, **arguments)
        home = home_of(errand, **arguments)
        if home is not None:
            errand.homes.add(home)
        return None

    return resolve
