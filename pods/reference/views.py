"""Which function answers which path; all but the fixed ones take GET only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from pods.reference import accounts, admin_area, groups, tenant_pages
from pods.reference.application import Pod, View, method_not_allowed
from pods.reference.ownership import Kind, Owner
from pods.reference.visits import Answer, Visit

FixedView = Callable[[Pod, Visit], Awaitable[Answer]]

FIXED: Mapping[str, Mapping[str, FixedView]] = MappingProxyType(
    {
        "/users/sign_in": {"GET": accounts.show_sign_in, "POST": accounts.sign_in},
        "/users/sign_up": {"GET": accounts.show_sign_up, "POST": accounts.sign_up},
        "/users/sign_out": {"POST": accounts.sign_out},
        "/-/profile": {"GET": accounts.show_profile},
        "/groups/new": {"GET": groups.show_new},
        "/groups": {"POST": groups.create},
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


VIEWS: Mapping[Kind, View] = MappingProxyType(
    {
        Kind.NAMESPACE: tenant_pages.namespace,
        Kind.ORGANIZATION: tenant_pages.organization,
        Kind.GLOBAL: tenant_pages.dashboard,
        Kind.ADMIN: admin_area.entrance,
        Kind.POD_ADMIN: admin_area.of_pod,
        Kind.FIXED: fixed,
    }
)
