"""The pages that search, the same for programs, and the suggestions for an input field.

``/search`` says nothing of an organization, so the pod that gets it bounces it, for this once,
to the pod of the one that the query names or that the user begins with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

import attrs
from twisted.web.template import Tag, tags

from pods.reference.access import may_see
from pods.reference.api.answers import answer, not_found
from pods.reference.application import Pod
from pods.reference.organizations import home_of, organizations_of
from pods.reference.ownership import Owner
from pods.reference.pages import button, field, form, links, note
from pods.reference.people import PUBLIC_ORGANIZATION, PUBLIC_ORGANIZATION_NAME
from pods.reference.search import Found, elsewhere, found, suggested, words_of
from pods.reference.visible import Visible
from pods.reference.visits import Answer, Visit, bounce


async def show(pod: Pod, visit: Visit) -> Answer:
    """``/search``: in one organization, the user's own if none is named."""
    placed = _placed(pod, visit, pod.pages.not_found(visit))
    return placed if isinstance(placed, Answer) else of_organization(pod, visit, placed)


async def autocomplete(pod: Pod, visit: Visit) -> Answer:
    """``/search/autocomplete``: what an input field may suggest, as JSON."""
    placed = _placed(pod, visit, not_found().answer)
    if isinstance(placed, Answer):
        return placed
    hits = suggested(Visible(pod, visit.user, placed), words_of(visit))
    return _as_json(pod, visit, placed, hits)


async def for_programs(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``GET /api/v4/search``: what the page shows, as JSON."""
    placed = _placed(pod, visit, not_found().answer)
    return placed if isinstance(placed, Answer) else _found_as_json(pod, visit, placed)


async def of_organization_for_programs(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``GET /api/organizations/<organization>/search``."""
    if owner.route is None or not may_see(visit.user, owner.route):
        raise not_found()
    return _found_as_json(pod, visit, owner.route.organization)


def of_organization(pod: Pod, visit: Visit, organization: str) -> Answer:
    """The page that searches an organization of this pod, which the user may see."""
    visible, words = Visible(pod, visit.user, organization), words_of(visit)
    hits = list(found(visible, words) if words else suggested(visible, words))
    name = _name(pod, organization)
    nothing = [tags.p("Nothing was found.")] if words and not hits else []
    return pod.pages.page(
        visit,
        f"Search in {name}",
        _form(organization, words),
        *_listed(hits),
        *nothing,
        note(f"Only {name} is searched here. Other organizations are searched one by one:"),
        links(_urls(elsewhere(pod, visit.user, organization, words))),
    )


def _placed(pod: Pod, visit: Visit, nowhere: Answer) -> str | Answer:
    """The organization to search, if it is on this pod; else what to answer.

    :param nowhere: the answer if it is none of the user's.
    """
    own = PUBLIC_ORGANIZATION if visit.user is None else visit.user.default_organization
    organization = visit.query.get("organization") or own
    if organization not in organizations_of(pod, visit.user):
        return nowhere
    home = home_of(pod, organization)
    return organization if home == pod.cluster.me else bounce(visit, home, pod.names, once=True)


def _found_as_json(pod: Pod, visit: Visit, organization: str) -> Answer:
    hits = found(Visible(pod, visit.user, organization), words_of(visit))
    return _as_json(pod, visit, organization, hits)


def _as_json(pod: Pod, visit: Visit, organization: str, hits: Iterable[Found]) -> Answer:
    others = elsewhere(pod, visit.user, organization, words_of(visit))
    return answer(
        {
            "organization": organization,
            "found": [attrs.asdict(one) for one in hits],
            "not_searched": [{"name": one.label, "url": one.url} for one in others],
        }
    )


def _name(pod: Pod, organization: str) -> str:
    known = pod.tenants.organization(organization)
    return PUBLIC_ORGANIZATION_NAME if known is None else known.name


def _form(organization: str, words: str) -> Tag:
    return form(
        "/search",
        tags.input(type="hidden", name="organization", value=organization),
        field("search", "Search", "search", value=words),
        button("Search"),
        method="get",
    )


def _listed(hits: Iterable[Found]) -> Iterator[Tag]:
    for category, several in groupby(hits, key=attrgetter("category")):
        yield tags.h2(category)
        yield links(_urls(several))


def _urls(several: Iterable[Found]) -> Iterator[tuple[str, str]]:
    return ((one.url, one.label) for one in several)
