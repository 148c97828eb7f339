"""One request to a pod and its answer, as values that know nothing of sockets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote

import attrs
from twisted.web.template import Flattenable

from pods.protocol import HeaderNames, Redirect
from pods.reference.people import User
from pods.reference.sessions import SESSION_SECONDS

SESSION_COOKIE = "pods_session"
FIELDS_LIMIT = 50  #: of a query or a form
# Browsers take "//host", "/\host" and "/<tab>/host" for another site's address.
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@attrs.frozen(kw_only=True)
class Visit:
    """A request, read."""

    method: str  #: HEAD is GET here
    target: str  #: path and query, as the router sent them
    query: Mapping[str, str]
    form: Mapping[str, str]
    json: bytes | None = None  #: the body, if it says that it is JSON
    token: str  #: of the session, or ""
    marks: Mapping[str, int] = attrs.field(factory=dict)  #: how far the session has written
    headers: Mapping[str, str] = attrs.field(factory=dict)  #: by names in small letters
    user: User | None = None

    @property
    def path(self) -> str:
        """The target without its query, percent-encoded."""
        return self.target.partition("?")[0]


def fields_of(text: str) -> dict[str, str]:
    """The fields of a query or a form; of several with one name, the last.

    :raises ValueError: there are too many, or one has a NUL, which no database keeps.
    """
    fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_LIMIT))
    if any("\0" in value for value in fields.values()):
        raise ValueError("A field has a NUL in it.")
    return fields


def session_token(cookie_header: str) -> str:
    """The session's token in a ``Cookie`` header, or ""."""
    return cookie_of(cookie_header, SESSION_COOKIE)


def cookie_of(cookie_header: str, name: str) -> str:
    """One cookie in a ``Cookie`` header, or ""."""
    try:
        morsel = SimpleCookie(cookie_header).get(name)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def from_this_site(headers: Mapping[str, str]) -> bool:
    """Whether a form is from a page of this very site, or no browser's, as far as is told.

    A subdomain is another site here: who has one must not act for the users of this one.  Browsers
    without ``Sec-Fetch-Site`` send ``Origin``; its scheme may be what a proxy in front has ended.
    """
    fetched = headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == headers.get("host", "").lower()


def local_path(target: str, otherwise: str = "/") -> str:
    """``target`` if it stays on this site, else ``otherwise``: no open redirects."""
    return target if _LOCAL_PATH.fullmatch(target) else otherwise


@attrs.frozen
class Answer:
    """What a pod says to a request."""

    status: int
    content: Flattenable | bytes = b""  #: a page's elements, or bytes as they are
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/html; charset=utf-8"

    def with_header(self, name: str, value: str) -> Answer:
        """The same answer with one more header."""
        return attrs.evolve(self, headers=(*self.headers, (name, value)))


def redirect(location: str) -> Answer:
    """Send the user elsewhere on this site."""
    return Answer(HTTPStatus.FOUND, headers=(("Location", location),))


def to_sign_in(visit: Visit) -> Answer:
    """Send the user through the login flow, and back here afterwards, unless with a form."""
    back = visit.target if visit.method == "GET" else "/"
    return redirect(f"/users/sign_in?redirect={quote(back, safe='/')}")


def bounce(visit: Visit, pod: str, names: HeaderNames, once: bool = False) -> Answer:
    """Send the router to another pod with the same request.

    :param once: True if what decided is not in the path, so that nothing can be learned from it.
    """
    header = Redirect(pod, once).format()
    return redirect(visit.target).with_header(names.redirect, header)


def signed_in(visit: Visit, answer: Answer, token: str) -> Answer:
    """The answer, with the cookie that keeps the session; "" ends it."""
    seconds = SESSION_SECONDS if token else 0
    cookie = f"{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}"
    if visit.headers.get("x-forwarded-proto") == "https":
        cookie += "; Secure"
    return answer.with_header("Set-Cookie", cookie)
