"""What a path means to the router: prefixes on segment boundaries, and nothing cleverer.

A path is the target up to its first ``?``, as the client sent it and never decoded;
two paths are equal if their bytes are (contract, section 4, "Matching").  A slash
at the end changes nothing: ``/my-company/`` and ``/my-company`` are one path.

These functions know nothing of Twisted; strategies may use them as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from pods.protocol import LEARN_PATH

ROOT = "/"

# An encoded dot, slash or backslash; an empty segment; a segment of one or two dots,
# with parameters or without ("/..;x/" is "/../" to some servers).
_AMBIGUOUS = re.compile(r"%2[eEfF]|%5[cC]|//|\\|/\.\.?(?:[/;]|\Z)")
_ENCODED_PERCENT = re.compile(r"%(?:25)+")
#: Servers decode once, careless ones twice; deeper nesting is undone in one go anyway.
_DECODINGS = 3
#: What ends the name in a segment for some server: parameters, a query or fragment
#: that was encoded, blanks, control characters.
_SEGMENT_END = re.compile(r"[;?#\x00-\x20\x7f]")
_LEARN_SEGMENTS = [segment for segment in LEARN_PATH.split("/") if segment]


def is_ambiguous(path: str) -> bool:
    """Whether servers may disagree about what this path names.

    Such a path is forwarded unchanged, and neither looked up nor remembered: with
    ``/a/../b``, ``//a`` or ``/a%2Fb`` no one can say which prefixes it lies under.

    :param path: as the client sent it.  One that does not begin with ``/``, such
        as the ``*`` of ``OPTIONS *``, is ambiguous too.
    """
    if path[:1] != "/":  # cheaper than startswith
        return True
    # Most paths have none of these; asking for each is cheaper than one search.
    if "%" in path or "//" in path or "/." in path or "\\" in path:
        return _AMBIGUOUS.search(path) is not None
    return False


def normalized(path: str) -> str:
    """The path without a slash at its end; ``/`` stays as it is.

    :param path: with at most one slash at its end, as in every path that is not ambiguous.
    """
    return path[:-1] if path.endswith("/") and path != ROOT else path


def prefixes(path: str) -> Iterator[str]:
    """Every path that a prefix route to ``path`` can have, longest first, ``/`` left out.

    :param path: as the client sent it; not ambiguous.
    """
    prefix = normalized(path)
    while len(prefix) > 1:
        yield prefix
        prefix = prefix[: prefix.rfind("/")]


def covers(prefix: str, path: str, exact: bool = False) -> bool:
    """Whether ``path`` is ``prefix`` or lies under it; never ``/foobar`` under ``/foo``.

    :param exact: only the same path counts, nothing under it.
    """
    prefix, path = normalized(prefix), normalized(path)
    if exact or prefix == path:
        return prefix == path
    return prefix == ROOT or path.startswith(prefix + "/")


def is_learn_endpoint(path: str) -> bool:
    """Whether some server might take this path for the learn endpoint or for something under it.

    The endpoint answers routers only, so every spelling that a pod could undo counts:
    encoded once or more, in any case, with empty or dot segments, backslashes,
    parameters or a format (``learn.json``).
    """
    if "%" not in path and "learn" not in path.lower():
        return False
    return any(_is_learn(names) for names in _walk(path))


def leading_names(path: str, count: int) -> str:
    """What all spellings of the first ``count`` segments have in common.

    For telling names apart, never for routing: ``/A;x/b.json/c`` and ``//a/%62`` both
    give ``a/b`` for a count of 2.
    """
    steps = list(_walk(path))
    names = steps[-1] if steps else []
    return "/".join(name.split(".")[0] or name for name in names[:count])


def _is_learn(names: list[str]) -> bool:
    if len(names) != len(_LEARN_SEGMENTS):
        return False
    *folders, last = names
    return folders == _LEARN_SEGMENTS[:-1] and last.split(".")[0] == _LEARN_SEGMENTS[-1]


def _walk(path: str) -> Iterator[list[str]]:
    """Where one is after each segment, so that ``/learn/../x`` is seen to pass through learn."""
    names: list[str] = []
    for name in _lenient_names(path):
        if name == "..":
            del names[-1:]
        else:
            names.append(name)
        yield names


def _lenient_names(path: str) -> Iterator[str]:
    """The segments as the most lenient server would read them."""
    for segment in _decoded(path).lower().replace("\\", "/").split("/"):
        name = _SEGMENT_END.split(segment, maxsplit=1)[0]
        if name not in ("", "."):
            yield name


def _decoded(path: str) -> str:
    for _ in range(_DECODINGS):
        if "%" not in path:
            break
        path = unquote(_ENCODED_PERCENT.sub("%", path), "latin-1")
    return path
