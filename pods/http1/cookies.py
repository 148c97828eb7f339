"""The router's own cookie among those of others, which stay as they are, byte for byte.

Pure.  Pairs in ``Cookie`` end at every ``;``, within quotes as well, as browsers and RFC 6265,
section 5.4, have it.  Source: requirements H.
"""

from __future__ import annotations

from collections.abc import Iterable

from pods.http1.fields import Line, field_of, tokens, values_of

_BLANK = b" \t"
#: Directives by which shared caches may keep a response whatever else is said, or that make
#: sense only for one that they keep (RFC 9111, section 5.2.2; RFC 8246).
_SHARED = {b"public", b"s-maxage", b"immutable"}
_UNSHARED = {b"private", b"no-store"}


def take_out(lines: list[Line], values: list[bytes], name: bytes) -> tuple[list[Line], bytes]:
    """The fields of a request without our cookie, and its value.

    :param values: those of all ``Cookie`` fields.
    :param name: our cookie's; empty: there is none.
    :returns: the value is empty if the cookie is absent, or there more than once.
    """
    ours = [value for value in values if name in value] if name else ()
    if not ours:
        return lines, b""
    kept: list[Line] = []
    found: list[bytes] = []
    start = len(b"Cookie: ")
    for line in lines:
        if line[:start].lower() == b"cookie: " and line[start:] in ours:
            others = _without(line[start:], name, found)
            if others:
                kept.append(line[:start] + others)
        else:
            kept.append(line)
    return kept, found[0] if len(found) == 1 else b""


def _without(sent: bytes, name: bytes, found: list[bytes]) -> bytes:
    """What is left of a ``Cookie`` field's value; appends our cookie's values to ``found``."""
    pairs = sent.split(b";")
    others = []
    for pair in pairs:
        key, _, value = pair.partition(b"=")
        if name in pair and key.strip(_BLANK) == name:
            found.append(value.strip(_BLANK))
        else:
            others.append(pair)
    if len(others) == len(pairs):
        return sent
    left = b";".join(others).strip(_BLANK)
    return left if left.strip(b"; \t") else b""


def without_setting(lines: list[Line], values: list[bytes], name: bytes) -> list[Line]:
    """The fields of a response but for those that set a cookie of our name.

    :param values: those of all ``Set-Cookie`` fields.
    :param name: our cookie's; empty: there is none.
    """
    if not name or not any(name in value for value in values):
        return lines
    return [line for line in lines if not (name in line and _is_setting(line, name))]


def _is_setting(line: Line, name: bytes) -> bool:
    spelling, value = field_of(line)
    return spelling.lower() == b"set-cookie" and _sets(value, name)


def _sets(value: bytes, name: bytes) -> bool:
    """Whether a browser would send this back as a cookie of that name.

    That of ``=name=value`` is empty, but sent back it reads ``name=value``.
    """
    pair = value.partition(b";")[0].lstrip(b" \t=")
    return pair.partition(b"=")[0].rstrip(_BLANK) == name


def setting(name: bytes, value: bytes, max_age_seconds: int, *, secure: bool) -> Line:
    """The field that sets our cookie; an empty value removes it from the browser.

    :param secure: the client came by https.
    """
    age_seconds = max_age_seconds if value else 0
    attributes = b"; Path=/; HttpOnly; SameSite=Lax; Max-Age=%d" % age_seconds
    return b"Set-Cookie: %b=%b%b%b" % (name, value, attributes, b"; Secure" if secure else b"")


def accepts_html(accept: Iterable[bytes]) -> bool:
    """Whether these ``Accept`` values name ``text/html``, as those of browsers do."""
    return any(media.partition(b";")[0].strip(_BLANK) == b"text/html" for media in tokens(accept))


def may_set(status: int, lines: list[Line]) -> bool:
    """Whether a response can carry a cookie that is meant for one client alone.

    Only a success can: another status may be what both the absent and the forbidden get, and
    the cookie would tell them apart.  Nor can what a shared cache may keep and give to others.
    """
    if not 200 <= status < 300 or status == 206:
        return False
    told = set(tokens(values_of(lines, b"cache-control")))
    names = {directive.partition(b"=")[0].rstrip(_BLANK) for directive in told}
    if not names.isdisjoint(_SHARED):
        return False
    if not told.isdisjoint(_UNSHARED):
        return True
    if told:
        return b"max-age" not in names or b"max-age=0" in told
    return not values_of(lines, b"expires")
