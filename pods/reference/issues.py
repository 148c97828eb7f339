"""The issues of a pod's projects, and which of them a user has looked at lately.

Both are in the pod's own database ``main``: a title belongs to an organization, and does not
leave its pod.  So a pod can suggest what was seen on it, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from pods.reference.databases import Database
from pods.reference.ids import Ids
from pods.reference.tenancy import changing

KIND = "issues"  #: what their ids are leased as
RECENT_LIMIT = 5  #: how many of the issues seen last are remembered for a user


@attrs.frozen
class Issue:
    """A row of a pod's own table ``issues``."""

    id: int  #: no other issue on any pod has it
    project: str  #: ``my-company/my-project``
    title: str
    author: str

    @property
    def path(self) -> str:
        """Where its page is."""
        return f"/{self.project}/-/issues/{self.id}"


@attrs.frozen
class Issues:
    """Reads and writes issues."""

    _main: Database
    _ids: Ids

    def add(self, organization: str, project: str, title: str, author: str) -> Issue:
        """Make an issue in a project of this pod.

        :raises pods.reference.tenancy.Held: the organization is about to change pods.
        """
        issue = Issue(self._ids.next(KIND), project, title, author)
        with changing(self._main, organization) as tx:
            tx.insert("issues", attrs.asdict(issue))
        return issue

    def of_id(self, number: int) -> Issue | None:
        """The issue with that id."""
        row = self._main.one("select * from issues where id = ?", number)
        return None if row is None else Issue(**row)

    def of_project(self, project: str) -> Sequence[Issue]:
        """The issues of a project, the oldest first."""
        return self._found("select * from issues where project = ? order by id", project)

    def note_seen(self, organization: str, username: str, issue: Issue, now_seconds: float) -> None:
        """Remember that a user looks at an issue; the oldest of too many is forgotten.

        :param now_seconds: since 1970.
        :raises pods.reference.tenancy.Held: the organization is about to change pods.
        """
        row = {"username": username, "issue_id": issue.id, "seen_at": now_seconds}
        with changing(self._main, organization) as tx:
            tx.upsert("recent_issues", row)
            tx.execute(
                "delete from recent_issues where username = ? and issue_id not in"
                " (select issue_id from recent_issues where username = ?"
                " order by seen_at desc, issue_id desc limit ?)",
                (username, username, RECENT_LIMIT),
            )

    def count_by(self, project: str, author: str) -> int:
        """How many issues of a project are by that user."""
        row = self._main.one(
            "select count(*) as issues from issues where project = ? and author = ?",
            project,
            author,
        )
        return 0 if row is None else int(row["issues"])

    def seen(self, username: str) -> Sequence[Issue]:
        """The issues that a user has looked at on this pod, the last one first."""
        return self._found(
            "select issues.* from issues join recent_issues"
            " on issue_id = id where username = ? order by seen_at desc, id desc",
            username,
        )

    def _found(self, sql: str, *values: Any) -> Sequence[Issue]:
        return [Issue(**row) for row in self._main.query(sql, values)]
