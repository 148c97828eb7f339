# ruff: noqa: E501 - a hop is one line, however long
"""What "Proposal: Stateless Router" (with routes learning) says of each request flow."""

from __future__ import annotations

from pods.reference.flows import Flow, hops
from pods.reference.flows_bounce import (
    ADMIN,
    GITLAB_ORG,
    MY_COMPANY,
    MY_ORGANIZATION,
    NEW,
    NOT_MY_COMPANY,
    OTHERS,
    PAYING,
    TEAM,
)

DASHBOARD = "/dashboard/* => pod_us0"
EU_USERS = "/users/* => pod_eu0"
US_USERS = "/users/* => pod_us0"
EU_GROUPS = "/groups/* => pod_eu0"

FLOWS = (
    Flow(
        section=PAYING,
        title="Navigates to /my-company/my-project while logged in",
        router="router_eu",
        user="casey",
        chances=("pod_eu1",),
        remembers=(MY_COMPANY,),
        hops=hops("""
            user->>router_eu: GET /my-company/my-project
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/my-company/my-project
            pod_eu1->>router_eu: 200 {"path": "/my-company", "pod": "pod_eu0", "source": "routable"}
            router_eu->>pod_eu0: GET /my-company/my-project [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>My Project</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-company/"}
        """),
    ),
    Flow(
        section=PAYING,
        title="Navigates to /my-company/my-project while not logged in",
        router="router_eu",
        user=None,
        chances=("pod_eu1", "pod_eu1"),
        form={"username": "casey", "password": "casey-pays-for-this"},
        remembers=(MY_COMPANY, EU_USERS),
        hops=hops("""
            user->>router_eu: GET /my-company/my-project
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/my-company/my-project
            pod_eu1->>router_eu: 200 {"path": "/my-company", "pod": "pod_eu0", "source": "routable"}
            router_eu->>pod_eu0: GET /my-company/my-project [strategy, attempt 1]
            pod_eu0->>user: 302 /users/sign_in?redirect=/my-company/my-project
            user->>router_eu: GET /users/sign_in?redirect=/my-company/my-project
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/users/sign_in
            pod_eu1->>router_eu: 200 {"path": "/users", "pod": "pod_eu0", "source": "fixed"}
            router_eu->>pod_eu0: GET /users/sign_in?redirect=/my-company/my-project [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>Sign in</h1>
            user->>router_eu: POST /users/sign_in?redirect=/my-company/my-project
            router_eu->>pod_eu0: POST /users/sign_in?redirect=/my-company/my-project [cache, attempt 1]
            pod_eu0->>user: 302 /my-company/my-project
            user->>router_eu: GET /my-company/my-project
            router_eu->>pod_eu0: GET /my-company/my-project [cache, attempt 1]
            pod_eu0->>user: 200 <h1>My Project</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-company/"}
        """),
    ),
    Flow(
        section=PAYING,
        title="Navigates to /my-company/my-other-project after last step",
        router="router_eu",
        user="casey",
        knows=(MY_COMPANY, EU_USERS),
        remembers=(MY_COMPANY, EU_USERS),
        hops=hops("""
            user->>router_eu: GET /my-company/my-other-project
            router_eu->>pod_eu0: GET /my-company/my-other-project [cache, attempt 1]
            pod_eu0->>user: 200 <h1>My Other Project</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-company/"}
        """),
    ),
    Flow(
        section=PAYING,
        title="Navigates to /gitlab-org/gitlab after last step",
        router="router_eu",
        user="casey",
        chances=("pod_eu0",),
        knows=(MY_COMPANY, EU_USERS),
        remembers=(GITLAB_ORG, MY_COMPANY, EU_USERS),
        hops=hops("""
            user->>router_eu: GET /gitlab-org/gitlab
            router_eu->>pod_eu0: GET /api/v4/pods/learn?method=GET&path_info=/gitlab-org/gitlab
            pod_eu0->>router_eu: 200 {"path": "/gitlab-org", "pod": "pod_us0", "source": "routable"}
            router_eu->>pod_us0: GET /gitlab-org/gitlab [strategy, attempt 1]
            pod_us0->>user: 200 <h1>GitLab.org / GitLab</h1> X-Gitlab-Pod-Cache={"path_prefix": "/gitlab-org/"}
        """),
    ),
    Flow(
        section=PAYING,
        title="Navigates to /",
        router="router_eu",
        user="casey",
        chances=("pod_eu0",),
        knows=(MY_ORGANIZATION,),
        remembers=(MY_ORGANIZATION,),
        hops=hops("""
            user->>router_eu: GET /
            router_eu->>pod_eu0: GET / [strategy, attempt 1]
            pod_eu0->>user: 302 /organizations/my-organization/-/dashboard
            user->>router_eu: GET /organizations/my-organization/-/dashboard
            router_eu->>pod_eu0: GET /organizations/my-organization/-/dashboard [cache, attempt 1]
            pod_eu0->>user: 200 <h1>My Company Dashboard</h1> X-Gitlab-Pod-Cache={"path_prefix": "/organizations/my-organization/"}
        """),
    ),
    Flow(
        section=PAYING,
        title="Navigates to /dashboard",
        router="router_eu",
        user="casey",
        chances=("pod_eu0",),
        knows=(MY_ORGANIZATION,),
        remembers=(DASHBOARD, MY_ORGANIZATION),
        hops=hops("""
            user->>router_eu: GET /dashboard
            router_eu->>pod_eu0: GET /api/v4/pods/learn?method=GET&path_info=/dashboard
            pod_eu0->>router_eu: 200 {"path": "/dashboard", "pod": "pod_us0", "source": "routable"}
            router_eu->>pod_us0: GET /dashboard [strategy, attempt 1]
            pod_us0->>user: 302 /organizations/my-organization/-/dashboard
            user->>router_eu: GET /organizations/my-organization/-/dashboard
            router_eu->>pod_eu0: GET /organizations/my-organization/-/dashboard [cache, attempt 1]
            pod_eu0->>user: 200 <h1>My Company Dashboard</h1> X-Gitlab-Pod-Cache={"path_prefix": "/organizations/my-organization/"}
        """),
    ),
    Flow(
        section=PAYING,
        title="Navigates to /not-my-company/not-my-project while logged in (but without access)",
        router="router_eu",
        user="casey",
        knows=(NOT_MY_COMPANY,),
        remembers=(NOT_MY_COMPANY,),
        hops=hops("""
            user->>router_eu: GET /not-my-company/not-my-project
            router_eu->>pod_us1: GET /not-my-company/not-my-project [cache, attempt 1]
            pod_us1->>user: 404 <h1>Page not found</h1>
        """),
    ),
    Flow(
        section=PAYING,
        title="Creates a new top level namespace in my-organization",
        router="router_eu",
        user="casey",
        chances=("pod_eu1", "pod_eu1"),
        form={"path": "my-team", "organization": "my-organization"},
        remembers=(EU_GROUPS, "/my-team/* => pod_eu0"),
        hops=hops("""
            user->>router_eu: GET /groups/new
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/groups/new
            pod_eu1->>router_eu: 200 {"path": "/groups", "pod": "pod_eu0", "source": "fixed"}
            router_eu->>pod_eu0: GET /groups/new [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>New group</h1>
            user->>router_eu: POST /groups
            router_eu->>pod_eu0: POST /groups [cache, attempt 1]
            pod_eu0->>user: 302 /my-team
            user->>router_eu: GET /my-team
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/my-team
            pod_eu1->>router_eu: 200 {"path": "/my-team", "pod": "pod_eu0", "source": "routable"}
            router_eu->>pod_eu0: GET /my-team [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>my-team</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-team/"}
        """),
    ),
    Flow(
        section=PAYING,
        title="Creates a new top level namespace and selects no organization",
        router="router_eu",
        user="casey",
        chances=("pod_eu1", "pod_eu1"),
        form={"path": "my-public-team"},
        remembers=(EU_GROUPS, "/my-public-team/* => pod_us0"),
        hops=hops("""
            user->>router_eu: GET /groups/new
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/groups/new
            pod_eu1->>router_eu: 200 {"path": "/groups", "pod": "pod_eu0", "source": "fixed"}
            router_eu->>pod_eu0: GET /groups/new [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>New group</h1>
            user->>router_eu: POST /groups
            router_eu->>pod_eu0: POST /groups [cache, attempt 1]
            pod_eu0->>router_eu: 302 /groups X-Gitlab-Pod-Redirect={"pod": "pod_us0", "once": true}
            router_eu->>pod_us0: POST /groups [cache, attempt 2]
            pod_us0->>user: 302 /my-public-team
            user->>router_eu: GET /my-public-team
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/my-public-team
            pod_eu1->>router_eu: 200 {"path": "/my-public-team", "pod": "pod_us0", "source": "routable"}
            router_eu->>pod_us0: GET /my-public-team [strategy, attempt 1]
            pod_us0->>user: 200 <h1>my-public-team</h1> X-Gitlab-Pod-Cache={"path_prefix": "/my-public-team/"}
        """),
    ),
    Flow(
        section=TEAM,
        title="Navigates to /gitlab-org/gitlab while not logged in",
        router="router_us",
        user=None,
        knows=(GITLAB_ORG,),
        remembers=(GITLAB_ORG,),
        hops=hops("""
            user->>router_us: GET /gitlab-org/gitlab
            router_us->>pod_us0: GET /gitlab-org/gitlab [cache, attempt 1]
            pod_us0->>user: 200 <h1>GitLab.org / GitLab</h1> X-Gitlab-Pod-Cache={"path_prefix": "/gitlab-org/"}
        """),
    ),
    Flow(
        section=TEAM,
        title="Navigates to /",
        router="router_us",
        user="taylor",
        chances=("pod_us1", "pod_us1"),
        remembers=(DASHBOARD,),
        hops=hops("""
            user->>router_us: GET /
            router_us->>pod_us1: GET / [strategy, attempt 1]
            pod_us1->>user: 302 /dashboard
            user->>router_us: GET /dashboard
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/dashboard
            pod_us1->>router_us: 200 {"path": "/dashboard", "pod": "pod_us0", "source": "routable"}
            router_us->>pod_us0: GET /dashboard [strategy, attempt 1]
            pod_us0->>user: 200 <h1>Dashboard</h1>
        """),
    ),
    Flow(
        section=TEAM,
        title="Navigates to /my-company/my-other-project while logged in (but without access)",
        router="router_us",
        user="taylor",
        chances=("pod_us1",),
        remembers=(MY_COMPANY,),
        hops=hops("""
            user->>router_us: GET /my-company/my-other-project
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/my-company/my-other-project
            pod_us1->>router_us: 200 {"path": "/my-company", "pod": "pod_eu0", "source": "routable"}
            router_us->>pod_eu0: GET /my-company/my-other-project [strategy, attempt 1]
            pod_eu0->>user: 404 <h1>Page not found</h1>
        """),
    ),
    Flow(
        section=OTHERS,
        title="Navigates to /dashboard",
        router="router_us",
        user=None,
        chances=("pod_us1", "pod_us1"),
        remembers=(DASHBOARD, US_USERS),
        hops=hops("""
            user->>router_us: GET /dashboard
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/dashboard
            pod_us1->>router_us: 200 {"path": "/dashboard", "pod": "pod_us0", "source": "routable"}
            router_us->>pod_us0: GET /dashboard [strategy, attempt 1]
            pod_us0->>user: 302 /users/sign_in?redirect=/dashboard
            user->>router_us: GET /users/sign_in?redirect=/dashboard
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/users/sign_in
            pod_us1->>router_us: 200 {"path": "/users", "pod": "pod_us0", "source": "fixed"}
            router_us->>pod_us0: GET /users/sign_in?redirect=/dashboard [strategy, attempt 1]
            pod_us0->>user: 200 <h1>Sign in</h1>
        """),
    ),
    Flow(
        section=NEW,
        title="Chooses neither: ends on GitLab.com Public",
        router="router_us",
        user=None,
        chances=("pod_us1", "pod_us1", "pod_us1"),
        form={"username": "newcomer", "password": "a-new-password"},
        remembers=(DASHBOARD, US_USERS),
        hops=hops("""
            user->>router_us: GET /users/sign_up
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/users/sign_up
            pod_us1->>router_us: 200 {"path": "/users", "pod": "pod_us0", "source": "fixed"}
            router_us->>pod_us0: GET /users/sign_up [strategy, attempt 1]
            pod_us0->>user: 200 <h1>Sign up</h1>
            user->>router_us: POST /users/sign_up
            router_us->>pod_us0: POST /users/sign_up [cache, attempt 1]
            pod_us0->>user: 302 /
            user->>router_us: GET /
            router_us->>pod_us1: GET / [strategy, attempt 1]
            pod_us1->>user: 302 /dashboard
            user->>router_us: GET /dashboard
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/dashboard
            pod_us1->>router_us: 200 {"path": "/dashboard", "pod": "pod_us0", "source": "routable"}
            router_us->>pod_us0: GET /dashboard [strategy, attempt 1]
            pod_us0->>user: 200 <h1>Dashboard</h1>
        """),
    ),
    Flow(
        section=NEW,
        title="Is already part of an organization",
        router="router_eu",
        user=None,
        chances=("pod_eu1", "pod_eu1"),
        form={
            "username": "colleague",
            "password": "a-new-password",
            "organization": "join",
            "invitation": "welcome-to-my-company",
        },
        knows=(MY_ORGANIZATION,),
        remembers=(MY_ORGANIZATION, EU_USERS),
        hops=hops("""
            user->>router_eu: GET /users/sign_up
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/users/sign_up
            pod_eu1->>router_eu: 200 {"path": "/users", "pod": "pod_eu0", "source": "fixed"}
            router_eu->>pod_eu0: GET /users/sign_up [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>Sign up</h1>
            user->>router_eu: POST /users/sign_up
            router_eu->>pod_eu0: POST /users/sign_up [cache, attempt 1]
            pod_eu0->>user: 302 /
            user->>router_eu: GET /
            router_eu->>pod_eu1: GET / [strategy, attempt 1]
            pod_eu1->>user: 302 /organizations/my-organization/-/dashboard
            user->>router_eu: GET /organizations/my-organization/-/dashboard
            router_eu->>pod_eu0: GET /organizations/my-organization/-/dashboard [cache, attempt 1]
            pod_eu0->>user: 200 <h1>My Company Dashboard</h1> X-Gitlab-Pod-Cache={"path_prefix": "/organizations/my-organization/"}
        """),
    ),
    Flow(
        section=NEW,
        title="Would like to create an organization",
        router="router_eu",
        user=None,
        chances=("pod_eu1", "pod_eu1", "pod_eu1"),
        form={
            "username": "founder",
            "password": "a-new-password",
            "organization": "create",
            "path": "new-organization",
        },
        remembers=("/organizations/new-organization/* => pod_eu0", EU_USERS),
        hops=hops("""
            user->>router_eu: GET /users/sign_up
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/users/sign_up
            pod_eu1->>router_eu: 200 {"path": "/users", "pod": "pod_eu0", "source": "fixed"}
            router_eu->>pod_eu0: GET /users/sign_up [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>Sign up</h1>
            user->>router_eu: POST /users/sign_up
            router_eu->>pod_eu0: POST /users/sign_up [cache, attempt 1]
            pod_eu0->>user: 302 /
            user->>router_eu: GET /
            router_eu->>pod_eu1: GET / [strategy, attempt 1]
            pod_eu1->>user: 302 /organizations/new-organization/-/dashboard
            user->>router_eu: GET /organizations/new-organization/-/dashboard
            router_eu->>pod_eu1: GET /api/v4/pods/learn?method=GET&path_info=/organizations/new-organization/-/dashboard
            pod_eu1->>router_eu: 200 {"path": "/organizations/new-organization", "pod": "pod_eu0", "source": "routable"}
            router_eu->>pod_eu0: GET /organizations/new-organization/-/dashboard [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>new-organization Dashboard</h1> X-Gitlab-Pod-Cache={"path_prefix": "/organizations/new-organization/"}
        """),
    ),
    Flow(
        section=ADMIN,
        title="Loads /admin page",
        router="router_us",
        user="root",
        chances=("pod_us1", "pod_us1"),
        remembers=("/admin => pod_us0", "/admin/pods/pod_us0/* => pod_us0"),
        hops=hops("""
            user->>router_us: GET /admin
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/admin
            pod_us1->>router_us: 200 {"path": "/admin", "pod": "pod_us0", "source": "fixed", "exact": true}
            router_us->>pod_us0: GET /admin [strategy, attempt 1]
            pod_us0->>user: 302 /admin/pods/pod_us0
            user->>router_us: GET /admin/pods/pod_us0
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/admin/pods/pod_us0
            pod_us1->>router_us: 200 {"path": "/admin/pods/pod_us0", "pod": "pod_us0", "source": "routable"}
            router_us->>pod_us0: GET /admin/pods/pod_us0 [strategy, attempt 1]
            pod_us0->>user: 200 <h1>Admin Area</h1> X-Gitlab-Pod-Cache={"path_prefix": "/admin/pods/pod_us0/"}
        """),
    ),
    Flow(
        section=ADMIN,
        title="Chooses a pod in the dropdown for its projects",
        router="router_us",
        user="root",
        chances=("pod_us1",),
        knows=("/admin => pod_us0", "/admin/pods/pod_us0/* => pod_us0"),
        remembers=(
            "/admin => pod_us0",
            "/admin/pods/pod_eu0/* => pod_eu0",
            "/admin/pods/pod_us0/* => pod_us0",
        ),
        hops=hops("""
            user->>router_us: GET /admin?pod=pod_eu0
            router_us->>pod_us0: GET /admin?pod=pod_eu0 [cache, attempt 1]
            pod_us0->>user: 302 /admin/pods/pod_eu0
            user->>router_us: GET /admin/pods/pod_eu0
            router_us->>pod_us1: GET /api/v4/pods/learn?method=GET&path_info=/admin/pods/pod_eu0
            pod_us1->>router_us: 200 {"path": "/admin/pods/pod_eu0", "pod": "pod_eu0", "source": "routable"}
            router_us->>pod_eu0: GET /admin/pods/pod_eu0 [strategy, attempt 1]
            pod_eu0->>user: 200 <h1>Admin Area</h1> X-Gitlab-Pod-Cache={"path_prefix": "/admin/pods/pod_eu0/"}
            user->>router_us: GET /admin/pods/pod_eu0/projects
            router_us->>pod_eu0: GET /admin/pods/pod_eu0/projects [cache, attempt 1]
            pod_eu0->>user: 200 <h1>Projects on pod_eu0</h1> X-Gitlab-Pod-Cache={"path_prefix": "/admin/pods/pod_eu0/"}
        """),
    ),
)
