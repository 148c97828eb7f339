"""Fields that only the router may set: sent by a client, in their own names and in aliases."""

from __future__ import annotations

from tests.garden.case import SMUGGLED, Family, Passed, get, post, serve, with_length

ALIASES = "advisories: aliases of names in CGI"
TRUST = "advisories: forged X-Forwarded-*"
NEXT = Passed(b"GET", b"/smuggled")
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def got(*has: bytes, lacks: tuple[bytes, ...] = ()) -> Passed:
    return Passed(b"GET", b"/g", has=has, lacks=lacks)


#: field, and the name that must not arrive.
FORGED = (
    ("underscore-for", b"X_Forwarded_For: 192.0.2.7", b"x_forwarded_for", ALIASES),
    ("underscore-proto", b"X-Forwarded_Proto: https", b"x-forwarded_proto", ALIASES),
    ("underscore-host", b"X_FORWARDED_HOST: evil", b"x_forwarded_host", ALIASES),
    ("underscore-real-ip", b"X_Real_IP: 192.0.2.7", b"x_real_ip", ALIASES),
    ("underscore-length", b"Content_Length: 5", b"content_length", ALIASES),
    ("underscore-coding", b"Transfer_Encoding: chunked", b"transfer_encoding", ALIASES),
    ("underscore-request-id", b"X_Request_Id: a", b"x_request_id", ALIASES),
    ("underscore-route", b"X_Gitlab_Pod_Route: rule", b"x_gitlab_pod_route", ALIASES),
    ("redirect", b"X-Gitlab-Pod-Redirect: pod_us0", b"x-gitlab-pod-redirect", TRUST),
    ("cache", b"X-Gitlab-Pod-Cache: {}", b"x-gitlab-pod-cache", TRUST),
    ("prefix", b"X-Gitlab-Pod-Anything: 1", b"x-gitlab-pod-anything", TRUST),
    ("forwarded-port", b"X-Forwarded-Port: 443", b"x-forwarded-port", TRUST),
    ("forwarded-prefix", b"X-Forwarded-Prefix: /evil", b"x-forwarded-prefix", TRUST),
    ("forwarded-scheme", b"X-Forwarded-Scheme: https", b"x-forwarded-scheme", TRUST),
)

#: field, and what it must have become.
REPLACED = (
    ("proto", b"X-Forwarded-Proto: https", b"x-forwarded-proto: http"),
    ("host", b"X-Forwarded-Host: evil.example", b"x-forwarded-host: garden.example"),
    ("route", b"X-Gitlab-Pod-Route: rule", b"x-gitlab-pod-route: strategy"),
    ("attempt", b"X-Gitlab-Pod-Attempt: 9", b"x-gitlab-pod-attempt: 1"),
)

FAMILY = Family(
    "aliases",
    "forged and aliased fields",
    (
        *(
            serve(id, get(field, field), "does not reach a pod", source, got(lacks=(name,)))
            for id, field, name, source in FORGED
        ),
        *(
            serve("replaced-" + id, get(field), "is replaced", TRUST, got(has))
            for id, field, has in REPLACED
        ),
        serve(
            "underscore-body",
            post(b"Content_Length: %d" % len(SMUGGLED), body=SMUGGLED),
            "an alias frames nothing",
            ALIASES,
            Passed(b"POST", b"/g", lacks=(b"content_length",)),
            NEXT,
        ),
        serve(
            "underscore-chunks",
            with_length(CHUNKS, b"Transfer_Encoding: chunked"),
            "an alias frames nothing",
            ALIASES,
            Passed(b"POST", b"/g", len(CHUNKS), lacks=(b"transfer_encoding",)),
        ),
        serve(
            "forwarded-for",
            get(b"X-Forwarded-For: 192.0.2.7", b"X-Real-IP: 192.0.2.7", b"Forwarded: for=evil"),
            "is replaced by the client's address",
            TRUST,
            got(lacks=(b"x_forwarded_for",)),
        ),
        serve(
            "long-request-id",
            get(b"X-Request-Id: " + b"a" * 500),
            "is replaced",
            "advisories: log injection",
            got(),
        ),
    ),
)
