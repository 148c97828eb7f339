"""The reference pages of errors and headers say what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pods import errors, protocol

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def table_rows(page: str) -> list[list[str]]:
    """The cells of every row of the page's first ``list-table``, without the heading."""
    text = (REFERENCE / page).read_text().partition(".. list-table::")[2]
    table = re.split(r"\n(?=\S)", text)[0]
    rows = re.split(r"^   \* - ", table, flags=re.MULTILINE)[2:]
    return [
        [" ".join(cell.split()) for cell in re.split(r"^     -", row, flags=re.MULTILINE)]
        for row in rows
    ]


def refusals(base: type[errors.Refusal] = errors.Refusal) -> Iterator[type[errors.Refusal]]:
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
        yield from refusals(kind)


class ErrorPageTests(SynchronousTestCase):
    def test_every_error_is_listed_as_it_is(self) -> None:
        listed = {cells[4].strip("`"): cells[1:4] for cells in table_rows("errors.rst")}
        expected = {
            kind.__name__: [
                str(kind.status),
                str(kind.retry_after_seconds or ""),
                "yes" if kind.closes else "",
            ]
            for kind in refusals()
        }
        self.assertEqual(listed, expected)

    def test_rows_are_sorted_by_status(self) -> None:
        statuses = [int(cells[1]) for cells in table_rows("errors.rst")]
        self.assertEqual(statuses, sorted(statuses))


class HeaderPageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.page = (REFERENCE / "headers.rst").read_text()

    def test_every_header_is_listed(self) -> None:
        listed = {cells[0].strip("`") for cells in table_rows("headers.rst")}
        names = protocol.HeaderNames()
        properties = [
            name
            for name, value in vars(protocol.HeaderNames).items()
            if isinstance(value, property)
        ]
        self.assertEqual(listed, {getattr(names, name) for name in properties})

    def test_examples_are_readable(self) -> None:
        names = protocol.HeaderNames()
        for name, kind in ((names.redirect, protocol.Redirect), (names.cache, protocol.CacheClaim)):
            values = re.findall(rf"^   {name}: (.*)$", self.page, re.MULTILINE)
            self.assertTrue(values)
            for value in values:
                self.assertEqual(kind.parse(value).format(), value)

    def test_the_learn_example_is_readable(self) -> None:
        (body,) = re.findall(r"^   (\{.*\})$", self.page, re.MULTILINE)
        self.assertEqual(protocol.LearnAnswer.parse(body).format(), body)
        target = protocol.learn_target("GET", "/gitlab-org/gitlab-test/-/issues")
        self.assertIn(f"GET {target} HTTP/1.1", self.page)

    def test_statuses_and_limits_are_the_code_s(self) -> None:
        bounce = sorted(protocol.BOUNCE_STATUSES)
        self.assertIn(f"status {bounce[0]}, {bounce[1]} or {bounce[2]}", self.page)
        silent = sorted(protocol.UNTEACHING_STATUSES)
        self.assertIn(f"A {silent[0]}, {silent[1]} or {silent[2]} teaches nothing", self.page)
        self.assertIn(f"at most {protocol.PATH_LIMIT_BYTES} bytes", self.page)
        for source in protocol.LEARN_SOURCES:
            self.assertIn(f"``{source}``:", self.page)
