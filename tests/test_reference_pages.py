"""The pages as those get them who do not see them, or have no mouse: read from the HTML."""

from __future__ import annotations

import hashlib
import itertools
import re
from base64 import b64encode
from collections.abc import Iterator
from html.parser import HTMLParser

import attrs

from pods.reference.visits import Answer
from tests.test_reference_application import ApplicationTestCase

_VOID = {"input", "link", "meta"}
#: Who visits which pod and what; nobody is "".
PAGES = (
    ("", "pod_us0", "/users/sign_in"),
    ("", "pod_us0", "/users/sign_up"),
    ("", "pod_us0", "/gitlab-org"),
    ("", "pod_us0", "/gitlab-org/gitlab"),
    ("", "pod_us0", "/search?search=gitlab"),
    ("taylor", "pod_us0", "/dashboard"),
    ("taylor", "pod_us0", "/nothing"),
    ("casey", "pod_eu0", "/organizations/my-organization/-/dashboard"),
    ("casey", "pod_eu0", "/organizations/my-organization/-/search?search=project"),
    ("casey", "pod_eu0", "/my-company/my-project"),
    ("casey", "pod_eu0", "/groups/new"),
    ("casey", "pod_eu0", "/-/profile"),
    ("root", "pod_eu0", "/admin/pods/pod_eu0"),
    ("root", "pod_eu0", "/admin/pods/pod_eu0/settings"),
    ("root", "pod_eu0", "/admin/pods/pod_eu0/organizations"),
    ("root", "pod_eu0", "/admin/pods/pod_eu0/projects"),
)


@attrs.define
class Element:
    """An element with all that is in it."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    inside: list[Element | str] = attrs.field(factory=list)

    def all(self) -> Iterator[Element]:
        """Itself and every element in it, in order."""
        yield self
        for one in self.inside:
            if isinstance(one, Element):
                yield from one.all()

    def found(self, *names: str) -> list[Element]:
        """Those with one of these names."""
        return [one for one in self.all() if one.tag in names]

    @property
    def text(self) -> str:
        """All text in it."""
        parts = (one.text if isinstance(one, Element) else one for one in self.inside)
        return "".join(parts)

    def within(self, tag: str) -> Element | None:
        """The nearest element of that name around it."""
        around = self.parent
        while around is not None and around.tag != tag:
            around = around.parent
        return around


class Reader(HTMLParser):
    """Makes elements of a page, and insists that each is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.inner = Element("", {}, None)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attributes}, self.inner)
        self.inner.inside.append(element)
        if tag not in _VOID:
            self.inner = element

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if self.inner.tag != tag or self.inner.parent is None:
            raise ValueError(f"</{tag}> in <{self.inner.tag}>")
        self.inner = self.inner.parent

    def handle_data(self, data: str) -> None:
        self.inner.inside.append(data)


def read(text: str) -> Element:
    """A page as its elements."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader.root


class AccessibleTests(ApplicationTestCase):
    """What WCAG 2.2 asks for and can be seen in the HTML."""

    def pages(self) -> Iterator[tuple[str, Element]]:
        for username, pod, target in PAGES:
            self.token = ""
            if username:
                self.sign_in(username)
            yield f"{username} at {target}", read(self.text(self.ask(pod, target)))
        self.token = ""
        yield "a refused form", read(self.text(self.refused()))

    def refused(self) -> Answer:
        return self.ask("pod_us0", "/users/sign_in", "POST", "username=x")

    def test_every_page(self) -> None:
        for name, page in self.pages():
            for check in (
                self.check_document,
                self.check_landmarks,
                self.check_headings,
                self.check_names,
                self.check_tables,
            ):
                with self.subTest(name, check=check.__name__):
                    check(page)

    def check_document(self, page: Element) -> None:
        (html,) = page.found("html")
        self.assertEqual(html.attributes, {"lang": "en"})
        (title,) = page.found("title")
        self.assertTrue(title.text.startswith(page.found("h1")[0].text))
        self.assertEqual(page.found("script", "iframe", "object"), [])
        self.assertEqual([one for one in page.all() if "style" in one.attributes], [])
        ids = [one.attributes["id"] for one in page.all() if "id" in one.attributes]
        self.assertEqual(len(ids), len(set(ids)))

    def check_landmarks(self, page: Element) -> None:
        (main,) = page.found("main")
        self.assertEqual(len(page.found("header")), 1)
        first = page.found("a")[0]
        self.assertEqual(first.attributes["href"], f"#{main.attributes['id']}")
        names = [nav.attributes.get("aria-label") for nav in page.found("nav")]
        self.assertEqual(len(names), len(set(names)))
        self.assertNotIn(None, names)

    def check_headings(self, page: Element) -> None:
        levels = [int(one.tag[1]) for one in page.found("h1", "h2", "h3", "h4")]
        self.assertEqual((levels[0], levels.count(1)), (1, 1))
        self.assertTrue(all(two <= one + 1 for one, two in itertools.pairwise(levels)))

    def check_names(self, page: Element) -> None:
        for one in page.found("input", "select"):
            if one.attributes.get("type") != "hidden":
                label = one.within("label")
                name = label.text if label else one.attributes.get("aria-label", "")
                self.assertNotEqual(name.strip(), "", one.attributes)
        for one in page.found("button", "a", "legend", "option"):
            self.assertNotEqual(one.text.strip(), "", one)
        for one in page.all():
            self.assertIn(one.attributes.get("tabindex", "-1"), ("-1", "0"))

    def check_tables(self, page: Element) -> None:
        for table in page.found("table"):
            self.assertEqual(len(table.found("caption")), 1)
            for head in table.found("th"):
                self.assertIn(head.attributes["scope"], ("row", "col"))

    def test_where_somebody_is(self) -> None:
        page = read(self.text(self.ask("pod_us0", "/users/sign_up")))
        current = [one.text for one in page.all() if "aria-current" in one.attributes]
        self.assertEqual(current, ["Sign up"])

    def test_what_was_wrong_is_said_first(self) -> None:
        page = read(self.text(self.refused()))
        (alert,) = (one for one in page.all() if one.attributes.get("role") == "alert")
        self.assertIn("autofocus", alert.attributes)
        self.assertIs(alert.parent, page.found("main")[0])


class SafetyTests(ApplicationTestCase):
    def test_the_only_style_is_the_one_that_the_policy_names(self) -> None:
        answer = self.ask("pod_us0", "/users/sign_in")
        (style,) = re.findall("<style>(.*?)</style>", self.text(answer), re.DOTALL)
        digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = self.header(answer, "Content-Security-Policy") or ""
        self.assertIn(f"style-src 'sha256-{digest}'", policy)
        for directive in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"):
            self.assertIn(directive, policy)

    def test_what_is_not_found_does_not_say_which_pod_looked(self) -> None:
        """A private name is looked for by the pod that holds it, and what is not there by any."""
        self.pods["pod_us0"].settings.change("site_name", "$pod")
        self.pods["pod_us0"].settings.change("announcement", "$pod")
        self.sign_in("taylor")
        seen = {self.text(self.ask(pod, "/nothing")) for pod in self.pods}
        seen.add(self.text(self.ask("pod_eu0", "/my-company")))
        self.assertEqual(len(seen), 1)
