"""What the proposals leave open of moving an organization, played under both strategies: what
routers that know its old pod send, and what those do that know nothing.
"""

from __future__ import annotations

from pods.reference.flows import Flow, both, hops
from pods.reference.flows_bounce import MY_COMPANY

MOVES = "An organization is moved from 1 pod to another"
MOVED = "/my-company/* => pod_us1"

_HEALED = Flow(
    section=MOVES,
    title="Navigates to /my-company/my-project after my-organization has moved to pod_us1",
    router="router_eu",
    user="casey",
    moves=("my-organization", "pod_us1"),
    knows=(MY_COMPANY,),
    remembers=(MOVED,),
    hops=hops("""
        user->>router_eu: GET /my-company/my-project
        router_eu->>pod_eu0: GET /my-company/my-project [cache, attempt 1]
        pod_eu0->>router_eu: 302 /my-company/my-project X-Gitlab-Pod-Redirect={"pod": "pod_us1"}
        router_eu->>pod_us1: GET /my-company/my-project [cache, attempt 2]
        pod_us1->>user: 200 <h1>My Project</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-company/"}
        user->>router_eu: GET /my-company/my-project
        router_eu->>pod_us1: GET /my-company/my-project [cache, attempt 1]
        pod_us1->>user: 200 <h1>My Project</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-company/"}
    """),
)
_BACK_BY_BOUNCE, _BACK_BY_LEARN = both(
    section=MOVES,
    title="Navigates to /my-company/my-project after it has moved back, through another router",
    router="router_us",
    user="casey",
    moves=("my-organization", "pod_eu0"),
    chances=("pod_us1",),
    bounced=(MY_COMPANY,),
    learned=(MY_COMPANY,),
    bounce="""
        user->>router_us: GET /my-company/my-project
        router_us->>pod_us1: GET /my-company/my-project [strategy, attempt 1]
        pod_us1->>router_us: 302 /my-company/my-project X-Gitlab-Pod-Redirect={"pod": "pod_eu0"}
        router_us->>pod_eu0: GET /my-company/my-project [strategy, attempt 2]
        pod_eu0->>user: 200 <h1>My Project</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-company/"}
    """,
    learn="""
        user->>router_us: GET /my-company/my-project
        router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/my-company/my-project
        pod_us1->>router_us: 200 {"path": "/my-company", "pod": "pod_eu0", "source": "routable"}
        router_us->>pod_eu0: GET /my-company/my-project [strategy, attempt 1]
        pod_eu0->>user: 200 <h1>My Project</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-company/"}
    """,
)
BOUNCE = (_HEALED, _BACK_BY_BOUNCE)
LEARN = (_HEALED, _BACK_BY_LEARN)
