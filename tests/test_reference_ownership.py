"""Whose a path is: bounces, what is taught, and learn answers all come from it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pods.protocol import CacheClaim, LearnAnswer
from pods.reference.ownership import Cluster, Kind, Owner, TenantRoute, owner_of
from pods.routing.paths import covers

REGIONS = {"pod_us0": "us", "pod_us1": "us", "pod_eu0": "eu", "pod_eu1": "eu"}
US1 = Cluster(me="pod_us1", regions=REGIONS, legacy="pod_us0")
EU1 = Cluster(me="pod_eu1", regions=REGIONS, legacy="pod_us0")
ROUTES = {
    route.path: route
    for route in (
        TenantRoute("gitlab-org", "pod_us0", "gitlab-com-public", private=False),
        TenantRoute("my-company", "pod_eu0", "my-organization", private=True),
        TenantRoute("organizations/my-organization", "pod_eu0", "my-organization", private=True),
    )
}


WORDS = (
    *("users", "admin", "pods", "-", "profile", "dashboard", ""),
    *("api", "v4", "projects", "2001", "jobs", "request", "my-company%2Fx", "organizations"),
)
IDS = {("projects", 2001): "pod_eu0", ("namespaces", 1): "pod_us0", ("jobs", 7): "pod_us1"}


def owner(path: str, cluster: Cluster = EU1) -> Owner | None:
    return owner_of(path, cluster, ROUTES.get, lambda kind, number: IDS.get((kind, number)))


class OwnershipTests(SynchronousTestCase):
    def assert_owner(
        self,
        paths: tuple[str, ...],
        kind: Kind,
        prefix: str,
        pod: str,
        exact: bool = False,
        cluster: Cluster = EU1,
    ) -> None:
        for path in paths:
            found = owner(path, cluster)
            assert found is not None, path
            self.assertEqual(
                (found.kind, found.path, found.pod, found.exact), (kind, prefix, pod, exact), path
            )

    def test_namespaces_are_their_pods(self) -> None:
        paths = (
            "/my-company",
            "/my-company/",
            "/my-company/my-project",
            "/my-company/my-project/-/issues",
            "/my-company//x",
        )
        self.assert_owner(paths, Kind.NAMESPACE, "/my-company", "pod_eu0")
        self.assert_owner(("/gitlab-org/gitlab",), Kind.NAMESPACE, "/gitlab-org", "pod_us0")

    def test_what_is_taught_is_spelt_as_it_was_asked(self) -> None:
        self.assert_owner(("/my%2Dcompany/x",), Kind.NAMESPACE, "/my%2Dcompany", "pod_eu0")

    def test_organizations_are_their_pods(self) -> None:
        paths = ("/organizations/my-organization", "/organizations/my-organization/-/dashboard")
        prefix = "/organizations/my-organization"
        self.assert_owner(paths, Kind.ORGANIZATION, prefix, "pod_eu0")

    def test_global_pages_are_the_legacy_pods(self) -> None:
        self.assert_owner(("/dashboard", "/dashboard/"), Kind.GLOBAL, "/dashboard", "pod_us0")

    def test_fixed_pages_are_the_first_pods_of_the_region(self) -> None:
        paths = ("/users/sign_in", "/users")
        self.assert_owner(paths, Kind.FIXED, "/users", "pod_eu0")
        self.assert_owner(paths, Kind.FIXED, "/users", "pod_us0", cluster=US1)
        self.assert_owner(("/groups/new",), Kind.FIXED, "/groups", "pod_eu0")
        self.assert_owner(("/-/profile",), Kind.FIXED, "/-/profile", "pod_eu0", exact=True)

    def test_admin_is_locked_to_the_legacy_pod_but_for_the_pages_of_a_pod(self) -> None:
        self.assert_owner(("/admin", "/admin/"), Kind.ADMIN, "/admin", "pod_us0", exact=True)
        paths = ("/admin/pods/pod_eu1", "/admin/pods/pod_eu1/projects")
        self.assert_owner(paths, Kind.POD_ADMIN, "/admin/pods/pod_eu1", "pod_eu1")

    def test_the_api_of_an_organization_is_its_pods(self) -> None:
        paths = (
            "/api/organizations/my-organization/graphql",
            "/api/organizations/my-organization/search",
        )
        self.assert_owner(paths, Kind.API, "/api/organizations/my-organization", "pod_eu0")

    def test_things_with_an_id_are_the_pods_that_made_them(self) -> None:
        for path, pod in (
            ("/api/v4/projects/2001", "pod_eu0"),
            ("/api/v4/groups/1", "pod_us0"),
            ("/api/v4/jobs/7", "pod_us1"),
        ):
            self.assert_owner((path, f"{path}/x", f"{path}/"), Kind.API, path, pod)

    def test_an_encoded_name_says_whose_it_is_but_teaches_nothing(self) -> None:
        for name in ("my-company%2Fmy-project", "my-company%2fmy-project", "my-company%2F%2F"):
            path = f"/api/v4/projects/{name}"
            self.assert_owner((path, f"{path}/issues"), Kind.API_ENCODED, path, "pod_eu0")
            found = owner(path)
            assert found is not None
            self.assertIsNone(found.claim)
        groups = ("/api/v4/groups/my-company", "/api/v4/groups/my-company/projects")
        self.assert_owner(groups, Kind.API, groups[0], "pod_eu0")

    def test_the_rest_of_the_api_is_anybodys(self) -> None:
        for path in ("/api/graphql", "/api/v4/jobs/request"):
            self.assert_owner((path, f"{path}/"), Kind.API_ANY, path, "pod_eu0", exact=True)
        for path in ("/api/v4/runners", "/api/v4/search", "/api/v4/user"):
            self.assert_owner((path, f"{path}/x"), Kind.API_ANY, path, "pod_us0", cluster=US1)
        self.assert_owner(("/search", "/search/autocomplete"), Kind.FIXED, "/search", "pod_eu0")

    def test_nobodys(self) -> None:
        for path in (
            "/",
            "//",
            "*",
            "",
            "/nothing",
            "/my-company2",
            "/my-company.atom",
            "//my-company",
            "/organizations",
            "/organizations/",
            "/organizations/nothing",
            "/organizations%2Fmy-organization",
            "/admin/pods",
            "/admin/pods/pod_x",
            "/admin/settings",
            "/-/profile/x",
            "/my-company%2Fmy-project",
            "/api",
            "/api/v4",
            "/api/v3/projects/2001",
            "/api/graphql/x",
            "/api/organizations",
            "/api/organizations/nothing/graphql",
            "/api/v4/projects",
            "/api/v4/projects/2002",
            "/api/v4/projects/-1",
            "/api/v4/projects/\N{ARABIC-INDIC DIGIT TWO}",
            f"/api/v4/projects/{2**63}0",
            "/api/v4/projects/nothing%2Fx",
            "/api/v4/projects/organizations%2Fmy-organization",
            "/api/v4/jobs/my-company",
        ):
            self.assertIsNone(owner(path), path)

    def test_a_name_with_a_nul_is_not_looked_for(self) -> None:
        """Some databases cannot even be asked for it."""
        asked: list[str] = []
        for path in ("/%00", "/my%00company", "/organizations/%00", "/api/v4/projects/%00%2Fx"):
            found = owner_of(path, EU1, asked.append, lambda kind, number: None)
            self.assertIsNone(found, path)
        self.assertEqual(asked, [])

    def test_learn_answers_of_the_proposals(self) -> None:
        for path, answer in (
            ("/my-company/my-project", LearnAnswer("/my-company", "pod_eu0")),
            ("/users/sign_in", LearnAnswer("/users", "pod_eu0", "fixed")),
            ("/-/profile", LearnAnswer("/-/profile", "pod_eu0", "fixed", exact=True)),
            ("/dashboard", LearnAnswer("/dashboard", "pod_us0", "routable")),
            ("/admin", LearnAnswer("/admin", "pod_us0", "fixed", exact=True)),
            ("/api/graphql", LearnAnswer("/api/graphql", "pod_eu0", "fixed", exact=True)),
            ("/api/v4/projects/2001", LearnAnswer("/api/v4/projects/2001", "pod_eu0")),
        ):
            found = owner(path)
            assert found is not None
            self.assertEqual(found.learn_answer, answer)

    def test_only_what_has_one_owner_is_taught(self) -> None:
        taught = {
            path: found.claim
            for path in (
                "/my-company/x",
                "/admin/pods/pod_us1/x",
                "/api/v4/jobs/7/x",
                "/users",
                "/dashboard",
                "/admin",
                "/api/graphql",
            )
            if (found := owner(path)) is not None
        }
        self.assertEqual(
            taught,
            {
                "/my-company/x": CacheClaim("/my-company/"),
                "/admin/pods/pod_us1/x": CacheClaim("/admin/pods/pod_us1/"),
                "/api/v4/jobs/7/x": CacheClaim("/api/v4/jobs/7/"),
                "/api/graphql": None,
                "/users": None,
                "/dashboard": None,
                "/admin": None,
            },
        )

    @given(
        st.lists(
            st.sampled_from([*ROUTES, *REGIONS, *WORDS]),
            max_size=5,
        )
    )
    def test_an_owner_owns_a_prefix_of_what_was_asked_and_is_a_pod(
        self, segments: list[str]
    ) -> None:
        path = "/" + "/".join(segments)
        found = owner(path)
        if found is not None:
            self.assertIn(found.pod, REGIONS)
            self.assertTrue(covers(found.path, path, found.exact), path)
            self.assertNotEqual(found.path, "/")
