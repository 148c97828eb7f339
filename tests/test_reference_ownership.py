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


def owner(path: str, cluster: Cluster = EU1) -> Owner | None:
    return owner_of(path, cluster, ROUTES.get)


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
        ):
            self.assertIsNone(owner(path), path)

    def test_learn_answers_of_the_proposals(self) -> None:
        for path, answer in (
            ("/my-company/my-project", LearnAnswer("/my-company", "pod_eu0")),
            ("/users/sign_in", LearnAnswer("/users", "pod_eu0", "fixed")),
            ("/-/profile", LearnAnswer("/-/profile", "pod_eu0", "fixed", exact=True)),
            ("/dashboard", LearnAnswer("/dashboard", "pod_us0", "routable")),
            ("/admin", LearnAnswer("/admin", "pod_us0", "fixed", exact=True)),
        ):
            found = owner(path)
            assert found is not None
            self.assertEqual(found.learn_answer, answer)

    def test_only_what_has_one_owner_is_taught(self) -> None:
        taught = {
            path: found.claim
            for path in ("/my-company/x", "/admin/pods/pod_us1/x", "/users", "/dashboard", "/admin")
            if (found := owner(path)) is not None
        }
        self.assertEqual(
            taught,
            {
                "/my-company/x": CacheClaim("/my-company/"),
                "/admin/pods/pod_us1/x": CacheClaim("/admin/pods/pod_us1/"),
                "/users": None,
                "/dashboard": None,
                "/admin": None,
            },
        )

    @given(
        st.lists(
            st.sampled_from(
                [*ROUTES, *REGIONS, "users", "admin", "pods", "-", "profile", "dashboard", ""]
            ),
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
