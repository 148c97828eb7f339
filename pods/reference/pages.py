"""The pages as HTML: plain, usable without a mouse, and saying which pod and region answered.

Everything goes through ``twisted.web.template``, which escapes all text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

import attrs
from twisted.web.template import CharRef, Flattenable, Tag, tags

from pods.reference.ownership import Cluster
from pods.reference.people import User
from pods.reference.visits import Answer, Visit

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 45rem; margin: 0 auto; padding: 0 1rem }
nav a, nav form { display: inline-block; margin-right: 1rem }
label { display: block; margin: .5rem 0 }
footer { border-top: 1px solid; margin-top: 2rem }
[role=note], [role=alert] { border-left: .3rem solid; padding-left: .7rem }
"""
_SAFETY = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"),
    ("X-Content-Type-Options", "nosniff"),
)


@attrs.frozen
class Pages:
    """Makes whole pages of their main parts.

    :param settings: what the shared table ``application_settings`` says now.
    """

    cluster: Cluster
    settings: Callable[[], Mapping[str, str]]

    def page(
        self,
        visit: Visit,
        title: str,
        *content: Flattenable,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Answer:
        """A page with its title as heading."""
        root = tags.html(
            tags.head(
                tags.meta(charset="utf-8"),
                tags.meta(name="viewport", content="width=device-width, initial-scale=1"),
                tags.title(f"{title} - {self.settings().get('site_name', 'Pods')}"),
                tags.link(rel="icon", href="data:,"),
                tags.style(_STYLE),
            ),
            tags.body(
                tags.header(navigation(visit.user)),
                Tag("main")(tags.h1(title), *content),  # newer than `tags`
                tags.footer(tags.p(self._answered_by())),
            ),
            lang="en",
        )
        return Answer(status, root, _SAFETY)

    def _answered_by(self) -> Tag:
        pod, region = self.cluster.me, self.cluster.region
        return tags.small("Answered by ", tags.b(pod), " in region ", tags.b(region), ".")

    def not_found(self, visit: Visit) -> Answer:
        """The one page for what is not there and for what must not be seen."""
        text = "Nothing is here, or nothing that you may see."
        return self.page(visit, "Page not found", tags.p(text), status=HTTPStatus.NOT_FOUND)

    def refused(self, visit: Visit, title: str, problem: str, form: Tag) -> Answer:
        """A form once more, with what was wrong in it."""
        alert = tags.p(problem, role="alert")
        return self.page(visit, title, alert, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def navigation(user: User | None) -> Tag:
    """The links of every page."""
    if user is None:
        own = [link("/users/sign_in", "Sign in"), link("/users/sign_up", "Sign up")]
    else:
        sign_out = form("/users/sign_out", button("Sign out"))
        own = [link("/groups/new", "New group"), link("/-/profile", user.username), sign_out]
        own[:0] = [link("/admin", "Admin")] if user.admin else []
    return tags.nav(link("/", "Home"), *own, **{"aria-label": "Main"})


def link(path: str, text: str) -> Tag:
    """A link within the site."""
    return tags.a(text, href=path)


def links(found: Iterable[tuple[str, str]]) -> Tag:
    """A list of links: path and text of each."""
    return tags.ul(*(tags.li(link(path, text)) for path, text in found))


def note(text: str) -> Tag:
    """Something that the user should be aware of."""
    return tags.p(text, role="note")


def form(action: str, *content: Flattenable, method: str = "post") -> Tag:
    """A form that is sent to ``action``."""
    return tags.form(*content, action=action, method=method)


def field(name: str, label: str, kind: str = "text", **attributes: str) -> Tag:
    """A labelled field.

    :param kind: the ``type`` of the input.
    """
    return tags.label(label, CharRef(160), tags.input(name=name, type=kind, **attributes))


def choice(name: str, label: str, options: Iterable[tuple[str, str]], chosen: str = "") -> Tag:
    """A labelled drop-down list: value and text of each option."""
    items = [
        tags.option(text, value=value, **({"selected": ""} if value == chosen else {}))
        for value, text in options
    ]
    return tags.label(label, CharRef(160), tags.select(*items, name=name))


def button(text: str) -> Tag:
    """What sends a form."""
    return tags.button(text, type="submit")
