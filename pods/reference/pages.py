"""The pages as HTML: plain, usable without a mouse or a script, and saying which pod answered.

Everything goes through ``twisted.web.template``, which escapes all text.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from http import HTTPStatus

import attrs
from twisted.web.template import Flattenable, Tag, tags

from pods.reference.application_settings import ApplicationSettings
from pods.reference.ownership import Cluster
from pods.reference.people import User
from pods.reference.visits import Answer, Visit

_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 48rem; margin: 0 auto; padding: 0 1rem }
header { border-bottom: 1px solid; padding: .5rem 0 }
footer { border-top: 1px solid; margin-top: 2rem }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline }
nav ul { list-style: none; margin: 0; padding: 0 }
nav [aria-current] { font-weight: bold }
input, select, button { font: inherit; padding: .2rem .5rem; max-width: 100% }
label, fieldset { display: block; margin: .75rem 0 }
label input:not([type=radio]), label select, label small { display: block }
form { margin: .75rem 0 }
header form { margin: 0 }
table { border-collapse: collapse; table-layout: fixed; width: 100%; margin: .75rem 0 }
td input { width: 100%; box-sizing: border-box }
th, td { border: 1px solid; padding: .25rem .5rem; text-align: left; overflow-wrap: anywhere }
aside, [role=note], [role=alert] { border-left: .3rem solid; padding-left: .7rem }
:focus-visible { outline: .2rem solid; outline-offset: .15rem }
.skip { position: absolute; left: -99rem }
.skip:focus { position: static }
"""
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_SAFETY = (
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:;"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
)


@attrs.frozen
class Pages:
    """Makes whole pages of their main parts."""

    cluster: Cluster
    settings: ApplicationSettings

    def page(
        self,
        visit: Visit,
        title: str,
        *content: Flattenable,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Answer:
        """A page with its title as heading."""
        settings = self.settings.all()
        announcement = settings["announcement"].value
        root = _document(
            f"{title} - {settings['site_name'].value}",
            visit,
            *([tags.aside(announcement, **{"aria-label": "Announcement"})] if announcement else []),
            _main(title, *content),
            tags.footer(tags.p(self._answered_by())),
        )
        return Answer(status, root, _SAFETY)

    def _answered_by(self) -> Tag:
        pod, region = self.cluster.me, self.cluster.region
        return tags.small("Answered by ", tags.b(pod), " in region ", tags.b(region), ".")

    def not_found(self, visit: Visit) -> Answer:
        """The one page for what is not there and for what must not be seen.

        The same from every pod: what is private is answered by the pod that holds it, and what
        is not there by any.
        """
        title, text = "Page not found", "Nothing is here, or nothing that you may see."
        root = _document(title, visit, _main(title, tags.p(text)))
        return Answer(HTTPStatus.NOT_FOUND, root, _SAFETY)

    def refused(self, visit: Visit, title: str, problem: str, *content: Flattenable) -> Answer:
        """A form once more, after what was wrong in it."""
        alert = tags.p(problem, role="alert", tabindex="-1", autofocus="")
        return self.page(visit, title, alert, *content, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _document(title: str, visit: Visit, *content: Flattenable) -> Tag:
    return tags.html(
        tags.head(
            tags.meta(charset="utf-8"),
            tags.meta(name="viewport", content="width=device-width, initial-scale=1"),
            tags.title(title),
            tags.link(rel="icon", href="data:,"),
            tags.style(_STYLE),
        ),
        tags.body(
            tags.a("Skip to the content", href="#content", class_="skip"),
            tags.header(_main_navigation(visit)),
            *content,
        ),
        lang="en",
    )


def _main(title: str, *content: Flattenable) -> Tag:
    return Tag("main")(tags.h1(title), *content, id="content", tabindex="-1")  # newer than `tags`


def _main_navigation(visit: Visit) -> Tag:
    """The links of every page."""
    out = form("/users/sign_out", button("Sign out"))
    more = [] if visit.user is None else [tags.li(out)]
    return navigation(visit, "Main", _destinations(visit.user), *more)


def _destinations(user: User | None) -> Iterator[tuple[str, str]]:
    yield "/", "Home"
    yield "/search", "Search"
    if user is None:
        yield "/users/sign_in", "Sign in"
        yield "/users/sign_up", "Sign up"
        return
    if user.admin:
        yield "/admin", "Admin"
    yield "/groups/new", "New group"
    yield "/-/profile", user.username


def navigation(visit: Visit, name: str, destinations: Iterable[tuple[str, str]], *more: Tag) -> Tag:
    """Links to pages of which this may be one: path and text of each.

    :param name: what this navigation is called.
    :param more: items that are no links.
    """

    def item(path: str, text: str) -> Tag:
        current = {"aria-current": "page"} if visit.path == path else {}
        return tags.li(tags.a(text, href=path, **current))

    items = [item(path, text) for path, text in destinations]
    return tags.nav(tags.ul(*items, *more), **{"aria-label": name})


def link(path: str, text: str) -> Tag:
    """A link within the site."""
    return tags.a(text, href=path)


def links(found: Iterable[tuple[str, str]]) -> Tag:
    """A list of links: path and text of each."""
    return tags.ul(*(tags.li(link(path, text)) for path, text in found))


def note(text: str) -> Tag:
    """Something that the user should be aware of."""
    return tags.p(text, role="note")


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[Flattenable]]) -> Tag:
    """A table; the first cell of each row says what the row is about."""
    body = (
        tags.tr(tags.th(first, scope="row"), *(tags.td(cell) for cell in cells))
        for first, *cells in rows
    )
    head = tags.tr(*(tags.th(text, scope="col") for text in heads))
    return tags.table(tags.caption(caption), tags.thead(head), tags.tbody(*body))


def form(action: str, *content: Flattenable, method: str = "post") -> Tag:
    """A form that is sent to ``action``."""
    return tags.form(*content, action=action, method=method)


def field(name: str, label: str, kind: str = "text", hint: str = "", **attributes: str) -> Tag:
    """A labelled field.

    :param kind: the ``type`` of the input.
    :param hint: what may be written in it.
    """
    given = tags.input(name=name, type=kind, **attributes)
    return tags.label(label, " ", given, *([tags.small(hint)] if hint else []))


def choice(name: str, label: str, options: Iterable[tuple[str, str]], chosen: str = "") -> Tag:
    """A labelled drop-down list: value and text of each option."""
    items = [
        tags.option(text, value=value, **({"selected": ""} if value == chosen else {}))
        for value, text in options
    ]
    return tags.label(label, " ", tags.select(*items, name=name))


def button(text: str) -> Tag:
    """What sends a form."""
    return tags.button(text, type="submit")
