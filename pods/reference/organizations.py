"""The organizations that a user may choose from, and where they live."""

from __future__ import annotations

from pods.reference.application import Pod
from pods.reference.people import PUBLIC_ORGANIZATION, PUBLIC_ORGANIZATION_NAME, User


def organizations_of(pod: Pod, user: User | None) -> dict[str, str]:
    """The names of the organizations of a user, by their paths; GitLab.com Public is everybody's.

    :param user: None: somebody who is not signed in.
    """
    found = {PUBLIC_ORGANIZATION: PUBLIC_ORGANIZATION_NAME}
    for membership in sorted(user.memberships if user is not None else ()):
        kind, _, path = membership.partition("/")
        organization = pod.tenants.organization(path)
        if kind == "organizations" and organization is not None:
            found[path] = organization.name
    return found


def home_of(pod: Pod, organization: str) -> str:
    """The pod that an organization lives on; GitLab.com Public is on the legacy pod."""
    route = pod.find(f"organizations/{organization}")
    return pod.cluster.legacy if route is None else route.pod_id
