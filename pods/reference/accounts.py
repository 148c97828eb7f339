"""Signing in, out and up.

Any pod can answer these, because the users are shared.
"""

from __future__ import annotations

import secrets
from urllib.parse import quote

from twisted.web.template import Tag, tags

from pods.reference.application import Pod
from pods.reference.databases import Conflict, writing
from pods.reference.pages import button, field, form
from pods.reference.people import (
    PUBLIC_ORGANIZATION,
    PUBLIC_ORGANIZATION_NAME,
    Account,
    User,
    hash_password,
    is_password,
)
from pods.reference.profile import PASSWORD_ALLOWED, PASSWORD_LEAST
from pods.reference.tenants import NAME_ALLOWED, Organization, is_free_name
from pods.reference.visits import Answer, Visit, local_path, redirect, signed_in

_CLOSED = "Nobody can sign up at the moment."


class SignUpRefusedError(Exception):
    """What is wrong with a sign-up, in words for the page."""


# -- in and out --------------------------------------------------------------


async def show_sign_in(pod: Pod, visit: Visit) -> Answer:
    """The form to sign in."""
    return pod.pages.page(visit, "Sign in", _sign_in_form(visit))


async def sign_in(pod: Pod, visit: Visit) -> Answer:
    """Open a session and go back to where the user wanted to be."""
    username, password = visit.form.get("username", ""), visit.form.get("password", "")
    account = pod.people.account(username)
    if not await pod.in_thread(is_password, password, account.password):
        problem = "This username and password do not belong together."
        return pod.pages.refused(visit, "Sign in", problem, _sign_in_form(visit))
    pod.sessions.close(visit.token)
    location = local_path(visit.query.get("redirect", "/"))
    return signed_in(visit, redirect(location), pod.sessions.open(account))


async def sign_out(pod: Pod, visit: Visit) -> Answer:
    """Close the session."""
    pod.sessions.close(visit.token)
    return signed_in(visit, redirect("/users/sign_in"), "")


def _sign_in_form(visit: Visit) -> Tag:
    location = quote(local_path(visit.query.get("redirect", "/")), safe="/")
    return form(
        f"/users/sign_in?redirect={location}",
        _username(visit),
        field("password", "Password", "password", autocomplete="current-password", required=""),
        button("Sign in"),
    )


def _username(visit: Visit, hint: str = "") -> Tag:
    value = visit.form.get("username", "")
    more = {"autocomplete": "username", "autocapitalize": "none", "required": ""}
    return field("username", "Username", hint=hint, value=value, **more)


# -- up ----------------------------------------------------------------------


async def show_sign_up(pod: Pod, visit: Visit) -> Answer:
    """The form to sign up, which asks for the organization."""
    if not _is_open(pod):
        return pod.pages.page(visit, "Sign up", tags.p(_CLOSED))
    return pod.pages.page(visit, "Sign up", _sign_up_form(visit))


async def sign_up(pod: Pod, visit: Visit) -> Answer:
    """Make an account, and perhaps an organization on this pod, and sign in."""
    try:
        _check_sign_up(pod, visit)
        stored = await pod.in_thread(hash_password, visit.form["password"])
        account = _add_account(pod, visit, stored)
    except SignUpRefusedError as error:
        return pod.pages.refused(visit, "Sign up", str(error), _sign_up_form(visit))
    return signed_in(visit, redirect("/"), pod.sessions.open(account))


def _is_open(pod: Pod) -> bool:
    return pod.settings.value("signup_enabled") == "yes"


def _sign_up_form(visit: Visit) -> Tag:
    chosen = visit.form.get("organization", "")

    def option(value: str, text: str) -> Tag:
        checked = {"checked": ""} if value == chosen else {}
        box = tags.input(type="radio", name="organization", value=value, **checked)
        return tags.label(box, f" {text}")

    return form(
        "/users/sign_up",
        _username(visit, NAME_ALLOWED),
        field(
            "password",
            "Password",
            "password",
            PASSWORD_ALLOWED,
            autocomplete="new-password",
            required="",
        ),
        tags.fieldset(
            tags.legend("Are you part of an organization?"),
            option("", f"Neither: use {PUBLIC_ORGANIZATION_NAME}"),
            option("join", "I am part of one"),
            field("invitation", "Invitation", value=visit.form.get("invitation", "")),
            option("create", "I would like to create one"),
            field(
                "path",
                "Name of the organization",
                hint=NAME_ALLOWED,
                value=visit.form.get("path", ""),
            ),
        ),
        button("Sign up"),
    )


def _check_sign_up(pod: Pod, visit: Visit) -> None:
    if not _is_open(pod):
        raise SignUpRefusedError(_CLOSED)
    username = visit.form.get("username", "")
    if not is_free_name(username):
        raise SignUpRefusedError(f"A username is {NAME_ALLOWED}.")
    if pod.people.has(username):
        raise SignUpRefusedError("This username is taken.")
    if len(visit.form.get("password", "")) < PASSWORD_LEAST:
        raise SignUpRefusedError(f"A password has {PASSWORD_ALLOWED}.")


def _add_account(pod: Pod, visit: Visit, stored_password: str) -> Account:
    """Both or nothing, as the transaction of the user spans that of the organization; only who
    dies between their two ends leaves an organization that is nobody's.
    """
    try:
        with writing(pod.view.users), writing(pod.view.routes):
            organization = _chosen_organization(pod, visit)
            member = organization != PUBLIC_ORGANIZATION
            memberships = frozenset([f"organizations/{organization}"] if member else [])
            user = User(visit.form["username"], organization, False, memberships)
            return pod.people.add(user, stored_password)
    except Conflict as error:
        raise SignUpRefusedError("This name was just taken.") from error


def _chosen_organization(pod: Pod, visit: Visit) -> str:
    match visit.form.get("organization", ""):
        case "":
            return PUBLIC_ORGANIZATION
        case "join":
            return _joined(pod, visit.form.get("invitation", ""))
        case "create":
            return _created(pod, visit.form.get("path", ""))
    raise SignUpRefusedError("Choose one of the three.")


def _joined(pod: Pod, invitation: str) -> str:
    organization = pod.tenants.invited_to(invitation)
    if organization is None:
        raise SignUpRefusedError("This is no invitation.")
    return organization.path


def _created(pod: Pod, path: str) -> str:
    if not is_free_name(path) or path == PUBLIC_ORGANIZATION:
        raise SignUpRefusedError(f"The name of an organization is {NAME_ALLOWED}.")
    if pod.tenants.organization(path) is not None:
        raise SignUpRefusedError("This organization exists; its members can invite you.")
    organization = Organization(path, path, invitation=secrets.token_urlsafe(12))
    pod.tenants.add_organization(organization, pod.cluster.me)
    return path
