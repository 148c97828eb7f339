"""The router's own cookie among those of others, which stay as they are, byte for byte.

Pure.  Pairs in ``Cookie`` end at every ``;``, within quotes as well, as browsers and RFC 6265,
section 5.4, have it.  Source: requirements H.
"""

from __future__ import annotations

from collections.abc import Iterable

from pods.http1.fields import Field, tokens

_BLANK = b" \t"
#: Directives by which shared caches may keep a response whatever else is said, or that make
#: sense only for one that they keep (RFC 9111, section 5.2.2; RFC 8246).
_SHARED = {b"public", b"s-maxage", b"immutable"}
_UNSHARED = {b"private", b"no-store"}


def take_out(fields: list[Field], values: list[bytes], name: bytes) -> tuple[list[Field], bytes]:
    """The fields of a request without our cookie, and its value.

    :param values: those of all ``Cookie`` fields.
    :param name: our cookie's; empty: there is none.
    :returns: the value is empty if the cookie is absent, or there more than once.
    """
    ours = [value for value in values if name in value] if name else ()
    if not ours:
        return fields, b""
    kept: list[Field] = []
    found: list[bytes] = []
    for field in fields:
        if field[1] in ours and field[0].lower() == b"cookie":
            others = _without(field[1], name, found)
            if others:
                kept.append((field[0], others))
        else:
            kept.append(field)
    return kept, found[0] if len(found) == 1 else b""


def _without(line: bytes, name: bytes, found: list[bytes]) -> bytes:
    """What is left of a ``Cookie`` field; appends our cookie's values to ``found``."""
    pairs = line.split(b";")
    others = []
    for pair in pairs:
        key, _, value = pair.partition(b"=")
        if name in pair and key.strip(_BLANK) == name:
            found.append(value.strip(_BLANK))
        else:
            others.append(pair)
    if len(others) == len(pairs):
        return line
    left = b";".join(others).strip(_BLANK)
    return left if left.strip(b"; \t") else b""


def without_setting(fields: list[Field], values: list[bytes], name: bytes) -> list[Field]:
    """The fields of a response but for those that set a cookie of our name.

    :param values: those of all ``Set-Cookie`` fields.
    :param name: our cookie's; empty: there is none.
    """
    if not name or not any(name in value for value in values):
        return fields
    return [
        field
        for field in fields
        if not (name in field[1] and field[0].lower() == b"set-cookie" and _sets(field[1], name))
    ]


def _sets(value: bytes, name: bytes) -> bool:
    """Whether a browser would send this back as a cookie of that name.

    That of ``=name=value`` is empty, but sent back it reads ``name=value``.
    """
    pair = value.partition(b";")[0].lstrip(b" \t=")
    return pair.partition(b"=")[0].rstrip(_BLANK) == name


def setting(name: bytes, value: bytes, max_age_seconds: int, *, secure: bool) -> Field:
    """The field that sets our cookie; an empty value removes it from the browser.

    :param secure: the client came by https.
    """
    age_seconds = max_age_seconds if value else 0
    line = b"%b=%b; Path=/; HttpOnly; SameSite=Lax; Max-Age=%d" % (name, value, age_seconds)
    return b"Set-Cookie", line + b"; Secure" if secure else line


def accepts_html(accept: Iterable[bytes]) -> bool:
    """Whether these ``Accept`` values name ``text/html``, as those of browsers do."""
    return any(media.partition(b";")[0].strip(_BLANK) == b"text/html" for media in tokens(accept))


def may_set(status: int, fields: list[Field]) -> bool:
    """Whether a response can carry a cookie that is meant for one client alone.

    Only a success can: another status may be what both the absent and the forbidden get, and
    the cookie would tell them apart.  Nor can what a shared cache may keep and give to others.
    """
    if not 200 <= status < 300 or status == 206:
        return False
    told = set(tokens(_values(fields, b"cache-control")))
    names = {directive.partition(b"=")[0].rstrip(_BLANK) for directive in told}
    if not names.isdisjoint(_SHARED):
        return False
    if not told.isdisjoint(_UNSHARED):
        return True
    if told:
        return b"max-age" not in names or b"max-age=0" in told
    return not _values(fields, b"expires")


def _values(fields: list[Field], name: bytes) -> list[bytes]:
    return [field[1] for field in fields if field[0].lower() == name]
