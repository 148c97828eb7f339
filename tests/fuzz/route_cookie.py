"""The route cookie: what the router has not written is nothing, and others' cookies stay."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import zip_longest

from pods.http1.cookies import take_out
from pods.http1.fields import Field
from pods.keys import KeyRing
from pods.routing.route_cookie import Hint, RouteCookies
from tests.fuzz.target import Target, promise, same
from tests.support_heads import fields_of, lines

NAME, NOW, MAX_BYTES = "_r", 1_800_000_000.0, 200
PODS = ("pod_a", "pod_b")
COOKIES = RouteCookies(KeyRing((b"k" * 32, b"o" * 32)), PODS, NAME, 3600, MAX_BYTES)
PATHS = ("/a/b", "/a")
LINES_LIMIT = 8
RIGHT = Hint("/a/b", "pod_b", exact=True, expires_at=NOW + 60)
OLD = RouteCookies(KeyRing((b"o" * 32,)), PODS, NAME, 3600, MAX_BYTES)


def written(*hints: Hint, by: RouteCookies = COOKIES) -> bytes:
    value = b""
    for hint in hints:
        value = by.updated(value, NOW, put=hint) or value
    return value


#: All that the router has ever written.
VALID = FRESH, TWO, FULL, BY_OLD = (
    written(RIGHT),
    written(Hint("/a", "pod_a", False, NOW + 9), RIGHT),
    written(*(Hint(f"/{n}", "pod_a", False, NOW + 9) for n in range(20))),
    written(Hint("/a", "pod_b", False, NOW + 3600), by=OLD),
)


def check(data: bytes) -> bool:
    """Take the lines as those of ``Cookie`` fields, and each as a value of ours, too."""
    lines = data.replace(b"\r", b"\n").split(b"\n")[:LINES_LIMIT]
    fields = [(b"Cookie", line.strip(b" \t")) for line in lines]
    accepted = check_taken_out(fields)
    for line in lines:
        accepted |= check_value(line)
        check_value(line.ljust(20, b"A")[:20] + reencoded(line[20:]))
    return accepted


def reencoded(payload: bytes) -> bytes:
    """Another spelling of the same bytes, if there is one."""
    try:
        raw = urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
    except ValueError:
        return payload
    return urlsafe_b64encode(raw).rstrip(b"=")


def check_taken_out(fields: list[Field]) -> bool:
    """Whether our cookie was there, once; all other pairs go on as they are, in order."""
    left, value = take_out(lines(fields), [line for _, line in fields], NAME.encode())
    ours = [own for _, line in fields for own in pairs(line) if named(own) == NAME.encode()]
    for (_, line), (_, expected) in zip_longest(
        fields_of(left), others(fields), fillvalue=(b"", b"?")
    ):
        same(line, expected, "others' cookies are not as they were")
    sent = [own.partition(b"=")[2].strip(b" \t") for own in ours]
    same(value, sent[0] if len(sent) == 1 else b"", "another value")
    check_value(value)
    return bool(value)


def others(fields: list[Field]) -> list[Field]:
    """The fields without our cookie, the slow way."""
    found = []
    for name, line in fields:
        kept = [pair for pair in pairs(line) if named(pair) != NAME.encode()]
        if len(kept) == len(pairs(line)):
            found.append((name, line))
        elif any(pair.strip(b" \t") for pair in kept):
            found.append((name, b";".join(kept).strip(b" \t")))
    return found


def pairs(line: bytes) -> list[bytes]:
    return line.split(b";")


def named(pair: bytes) -> bytes:
    return pair.split(b"=")[0].strip(b" \t")


def check_value(value: bytes) -> bool:
    """Whether it is ours; if not, it changes nothing."""
    found = [COOKIES.find(value, path, NOW) for path in PATHS]
    after = COOKIES.updated(value, NOW, put=RIGHT, drop=found[0])
    if value not in VALID:
        same(found, [None] * len(PATHS), "believed although the router did not write it")
        same(after, FRESH, "it leaves traces")
        return False
    now_there = value if after is None else after
    promise(len(now_there) <= MAX_BYTES, "too large", now_there)
    same(COOKIES.find(now_there, RIGHT.path, NOW), RIGHT, "what was put in is not found")
    return True


TARGET = Target(
    check,
    seeds=(
        b"a=1; _r=" + FRESH + b"; b=2",
        b"_r=" + TWO + b"\na=1",
        b"a=1;;_r = " + FULL + b" ;\n_rb=1",
        b"_r=" + BY_OLD,
        FRESH,
        b"_r=" + FRESH + b"\n_r=" + FRESH,
        b"_r=x; _r=y",
        b'a="1; _r=2"; _r; b',
        FRESH[:20] + TWO[20:],
        FULL[:-1],
    ),
    words=(b"_r=", b"; _r=", b";", b"=", b"; ", b"\n", b"\t", b'"', FRESH, FRESH[:20], BY_OLD[20:]),
)
