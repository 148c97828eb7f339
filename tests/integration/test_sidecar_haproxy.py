"""HAProxy before applications that know nothing of pods."""

from __future__ import annotations

from tests.integration import sidecar_cases, sidecar_routes, sidecar_words
from tests.integration.http_pod import Exchange
from tests.integration.sidecar_cases import Change
from tests.integration.sidecars import EU, EU_APPLICATION
from tests.integration.support import MIB, ask

PROGRAM = "haproxy"
BIND = 'bind "127.0.0.1:${PORT}"'
REDIRECT = """hdr X-Gitlab-Pod-Redirect '{"pod": "%[var(txn.owner)]"}'"""
BOUNCES = "if is_known !is_mine"
CLAIM = """X-Gitlab-Pod-Cache '{"path_prefix": "%[var(txn.prefix)]/"}'"""
TEACHES = "if is_mine is_shown !is_doubtful"
TELLS = "if is_learn is_known !is_doubtful"
NO_PATH = "return status 400 if is_learn !{ url_param(path_info),url_dec -m beg / }"
#: In place of the pod of the longest prefix.
OWNER = "http-request set-var(txn.owner) var(txn.prefix),map_str(tenants.map)"
WHOLE = """http-request set-var(txn.prefix) var(txn.path)
    http-request set-var(txn.owner) var(txn.path),map_str(tenants.map)"""
BEGINS = """http-request set-var(txn.owner) var(txn.path),map_beg(tenants.map)
    http-request set-var(txn.prefix) str(/my-company) if { var(txn.path) -m beg /my-company }
    http-request set-var(txn.prefix) str(/gitlab-org) if { var(txn.path) -m beg /gitlab-org }"""


def changed(old: str, new: str) -> Change:
    return ("haproxy.cfg", old, new)


def besides(name: str) -> Change:
    """One more header, with all answers of the application."""
    return changed(TEACHES, f"{TEACHES}\n    http-response set-header X-Gitlab-Pod-{name} pod_x")


class HowToTests(sidecar_cases.HowToCases):
    program = PROGRAM


class MapTests(sidecar_cases.MapCases):
    program = PROGRAM
    configuration = "haproxy.cfg"


class WordTests(sidecar_words.WordCases):
    program = PROGRAM

    def test_an_answer_that_begins_before_the_upload_has_ended(self) -> None:
        def answer(exchange: Exchange) -> None:
            exchange.respond(200, (b"%d\n" % len(piece) for piece in exchange.body()))

        self.application(EU_APPLICATION, answer)
        self.start("pod_eu0")
        answered = ask(self.sidecars.address(EU), "/my-company/x", "POST", bytes(16 * MIB))
        self.assertEqual(sum(map(int, answered.body.split())), 16 * MIB)


class RouterTests(sidecar_routes.RouterCases):
    program = PROGRAM
    taciturn = (changed(TEACHES, f"{TEACHES} FALSE"), changed(TELLS, f"{TELLS} FALSE"))


class FaultTests(sidecar_cases.FaultCases):
    program = PROGRAM
    faults = {
        "the body is read first": (
            [changed(BIND, f"{BIND}\n    option http-buffer-request")],
            {"bounce-before-body", "bounce-before-100"},
        ),
        "only GET is bounced": (
            [changed(BOUNCES, f"{BOUNCES} {{ method GET }}")],
            {"bounce-head", "bounce-post"},
        ),
        "another status": (
            [changed("status 307 ", "status 303 ")],
            {"redirect-status"},
        ),
        "an unreadable redirect": (
            [changed(REDIRECT, "hdr X-Gitlab-Pod-Redirect {pod:%[var(txn.owner)]}")],
            {"redirect-header"},
        ),
        "a redirect twice": (
            [changed(REDIRECT, f"{REDIRECT} {REDIRECT}")],
            {"redirect-header"},
        ),
        "a redirect with every answer": (
            [besides("Redirect")],
            {"redirect-status", "redirect-agrees", "bounce-teaches"},
        ),
        "bounces that teach": (
            [changed(REDIRECT, f"{REDIRECT} hdr {CLAIM}")],
            {"bounce-teaches"},
        ),
        "404 teaches": (
            [changed(TEACHES, "if is_mine")],
            {"cache-status"},
        ),
        "an unreadable claim": (
            [changed(CLAIM, "X-Gitlab-Pod-Cache %[var(txn.prefix)]/")],
            {"cache-header"},
        ),
        "a claim to everything": (
            [changed('"%[var(txn.prefix)]/"', '"/"')],
            {"cache-path"},
        ),
        "a claim for another pod": (
            [changed('"%[var(txn.prefix)]/"', '"%[var(txn.prefix)]/", "pod": "pod_us0"')],
            {"cache-pod"},
        ),
        "a header of the routers'": (
            [besides("Route")],
            {"other-headers"},
        ),
        "a sign-in before learn": (
            [changed(NO_PATH, "redirect location /sign-in if is_learn")],
            {"learn-status", "learn-bad-query"},
        ),
        "learn without a path is answered": (
            [changed(NO_PATH, "return status 200 if is_learn !{ url_param(path_info) -m found }")],
            {"learn-bad-query"},
        ),
        "a learn answer that is no JSON": (
            [changed('"%[var(txn.owner)]", "source"', '%[var(txn.owner)], "source"')],
            {"learn-json"},
        ),
        "a learn answer for everything": (
            [changed('"%[var(txn.prefix)]", "pod"', '"/", "pod"')],
            {"learn-path"},
        ),
        "a learn answer that names another pod": (
            [changed('"%[var(txn.owner)]", "source"', '"pod_x", "source"')],
            {"redirect-agrees", "cache-pod"},
        ),
        "prefixes that are no segments": (
            [changed(OWNER, BEGINS)],
            {"prefix-boundary"},
        ),
        "only the paths of the map themselves": (
            [changed(OWNER, WHOLE)],
            {"trailing-slash", "prefix-below"},
        ),
        "the name of another pod": (
            [changed('-m str "${POD}"', "-m str pod_us0")],
            {"redirect-elsewhere"},
        ),
        "no answer": (
            [changed(NO_PATH, "silent-drop")],
            {"reachable"},
        ),
    }
