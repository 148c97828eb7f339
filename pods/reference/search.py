"""Search and suggestions, as far as one pod may answer.

An organization is on one pod, and no page shows what is in two organizations.  So a search is
of one organization, which that pod answers in full; where else the user could look is named,
with a link for each, and nothing is asked of other pods behind the user's back.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from urllib.parse import urlencode

import attrs

from pods.reference.application import Pod
from pods.reference.organizations import organizations_of
from pods.reference.people import PUBLIC_ORGANIZATION, User
from pods.reference.visible import Visible
from pods.reference.visits import Visit

WORDS_LIMIT = 200  #: characters; what is longer is cut off
FOUND_LIMIT = 20  #: of each kind


@attrs.frozen
class Found:
    """Something to go to."""

    category: str  #: ``Groups``, ``Projects``, ``Issues`` or ``Recent issues``
    label: str
    url: str


def words_of(visit: Visit) -> str:
    """What is looked for."""
    return visit.query.get("search", "")[:WORDS_LIMIT].strip()


def found(visible: Visible, words: str) -> Iterator[Found]:
    """What has these words in its name, in any case; nothing if there are none."""
    if words:
        groups = (Found("Groups", one.path, f"/{one.path}") for one in visible.groups())
        projects = (Found("Projects", one.name, f"/{one.path}") for one in visible.projects())
        issues = (Found("Issues", one.title, one.path) for one in visible.issues())
        for kind in (groups, projects, issues):
            yield from _first(kind, words)


def suggested(visible: Visible, words: str) -> Iterator[Found]:
    """What an input field may suggest: issues that were looked at lately, then what is found."""
    recent = (Found("Recent issues", one.title, one.path) for one in visible.recent_issues())
    yield from _first(recent, words)
    yield from found(visible, words)


def _first(several: Iterator[Found], words: str) -> Iterator[Found]:
    folded = words.casefold()
    hits = (one for one in several if folded in one.label.casefold())
    return islice(hits, FOUND_LIMIT)


def elsewhere(pod: Pod, user: User | None, organization: str, words: str) -> Iterator[Found]:
    """Where else this user could look: the other organizations, one link each."""
    for path, name in organizations_of(pod, user).items():
        if path != organization:
            yield Found("Not searched", name, search_url(path, words))


def search_url(organization: str, words: str) -> str:
    """The page that searches one organization."""
    if organization == PUBLIC_ORGANIZATION:
        return f"/search?{urlencode({'organization': organization, 'search': words})}"
    return f"/organizations/{organization}/-/search?{urlencode({'search': words})}"
