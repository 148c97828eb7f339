"""Which function answers which path; all but the fixed ones and the Admin Area take GET only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from pods.reference import accounts, admin_area, groups, profile, search_pages, tenant_pages
from pods.reference.application import Page, Pod, method_not_allowed
from pods.reference.ownership import Kind, Owner
from pods.reference.visits import Answer, Visit

FixedPage = Callable[[Pod, Visit], Awaitable[Answer]]

FIXED: Mapping[str, Mapping[str, FixedPage]] = MappingProxyType(
    {
        "/users/sign_in": {"GET": accounts.show_sign_in, "POST": accounts.sign_in},
        "/users/sign_up": {"GET": accounts.show_sign_up, "POST": accounts.sign_up},
        "/users/sign_out": {"POST": accounts.sign_out},
        "/users/organization": {"POST": profile.change_organization},
        "/users/memberships": {"POST": profile.join_organization},
        "/users/password": {"POST": profile.change_password},
        "/users/sign_out_everywhere": {"POST": profile.sign_out_everywhere},
        "/-/profile": {"GET": profile.show},
        "/groups/new": {"GET": groups.show_new},
        "/groups": {"POST": groups.create},
        "/search": {"GET": search_pages.show},
        "/search/autocomplete": {"GET": search_pages.autocomplete},
    }
)


async def fixed(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """A page at a fixed path."""
    methods = FIXED.get(visit.path.removesuffix("/"))
    if methods is None:
        return pod.pages.not_found(visit)
    if visit.method not in methods:
        return method_not_allowed(*methods)
    return await methods[visit.method](pod, visit)


VIEWS: Mapping[Kind, Page] = MappingProxyType(
    {
        Kind.NAMESPACE: tenant_pages.namespace,
        Kind.ORGANIZATION: tenant_pages.organization,
        Kind.GLOBAL: tenant_pages.dashboard,
        Kind.ADMIN: admin_area.entrance,
        Kind.POD_ADMIN: admin_area.of_pod,
        Kind.FIXED: fixed,
    }
)
