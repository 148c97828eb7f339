# ruff: noqa: E501 - a hop is one line, however long
"""What the proposals say of people besides their request flows, played under both strategies:
the default organization, sessions, and the settings of the Admin Area.
"""

from __future__ import annotations

from typing import Any

from pods.reference.flows import Flow, hops
from pods.reference.flows_learn import EU_USERS

_CHOOSES: dict[str, Any] = {
    "section": "Detailed explanation of default organization in the first iteration",
    "title": "Chooses the default organization",
    "router": "router_eu",
    "user": "casey",
    "form": {"organization": "my-organization"},
}
_CHANGES: dict[str, Any] = {
    "section": "Replicating User Sessions Between All Pods",
    "title": "Changes the password: the session that begins with it holds at every pod",
    "router": "router_eu",
    "user": "taylor",
    "form": {"current": "taylor-builds-this", "new": "taylor-builds-this"},
}
_SETS: dict[str, Any] = {
    "section": "Detailed explanation of Admin Area settings",
    "title": "Sets something for one pod",
    "router": "router_us",
    "user": "root",
    "form": {"own.announcement": ""},
    "remembers": ("/admin/pods/pod_eu0/* => pod_eu0",),
}
_PROFILE = "/-/profile => pod_eu0"

BOUNCE = (
    Flow(
        **_CHOOSES,
        chances=("pod_eu1", "pod_eu0", "pod_eu1"),
        hops=hops("""
            user->>router_eu: GET /-/profile
            router_eu->>pod_eu1: GET /-/profile [strategy, attempt 1]
            pod_eu1->>user: 200 <h1>casey</h1>
            user->>router_eu: POST /users/organization
            router_eu->>pod_eu0: POST /users/organization [strategy, attempt 1]
            pod_eu0->>user: 302 /-/profile
            user->>router_eu: GET /-/profile
            router_eu->>pod_eu1: GET /-/profile [strategy, attempt 1]
            pod_eu1->>user: 200 <h1>casey</h1>
        """),
    ),
    Flow(
        **_CHANGES,
        chances=("pod_eu1", "pod_eu0"),
        hops=hops("""
            user->>router_eu: POST /users/password
            router_eu->>pod_eu1: POST /users/password [strategy, attempt 1]
            pod_eu1->>user: 302 /-/profile
            user->>router_eu: GET /-/profile
            router_eu->>pod_eu0: GET /-/profile [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>taylor</h1>
        """),
    ),
    Flow(
        **_SETS,
        chances=("pod_us1", "pod_us1"),
        hops=hops("""
            user->>router_us: POST /admin/pods/pod_eu0/settings
            router_us->>pod_us1: POST /admin/pods/pod_eu0/settings [strategy, attempt 1]
            pod_us1->>router_us: 302 /admin/pods/pod_eu0/settings X-Gitlab-Pod-Redirect={"pod": "pod_eu0"}
            router_us->>pod_eu0: POST /admin/pods/pod_eu0/settings [strategy, attempt 2]
            pod_eu0->>user: 302 /admin/pods/pod_eu0/settings
            user->>router_us: GET /admin/pods/pod_eu0/settings
            router_us->>pod_us1: GET /admin/pods/pod_eu0/settings [strategy, attempt 1]
            pod_us1->>router_us: 302 /admin/pods/pod_eu0/settings X-Gitlab-Pod-Redirect={"pod": "pod_eu0"}
            router_us->>pod_eu0: GET /admin/pods/pod_eu0/settings [strategy, attempt 2]
            pod_eu0->>user: 200 <h1>Settings on pod_eu0</h1> X-Gitlab-Pod-Cache={"path_prefix": "/admin/pods/pod_eu0/"}
        """),
    ),
)
LEARN = (
    Flow(
        **_CHOOSES,
        chances=("pod_eu1", "pod_eu1"),
        remembers=(_PROFILE, EU_USERS),
        hops=hops("""
            user->>router_eu: GET /-/profile
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/-/profile
            pod_eu1->>router_eu: 200 {"path": "/-/profile", "pod": "pod_eu0", "source": "fixed", "exact": true}
            router_eu->>pod_eu0: GET /-/profile [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>casey</h1>
            user->>router_eu: POST /users/organization
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=POST&path_info=/users/organization
            pod_eu1->>router_eu: 200 {"path": "/users", "pod": "pod_eu0", "source": "fixed"}
            router_eu->>pod_eu0: POST /users/organization [strategy, attempt 1]
            pod_eu0->>user: 302 /-/profile
            user->>router_eu: GET /-/profile
            router_eu->>pod_eu0: GET /-/profile [cache, attempt 1]
            pod_eu0->>user: 200 <h1>casey</h1>
        """),
    ),
    Flow(
        **_CHANGES,
        chances=("pod_eu1",),
        knows=("/-/profile => pod_eu1",),
        remembers=("/-/profile => pod_eu1", EU_USERS),
        hops=hops("""
            user->>router_eu: POST /users/password
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=POST&path_info=/users/password
            pod_eu1->>router_eu: 200 {"path": "/users", "pod": "pod_eu0", "source": "fixed"}
            router_eu->>pod_eu0: POST /users/password [strategy, attempt 1]
            pod_eu0->>user: 302 /-/profile
            user->>router_eu: GET /-/profile
            router_eu->>pod_eu1: GET /-/profile [cache, attempt 1]
            pod_eu1->>user: 200 <h1>taylor</h1>
        """),
    ),
    Flow(
        **_SETS,
        chances=("pod_us1",),
        hops=hops("""
            user->>router_us: POST /admin/pods/pod_eu0/settings
            router_us->>pod_us1: GET /api/v4/pods/learn?method=POST&path_info=/admin/pods/pod_eu0/settings
            pod_us1->>router_us: 200 {"path": "/admin/pods/pod_eu0", "pod": "pod_eu0", "source": "routable"}
            router_us->>pod_eu0: POST /admin/pods/pod_eu0/settings [strategy, attempt 1]
            pod_eu0->>user: 302 /admin/pods/pod_eu0/settings
            user->>router_us: GET /admin/pods/pod_eu0/settings
            router_us->>pod_eu0: GET /admin/pods/pod_eu0/settings [cache, attempt 1]
            pod_eu0->>user: 200 <h1>Settings on pod_eu0</h1> X-Gitlab-Pod-Cache={"path_prefix": "/admin/pods/pod_eu0/"}
        """),
    ),
)
