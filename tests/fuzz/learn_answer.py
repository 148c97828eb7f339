"""The learn question and its answer: the pod gets the path as it is, and cannot claim more."""

from __future__ import annotations

from contextlib import suppress

from pods.errors import ProtocolError
from pods.http1.heads import HeadLimits, RequestHeadReader
from pods.interfaces import Route
from pods.protocol import (
    LEARN_PATH,
    LEARN_SOURCES,
    LearnAnswer,
    is_pod_name,
    learn_target,
    parse_learn_query,
)
from tests.fuzz.claims import check_acceptance, check_remembered, check_time, split
from tests.fuzz.target import Target, promise, same
from tests.support_heads import all_pass


def check(data: bytes) -> bool:
    """Take the first line as the asked path, and the others as a pod's answer and as a query."""
    parts = split(data)
    if parts is None:
        return False
    asked_path, body = parts
    check_question(asked_path)
    with suppress(ProtocolError):
        method, path = parse_learn_query(body.decode("latin-1"))
        promise(path.startswith("/"), "no path", method, path)
    try:
        answer = LearnAnswer.parse(body)
    except ProtocolError:
        return False
    check_answer(answer, asked_path)
    return True


def check_question(path: str) -> None:
    """The pod reads the path that was asked for, and nothing else."""
    target = learn_target("GET", path)
    found = RequestHeadReader(HeadLimits(), all_pass()).feed(
        b"GET %b HTTP/1.1\r\n\r\n" % target.encode()
    )
    promise(found is not None, "no request", target)
    endpoint, _, query = target.partition("?")
    same(endpoint, LEARN_PATH, "another endpoint")
    same(parse_learn_query(query), ("GET", path), "the pod reads another question")


def check_answer(answer: LearnAnswer, asked_path: str) -> None:
    same(LearnAnswer.parse(answer.format()), answer, "written and read again it differs")
    promise(is_pod_name(answer.pod), "no pod's name", answer)
    check_time(answer.ttl_seconds)
    promise(answer.source in LEARN_SOURCES, "no source", answer)
    if check_acceptance(answer.path, answer.exact, asked_path) is None:
        route = Route(answer.path, answer.pod, answer.exact, answer.ttl_seconds)
        check_remembered(route, asked_path)


TARGET = Target(
    check,
    seeds=(
        b'/a/b\n{"path": "/a", "pod": "pod_a", "source": "routable"}',
        b'/a/b\n{"path": "/a/b/", "pod": "pod_a", "exact": true, "ttl_seconds": 1}',
        b'/a/b\n{"path": "/c", "pod": "b", "source": "fixed", "ttl_seconds": 0}',
        b'/a/b\n{"path": "/", "pod": "b"}',
        b'/%41&x=y+z;%\n{"path": "/%41&x=y+z;%", "pod": "b"}',
        b'/a\n{"path": "/a", "pod": "b", "source": []}',
        b'/a\n{"path": "/a", "pod": "b", "ttl_seconds": 1e999}',
        b"/a\nmethod=GET&path_info=/a%2Fb",
        b"/a\nmethod=GET&path_info=/a&path_info=/b",
        b"/a\n[]",
    ),
    words=(
        b'"path": ', b'"pod": ', b'"source": ', b'"fixed"', b'"routable"', b'"exact": true',
        b'"ttl_seconds": ', b"1e999", b"NaN", b"\\u002f", b"/..", b"//", b"%2f", b"path_info=",
        b"&method=", b"{", b"}", b", ",
    ),
)  # fmt: skip
