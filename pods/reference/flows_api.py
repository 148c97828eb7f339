# ruff: noqa: E501 - a hop is one line, however long
"""What the proposals leave open, played under both strategies: GraphQL and the API, runners,
search and suggestions.
"""

from __future__ import annotations

from pods.reference.flows import both
from pods.reference.flows_bounce import MY_COMPANY

API = "GraphQL/API requests which don't include the namespace in the URL"
RUNNERS = "Should runners be shared across all pods?"
RECENT = (
    "The autocomplete suggestion functionality in the search bar which remembers recent issues/MRs"
)
SEARCH = "Global search"

_PROJECT = "query($path: ID!) { project(fullPath: $path) { id fullPath } }"

_FLOWS = (
    both(
        section=API,
        title="Asks for a project at /api/graphql, which says nothing of it in the path",
        router="router_eu",
        user="casey",
        chances=("pod_eu1",),
        json={"query": _PROJECT, "variables": {"path": "gitlab-org/gitlab"}},
        learned=("/api/graphql => pod_eu0",),
        bounce="""
            user->>router_eu: POST /api/graphql
            router_eu->>pod_eu1: POST /api/graphql [strategy, attempt 1]
            pod_eu1->>router_eu: 302 /api/graphql X-Gitlab-Pod-Redirect={"pod": "pod_us0", "once": true}
            router_eu->>pod_us0: POST /api/graphql [strategy, attempt 2]
            pod_us0->>user: 200 {"data": {"project": {"id": "gid://gitlab/Project/1", "fullPath": "gitlab-org/gitlab"}}}
        """,
        learn="""
            user->>router_eu: POST /api/graphql
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=POST&path_info=/api/graphql
            pod_eu1->>router_eu: 200 {"path": "/api/graphql", "pod": "pod_eu0", "source": "fixed", "exact": true}
            router_eu->>pod_eu0: POST /api/graphql [strategy, attempt 1]
            pod_eu0->>router_eu: 302 /api/graphql X-Gitlab-Pod-Redirect={"pod": "pod_us0", "once": true}
            router_eu->>pod_us0: POST /api/graphql [strategy, attempt 2]
            pod_us0->>user: 200 {"data": {"project": {"id": "gid://gitlab/Project/1", "fullPath": "gitlab-org/gitlab"}}}
        """,
    ),
    both(
        section=API,
        title="Asks for the projects of an organization, which the path names",
        router="router_eu",
        user="casey",
        chances=("pod_eu1",),
        json={"query": "{ projects { fullPath } }"},
        bounced=("/api/organizations/my-organization/* => pod_eu0",),
        learned=("/api/organizations/my-organization/* => pod_eu0",),
        bounce="""
            user->>router_eu: POST /api/organizations/my-organization/graphql
            router_eu->>pod_eu1: POST /api/organizations/my-organization/graphql [strategy, attempt 1]
            pod_eu1->>router_eu: 302 /api/organizations/my-organization/graphql X-Gitlab-Pod-Redirect={"pod": "pod_eu0"}
            router_eu->>pod_eu0: POST /api/organizations/my-organization/graphql [strategy, attempt 2]
            pod_eu0->>user: 200 {"data": {"projects": [{"fullPath": "my-company/my-other-project"}, {"fullPath": "my-company/my-project"}]}} X-Gitlab-Pod-Cache={"path_prefix": "/api/organizations/my-organization/"}
            user->>router_eu: POST /api/organizations/my-organization/graphql
            router_eu->>pod_eu0: POST /api/organizations/my-organization/graphql [cache, attempt 1]
            pod_eu0->>user: 200 {"data": {"projects": [{"fullPath": "my-company/my-other-project"}, {"fullPath": "my-company/my-project"}]}} X-Gitlab-Pod-Cache={"path_prefix": "/api/organizations/my-organization/"}
        """,
        learn="""
            user->>router_eu: POST /api/organizations/my-organization/graphql
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=POST&path_info=/api/organizations/my-organization/graphql
            pod_eu1->>router_eu: 200 {"path": "/api/organizations/my-organization", "pod": "pod_eu0", "source": "routable"}
            router_eu->>pod_eu0: POST /api/organizations/my-organization/graphql [strategy, attempt 1]
            pod_eu0->>user: 200 {"data": {"projects": [{"fullPath": "my-company/my-other-project"}, {"fullPath": "my-company/my-project"}]}} X-Gitlab-Pod-Cache={"path_prefix": "/api/organizations/my-organization/"}
            user->>router_eu: POST /api/organizations/my-organization/graphql
            router_eu->>pod_eu0: POST /api/organizations/my-organization/graphql [cache, attempt 1]
            pod_eu0->>user: 200 {"data": {"projects": [{"fullPath": "my-company/my-other-project"}, {"fullPath": "my-company/my-project"}]}} X-Gitlab-Pod-Cache={"path_prefix": "/api/organizations/my-organization/"}
        """,
    ),
    both(
        section=API,
        title="Asks for a project by its encoded path, which routers do not look into",
        router="router_eu",
        user="casey",
        chances=("pod_eu1", "pod_eu1"),
        bounce="""
            user->>router_eu: GET /api/v4/projects/my-company%2Fmy-project
            router_eu->>pod_eu1: GET /api/v4/projects/my-company%2Fmy-project [strategy, attempt 1]
            pod_eu1->>router_eu: 302 /api/v4/projects/my-company%2Fmy-project X-Gitlab-Pod-Redirect={"pod": "pod_eu0", "once": true}
            router_eu->>pod_eu0: GET /api/v4/projects/my-company%2Fmy-project [strategy, attempt 2]
            pod_eu0->>user: 200 {"id": 2001, "path_with_namespace": "my-company/my-project", "name": "My Project", "visibility": "private"}
            user->>router_eu: GET /api/v4/projects/my-company%2Fmy-project
            router_eu->>pod_eu1: GET /api/v4/projects/my-company%2Fmy-project [strategy, attempt 1]
            pod_eu1->>router_eu: 302 /api/v4/projects/my-company%2Fmy-project X-Gitlab-Pod-Redirect={"pod": "pod_eu0", "once": true}
            router_eu->>pod_eu0: GET /api/v4/projects/my-company%2Fmy-project [strategy, attempt 2]
            pod_eu0->>user: 200 {"id": 2001, "path_with_namespace": "my-company/my-project", "name": "My Project", "visibility": "private"}
        """,
        learn="""
            user->>router_eu: GET /api/v4/projects/my-company%2Fmy-project
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/api/v4/projects/my-company%252Fmy-project
            pod_eu1->>router_eu: 200 {"path": "/api/v4/projects/my-company%2Fmy-project", "pod": "pod_eu0", "source": "routable"}
            router_eu->>pod_eu0: GET /api/v4/projects/my-company%2Fmy-project [strategy, attempt 1]
            pod_eu0->>user: 200 {"id": 2001, "path_with_namespace": "my-company/my-project", "name": "My Project", "visibility": "private"}
            user->>router_eu: GET /api/v4/projects/my-company%2Fmy-project
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/api/v4/projects/my-company%252Fmy-project
            pod_eu1->>router_eu: 200 {"path": "/api/v4/projects/my-company%2Fmy-project", "pod": "pod_eu0", "source": "routable"}
            router_eu->>pod_eu0: GET /api/v4/projects/my-company%2Fmy-project [strategy, attempt 1]
            pod_eu0->>user: 200 {"id": 2001, "path_with_namespace": "my-company/my-project", "name": "My Project", "visibility": "private"}
        """,
    ),
    both(
        section=API,
        title="Asks for a project by its id, which no other project on any pod has",
        router="router_us",
        user="casey",
        chances=("pod_us1",),
        bounced=("/api/v4/projects/2001/* => pod_eu0",),
        learned=("/api/v4/projects/2001/* => pod_eu0",),
        bounce="""
            user->>router_us: GET /api/v4/projects/2001
            router_us->>pod_us1: GET /api/v4/projects/2001 [strategy, attempt 1]
            pod_us1->>router_us: 302 /api/v4/projects/2001 X-Gitlab-Pod-Redirect={"pod": "pod_eu0"}
            router_us->>pod_eu0: GET /api/v4/projects/2001 [strategy, attempt 2]
            pod_eu0->>user: 200 {"id": 2001, "path_with_namespace": "my-company/my-project", "name": "My Project", "visibility": "private"} X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/projects/2001/"}
            user->>router_us: GET /api/v4/projects/2001/jobs
            router_us->>pod_eu0: GET /api/v4/projects/2001/jobs [cache, attempt 1]
            pod_eu0->>user: 200 [] X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/projects/2001/"}
        """,
        learn="""
            user->>router_us: GET /api/v4/projects/2001
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/api/v4/projects/2001
            pod_us1->>router_us: 200 {"path": "/api/v4/projects/2001", "pod": "pod_eu0", "source": "routable"}
            router_us->>pod_eu0: GET /api/v4/projects/2001 [strategy, attempt 1]
            pod_eu0->>user: 200 {"id": 2001, "path_with_namespace": "my-company/my-project", "name": "My Project", "visibility": "private"} X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/projects/2001/"}
            user->>router_us: GET /api/v4/projects/2001/jobs
            router_us->>pod_eu0: GET /api/v4/projects/2001/jobs [cache, attempt 1]
            pod_eu0->>user: 200 [] X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/projects/2001/"}
        """,
    ),
    both(
        section=RUNNERS,
        title="A member wants something run twice",
        router="router_eu",
        user="casey",
        chances=("pod_eu1",),
        json={"name": "test"},
        bounced=("/api/v4/projects/2001/* => pod_eu0",),
        learned=("/api/v4/projects/2001/* => pod_eu0",),
        bounce="""
            user->>router_eu: POST /api/v4/projects/2001/jobs
            router_eu->>pod_eu1: POST /api/v4/projects/2001/jobs [strategy, attempt 1]
            pod_eu1->>router_eu: 302 /api/v4/projects/2001/jobs X-Gitlab-Pod-Redirect={"pod": "pod_eu0"}
            router_eu->>pod_eu0: POST /api/v4/projects/2001/jobs [strategy, attempt 2]
            pod_eu0->>user: 201 {"id": 1, "project": "my-company/my-project", "name": "test", "status": "pending"} X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/projects/2001/"}
            user->>router_eu: POST /api/v4/projects/2001/jobs
            router_eu->>pod_eu0: POST /api/v4/projects/2001/jobs [cache, attempt 1]
            pod_eu0->>user: 201 {"id": 2, "project": "my-company/my-project", "name": "test", "status": "pending"} X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/projects/2001/"}
        """,
        learn="""
            user->>router_eu: POST /api/v4/projects/2001/jobs
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=POST&path_info=/api/v4/projects/2001/jobs
            pod_eu1->>router_eu: 200 {"path": "/api/v4/projects/2001", "pod": "pod_eu0", "source": "routable"}
            router_eu->>pod_eu0: POST /api/v4/projects/2001/jobs [strategy, attempt 1]
            pod_eu0->>user: 201 {"id": 1, "project": "my-company/my-project", "name": "test", "status": "pending"} X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/projects/2001/"}
            user->>router_eu: POST /api/v4/projects/2001/jobs
            router_eu->>pod_eu0: POST /api/v4/projects/2001/jobs [cache, attempt 1]
            pod_eu0->>user: 201 {"id": 2, "project": "my-company/my-project", "name": "test", "status": "pending"} X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/projects/2001/"}
        """,
    ),
    both(
        section=RUNNERS,
        title="A runner that is shared by all pods asks for a job, where there is none",
        router="router_us",
        user=None,
        chances=("pod_us1",),
        json={"token": "$shared_runner"},
        learned=("/api/v4/jobs/request => pod_us0",),
        bounce="""
            user->>router_us: POST /api/v4/jobs/request
            router_us->>pod_us1: POST /api/v4/jobs/request [strategy, attempt 1]
            pod_us1->>router_us: 302 /api/v4/jobs/request X-Gitlab-Pod-Redirect={"pod": "pod_eu0", "once": true}
            router_us->>pod_eu0: POST /api/v4/jobs/request [strategy, attempt 2]
            pod_eu0->>user: 201 {"id": 1, "project": "my-company/my-project", "name": "test", "status": "running"}
        """,
        learn="""
            user->>router_us: POST /api/v4/jobs/request
            router_us->>pod_us1: GET /api/v4/pods/learn?method=POST&path_info=/api/v4/jobs/request
            pod_us1->>router_us: 200 {"path": "/api/v4/jobs/request", "pod": "pod_us0", "source": "fixed", "exact": true}
            router_us->>pod_us0: POST /api/v4/jobs/request [strategy, attempt 1]
            pod_us0->>router_us: 302 /api/v4/jobs/request X-Gitlab-Pod-Redirect={"pod": "pod_eu0", "once": true}
            router_us->>pod_eu0: POST /api/v4/jobs/request [strategy, attempt 2]
            pod_eu0->>user: 201 {"id": 1, "project": "my-company/my-project", "name": "test", "status": "running"}
        """,
    ),
    both(
        section=RUNNERS,
        title="It says how the job ended",
        router="router_us",
        user=None,
        chances=("pod_us1",),
        json={"token": "$shared_runner", "state": "success"},
        bounced=("/api/v4/jobs/1/* => pod_eu0",),
        learned=("/api/v4/jobs/1/* => pod_eu0",),
        bounce="""
            user->>router_us: PUT /api/v4/jobs/1
            router_us->>pod_us1: PUT /api/v4/jobs/1 [strategy, attempt 1]
            pod_us1->>router_us: 302 /api/v4/jobs/1 X-Gitlab-Pod-Redirect={"pod": "pod_eu0"}
            router_us->>pod_eu0: PUT /api/v4/jobs/1 [strategy, attempt 2]
            pod_eu0->>user: 200 {"id": 1, "project": "my-company/my-project", "name": "test", "status": "success"} X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/jobs/1/"}
        """,
        learn="""
            user->>router_us: PUT /api/v4/jobs/1
            router_us->>pod_us1: GET /api/v4/pods/learn?method=PUT&path_info=/api/v4/jobs/1
            pod_us1->>router_us: 200 {"path": "/api/v4/jobs/1", "pod": "pod_eu0", "source": "routable"}
            router_us->>pod_eu0: PUT /api/v4/jobs/1 [strategy, attempt 1]
            pod_eu0->>user: 200 {"id": 1, "project": "my-company/my-project", "name": "test", "status": "success"} X-Gitlab-Pod-Cache={"path_prefix": "/api/v4/jobs/1/"}
        """,
    ),
    both(
        section=RUNNERS,
        title="A runner that is registered at one pod asks for a job",
        router="router_us",
        user=None,
        chances=("pod_us1",),
        json={"token": "$eu_runner"},
        learned=("/api/v4/jobs/request => pod_us0",),
        bounce="""
            user->>router_us: POST /api/v4/jobs/request
            router_us->>pod_us1: POST /api/v4/jobs/request [strategy, attempt 1]
            pod_us1->>router_us: 302 /api/v4/jobs/request X-Gitlab-Pod-Redirect={"pod": "pod_eu0", "once": true}
            router_us->>pod_eu0: POST /api/v4/jobs/request [strategy, attempt 2]
            pod_eu0->>user: 201 {"id": 2, "project": "my-company/my-project", "name": "test", "status": "running"}
        """,
        learn="""
            user->>router_us: POST /api/v4/jobs/request
            router_us->>pod_us1: GET /api/v4/pods/learn?method=POST&path_info=/api/v4/jobs/request
            pod_us1->>router_us: 200 {"path": "/api/v4/jobs/request", "pod": "pod_us0", "source": "fixed", "exact": true}
            router_us->>pod_us0: POST /api/v4/jobs/request [strategy, attempt 1]
            pod_us0->>router_us: 302 /api/v4/jobs/request X-Gitlab-Pod-Redirect={"pod": "pod_eu0", "once": true}
            router_us->>pod_eu0: POST /api/v4/jobs/request [strategy, attempt 2]
            pod_eu0->>user: 201 {"id": 2, "project": "my-company/my-project", "name": "test", "status": "running"}
        """,
    ),
    both(
        section=RECENT,
        title="Looks at an issue, and is reminded of it",
        router="router_eu",
        user="casey",
        chances=("pod_eu1",),
        knows=(MY_COMPANY,),
        bounced=(MY_COMPANY,),
        learned=(MY_COMPANY, "/search/* => pod_eu0"),
        bounce="""
            user->>router_eu: GET /my-company/my-project/-/issues/1001
            router_eu->>pod_eu0: GET /my-company/my-project/-/issues/1001 [cache, attempt 1]
            pod_eu0->>user: 200 <h1>Find a better name</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-company/"}
            user->>router_eu: GET /search/autocomplete?search=
            router_eu->>pod_eu1: GET /search/autocomplete?search= [strategy, attempt 1]
            pod_eu1->>router_eu: 302 /search/autocomplete?search= X-Gitlab-Pod-Redirect={"pod": "pod_eu0", "once": true}
            router_eu->>pod_eu0: GET /search/autocomplete?search= [strategy, attempt 2]
            pod_eu0->>user: 200 {"organization": "my-organization", "found": [{"category": "Recent issues", "label": "Find a better name", "url": "/my-company/my-project/-/issues/1001"}], "not_searched": [{"name": "GitLab.com Public", "url": "/search?organization=gitlab-com-public&search="}]}
        """,
        learn="""
            user->>router_eu: GET /my-company/my-project/-/issues/1001
            router_eu->>pod_eu0: GET /my-company/my-project/-/issues/1001 [cache, attempt 1]
            pod_eu0->>user: 200 <h1>Find a better name</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-company/"}
            user->>router_eu: GET /search/autocomplete?search=
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/search/autocomplete
            pod_eu1->>router_eu: 200 {"path": "/search", "pod": "pod_eu0", "source": "fixed"}
            router_eu->>pod_eu0: GET /search/autocomplete?search= [strategy, attempt 1]
            pod_eu0->>user: 200 {"organization": "my-organization", "found": [{"category": "Recent issues", "label": "Find a better name", "url": "/my-company/my-project/-/issues/1001"}], "not_searched": [{"name": "GitLab.com Public", "url": "/search?organization=gitlab-com-public&search="}]}
        """,
    ),
    both(
        section=SEARCH,
        title="Searches, and is told where else to look",
        router="router_eu",
        user="casey",
        chances=("pod_eu1",),
        learned=("/search/* => pod_eu0",),
        bounce="""
            user->>router_eu: GET /search?search=project
            router_eu->>pod_eu1: GET /search?search=project [strategy, attempt 1]
            pod_eu1->>router_eu: 302 /search?search=project X-Gitlab-Pod-Redirect={"pod": "pod_eu0", "once": true}
            router_eu->>pod_eu0: GET /search?search=project [strategy, attempt 2]
            pod_eu0->>user: 200 <h1>Search in My Company</h1>
            user->>router_eu: GET /search?organization=gitlab-com-public&search=project
            router_eu->>pod_eu1: GET /search?organization=gitlab-com-public&search=project [strategy, attempt 1]
            pod_eu1->>router_eu: 302 /search?organization=gitlab-com-public&search=project X-Gitlab-Pod-Redirect={"pod": "pod_us0", "once": true}
            router_eu->>pod_us0: GET /search?organization=gitlab-com-public&search=project [strategy, attempt 2]
            pod_us0->>user: 200 <h1>Search in GitLab.com Public</h1>
        """,
        learn="""
            user->>router_eu: GET /search?search=project
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/search
            pod_eu1->>router_eu: 200 {"path": "/search", "pod": "pod_eu0", "source": "fixed"}
            router_eu->>pod_eu0: GET /search?search=project [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>Search in My Company</h1>
            user->>router_eu: GET /search?organization=gitlab-com-public&search=project
            router_eu->>pod_eu0: GET /search?organization=gitlab-com-public&search=project [cache, attempt 1]
            pod_eu0->>router_eu: 302 /search?organization=gitlab-com-public&search=project X-Gitlab-Pod-Redirect={"pod": "pod_us0", "once": true}
            router_eu->>pod_us0: GET /search?organization=gitlab-com-public&search=project [cache, attempt 2]
            pod_us0->>user: 200 <h1>Search in GitLab.com Public</h1>
        """,
    ),
)
BOUNCE = tuple(bounce for bounce, _ in _FLOWS)
LEARN = tuple(learn for _, learn in _FLOWS)
