"""Making a top-level namespace: it lives on the pod of the organization that is chosen.

The choice is in the body of the request, so a pod that is not the right one bounces it
after reading that, and for this request only: the path says nothing.
"""

from __future__ import annotations

from twisted.web.template import Tag

from pods.reference.application import Pod
from pods.reference.databases import Conflict
from pods.reference.organizations import home_of, organizations_of
from pods.reference.ownership import TenantRoute
from pods.reference.pages import button, choice, field, form, note
from pods.reference.people import PUBLIC_ORGANIZATION, PUBLIC_ORGANIZATION_NAME, User
from pods.reference.tenants import NAME_ALLOWED, is_free_name
from pods.reference.visits import Answer, Visit, bounce, redirect, to_sign_in

_TITLE = "New group"


async def show_new(pod: Pod, visit: Visit) -> Answer:
    """The form, which asks for the organization."""
    if visit.user is None:
        return to_sign_in(visit)
    return pod.pages.page(visit, _TITLE, _explanation(), _form(pod, visit, visit.user))


async def create(pod: Pod, visit: Visit) -> Answer:
    """Make the namespace, here or on the pod where it belongs."""
    if visit.user is None:
        return to_sign_in(visit)
    path = visit.form.get("path", "")
    organization = visit.form.get("organization") or PUBLIC_ORGANIZATION
    if organization not in organizations_of(pod, visit.user):
        return _refused(pod, visit, visit.user, "This is no organization of yours.")
    if not is_free_name(path):
        return _refused(pod, visit, visit.user, f"The name of a group is {NAME_ALLOWED}.")
    home = home_of(pod, organization)
    if home != pod.cluster.me:
        return bounce(visit, home, pod.names, once=True)
    private = organization != PUBLIC_ORGANIZATION
    try:
        pod.tenants.add_namespace(TenantRoute(path, home, organization, private), path)
    except Conflict:
        return _refused(pod, visit, visit.user, "This name is taken.")
    pod.people.join(visit.user.username, path)
    return redirect(f"/{path}")


def _refused(pod: Pod, visit: Visit, user: User, problem: str) -> Answer:
    return pod.pages.refused(visit, _TITLE, problem, _form(pod, visit, user))


def _explanation() -> Tag:
    return note(
        f"A group belongs to one organization. {PUBLIC_ORGANIZATION_NAME} and every other"
        " organization are isolated from each other: no page shows what is in both."
    )


def _form(pod: Pod, visit: Visit, user: User) -> Tag:
    options, chosen = organizations_of(pod, user).items(), visit.form.get("organization", "")
    return form(
        "/groups",
        field("path", "Name", hint=NAME_ALLOWED, value=visit.form.get("path", ""), required=""),
        choice("organization", "Organization", options, chosen),
        button("Create"),
    )
