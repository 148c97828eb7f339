"""nginx before applications that know nothing of pods."""

from __future__ import annotations

from tests.integration import sidecar_cases, sidecar_routes, sidecar_words
from tests.integration.sidecar_cases import Change

PROGRAM = "nginx"
REDIRECTED = "    add_header X-Gitlab-Pod-Redirect $pods_redirect always;\n"
TAUGHT = "    add_header X-Gitlab-Pod-Cache $pods_claim always;\n"
REDIRECT = """'{"pod": "$pods_owner"}'"""
CLAIM = """'{"path_prefix": "$pods_prefix/"}'"""
NOBODYS = """    if ($pods_owner = "") { return 404; }\n"""
#: In place of the decision by the longest prefix.
BEST = 'map "$pods_try_4 $pods_hit_4" $pods_best_4 { "~^(\\S+) \\1 " $pods_hit_4;'
WHOLE = "map $pods_path $pods_best_4 { include tenants.nginx;"
BEGINS = """map $pods_path $pods_best_4 {
    "~^/my-company" "/my-company pod_eu0";
    "~^/gitlab-org" "/gitlab-org pod_us0";"""
#: A bounce by what stands behind nginx, which is given a request when it is complete.
LATE = """
location = /elsewhere {
    add_header X-Gitlab-Pod-Redirect $pods_redirect always;
    proxy_pass http://application;
}
location / {"""
ONLY_GET = """set $bounced "";
    if ($request_method = GET) { set $bounced $pods_redirect; }
    if ($bounced)"""


def owners(old: str, new: str) -> Change:
    return ("owners.conf", old, new)


def sidecar(old: str, new: str) -> Change:
    return ("sidecar.conf", old, new)


def learn(old: str, new: str) -> Change:
    return ("learn.conf", old, new)


class HowToTests(sidecar_cases.HowToCases):
    program = PROGRAM


class MapTests(sidecar_cases.MapCases):
    program = PROGRAM
    configuration = "pod_eu0.conf"

    def test_names_that_differ_in_capitals_only(self) -> None:
        """nginx cannot have both, and says so."""
        self.sidecars.own({"/team": "pod_eu0", "/Team": "pod_us0"})
        with self.assertRaisesRegex(AssertionError, "conflicting parameter"):
            self.start("pod_eu0")


class WordTests(sidecar_words.WordCases):
    program = PROGRAM


class RouterTests(sidecar_routes.RouterCases):
    program = PROGRAM
    taciturn = (sidecar(TAUGHT, ""), learn(NOBODYS, "    return 404;\n"))


class FaultTests(sidecar_cases.FaultCases):
    program = PROGRAM
    faults = {
        "the body is read first": (
            [sidecar("=307 $pods_owner", "=307 /elsewhere"), sidecar("\nlocation / {", LATE)],
            {"bounce-before-body", "bounce-before-100"},
        ),
        "only GET is bounced": (
            [sidecar("if ($pods_redirect)", ONLY_GET)],
            {"bounce-head", "bounce-post"},
        ),
        "another status": (
            [sidecar("=307 ", "=303 ")],
            {"redirect-status"},
        ),
        "an unreadable redirect": (
            [owners(REDIRECT, "'{pod: $pods_owner}'")],
            {"redirect-header"},
        ),
        "a redirect twice": (
            [sidecar(REDIRECTED, REDIRECTED + REDIRECTED)],
            {"redirect-header"},
        ),
        "a redirect with every answer": (
            [sidecar("$pods_redirect always", "pod_us0 always")],
            {"redirect-status", "redirect-agrees", "bounce-teaches"},
        ),
        "bounces that teach": (
            [sidecar("$pods_claim", CLAIM)],
            {"bounce-teaches", "cache-status"},
        ),
        "404 teaches": (
            [owners("~^(?:101|2..|304)  ", "~^...  ")],
            {"cache-status"},
        ),
        "an unreadable claim": (
            [owners(CLAIM, "$pods_prefix/")],
            {"cache-header"},
        ),
        "a claim to everything": (
            [owners("$pods_prefix/", "/")],
            {"cache-path"},
        ),
        "a claim for another pod": (
            [owners('$pods_prefix/"', '$pods_prefix/", "pod": "pod_us0"')],
            {"cache-pod"},
        ),
        "a header of the routers'": (
            [sidecar(TAUGHT, TAUGHT.replace("Cache", "Route"))],
            {"other-headers"},
        ),
        "a sign-in before learn": (
            [sidecar("return 400", "return 302 /sign-in"), learn(NOBODYS, "return 302 /sign-in;")],
            {"learn-status", "learn-bad-query"},
        ),
        "a learn answer that is no JSON": (
            [learn('"pod": "$pods_owner"', '"pod": $pods_owner')],
            {"learn-json"},
        ),
        "a learn answer for everything": (
            [learn("$pods_prefix", "/")],
            {"learn-path"},
        ),
        "a learn answer that names another pod": (
            [learn('"pod": "$pods_owner"', '"pod": "pod_x"')],
            {"redirect-agrees", "cache-pod"},
        ),
        "prefixes that are no segments": (
            [owners(BEST, BEGINS)],
            {"prefix-boundary"},
        ),
        "only the paths of the map themselves": (
            [owners(BEST, WHOLE), owners("default $pods_best_3;", "")],
            {"trailing-slash", "prefix-below"},
        ),
        "the name of another pod": (
            [("pod_eu0.conf", "default pod_eu0", "default pod_us0")],
            {"redirect-elsewhere"},
        ),
        "no answer": (
            [("pod_eu0.conf", "include sidecar.conf", "return 444")],
            {"reachable"},
        ),
    }
