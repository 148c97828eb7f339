"""The profile: what users change about themselves.

Any pod can answer these, because the users are shared.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from twisted.web.template import Flattenable, tags

from pods.reference.application import Pod, dashboard_of
from pods.reference.databases import Conflict
from pods.reference.organizations import organizations_of
from pods.reference.pages import button, choice, field, form, links
from pods.reference.people import User, hash_password, is_password
from pods.reference.visits import Answer, Visit, redirect, signed_in, to_sign_in

PATH = "/-/profile"
PASSWORD_LEAST = 8  #: characters
PASSWORD_ALLOWED = f"at least {PASSWORD_LEAST} characters"

_ForUsers = Callable[[Pod, Visit, User], Awaitable[Answer]]


def for_users(page: _ForUsers) -> Callable[[Pod, Visit], Awaitable[Answer]]:
    """A page for those who are signed in; others are asked to."""

    @wraps(page)
    async def view(pod: Pod, visit: Visit) -> Answer:
        return to_sign_in(visit) if visit.user is None else await page(pod, visit, visit.user)

    return view


@for_users
async def show(pod: Pod, visit: Visit, user: User) -> Answer:
    """Who the user is, and what can be changed."""
    return pod.pages.page(visit, user.username, *_content(pod, user))


@for_users
async def change_organization(pod: Pod, visit: Visit, user: User) -> Answer:
    """Choose where the user begins."""
    organization = visit.form.get("organization", "")
    if organization not in organizations_of(pod, user):
        return _refused(pod, visit, user, "This is no organization of yours.")
    pod.people.change_default_organization(user.username, organization)
    return redirect(PATH)


@for_users
async def join_organization(pod: Pod, visit: Visit, user: User) -> Answer:
    """Become a member of one more organization."""
    organization = pod.tenants.invited_to(visit.form.get("invitation", ""))
    if organization is None:
        return _refused(pod, visit, user, "This is no invitation.")
    pod.people.join(user.username, f"organizations/{organization.path}")
    return redirect(dashboard_of(organization.path))


@for_users
async def change_password(pod: Pod, visit: Visit, user: User) -> Answer:
    """Change the password; every session ends, and this browser gets a new one."""
    account, new = pod.people.account(user.username), visit.form.get("new", "")
    if not await pod.in_thread(is_password, visit.form.get("current", ""), account.password):
        return _refused(pod, visit, user, "This is not your current password.")
    if len(new) < PASSWORD_LEAST:
        return _refused(pod, visit, user, f"A password has {PASSWORD_ALLOWED}.")
    stored = await pod.in_thread(hash_password, new)
    try:
        changed = pod.people.change_password(account, stored)
    except Conflict:
        return _refused(pod, visit, user, "Your password has just been changed elsewhere.")
    return signed_in(visit, redirect(PATH), pod.sessions.open(changed))


@for_users
async def sign_out_everywhere(pod: Pod, visit: Visit, user: User) -> Answer:
    """End every session of the user."""
    pod.people.end_sessions(user.username)
    return signed_in(visit, redirect("/users/sign_in"), "")


def _refused(pod: Pod, visit: Visit, user: User, problem: str) -> Answer:
    return pod.pages.refused(visit, user.username, problem, *_content(pod, user))


def _content(pod: Pod, user: User) -> tuple[Flattenable, ...]:
    return (
        tags.h2("Organizations"),
        form(
            "/users/organization",
            choice(
                "organization",
                "Default organization",
                organizations_of(pod, user).items(),
                user.default_organization,
            ),
            button("Change organization"),
        ),
        form(
            "/users/memberships",
            field("invitation", "Invitation to another", required=""),
            button("Join"),
        ),
        tags.h2("Member of"),
        links((_page_of(path), path) for path in sorted(user.memberships)),
        tags.h2("Password"),
        form("/users/password", *_password_fields(), button("Change password")),
        tags.p("A new password ends all your sessions, but for this one."),
        tags.h2("Sessions"),
        form("/users/sign_out_everywhere", button("Sign out everywhere")),
    )


def _password_fields() -> tuple[Flattenable, ...]:
    old, new = {"autocomplete": "current-password"}, {"autocomplete": "new-password"}
    return (
        field("current", "Current password", "password", required="", **old),
        field("new", "New password", "password", PASSWORD_ALLOWED, required="", **new),
    )


def _page_of(path: str) -> str:
    kind, _, organization = path.partition("/")
    return dashboard_of(organization) if kind == "organizations" else f"/{path}"
