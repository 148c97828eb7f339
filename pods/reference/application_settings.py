"""The settings of the application: shared by all pods, and yet different where they must be.

They are in the shared database ``admin``, in the two ways that the proposals name.  A row of
``application_settings`` is for all pods, and may be a template: ``$pod`` and ``$region`` are
filled in by each.  A row of ``per_pod_application_settings`` is for one pod, and goes before.

Source: "Detailed explanation of Admin Area settings" of both proposals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template
from types import MappingProxyType

import attrs

from pods.errors import PodsError
from pods.reference.databases import Database, writing

VALUE_LIMIT = 200  #: characters, before anything is filled in
_FILLED_IN = frozenset({"pod", "region"})


@attrs.frozen
class Known:
    """A setting that there is."""

    meaning: str
    default: str
    pattern: re.Pattern[str]  #: of its value, with everything filled in
    allowed: str  #: the same in words


KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        "site_name": Known(
            "What the site is called in the titles of pages",
            "Pods",
            re.compile(r"\S.{0,59}"),
            "1 to 60 characters",
        ),
        "announcement": Known(
            "What stands on every page, above all else", "", re.compile(".*"), "any text"
        ),
        "signup_enabled": Known(
            "Whether anybody may sign up", "yes", re.compile("yes|no"), "yes or no"
        ),
        "elasticsearch_url": Known(
            "Where a pod's search engine is",
            "",
            re.compile(r"(https?://[^\s/]+(/\S*)?)?"),
            "an http or https URL, or nothing",
        ),
    }
)


class SettingError(PodsError):
    """A value that a setting cannot have; says what would be right."""


@attrs.frozen
class Setting:
    """One setting, as one pod has it."""

    name: str
    shared: str  #: for all pods, perhaps with something to fill in
    own: str  #: for this pod only, likewise; "" if it has none
    value: str  #: what counts here


@attrs.frozen
class ApplicationSettings:
    """Reads and writes the settings, as one pod sees them.

    :param admin: the shared database.
    :param pod: its name.
    :param region: where it is.
    """

    _admin: Database
    _pod: str
    _region: str

    def all(self) -> Mapping[str, Setting]:
        """Every setting that there is, by its name."""
        shared = self._values("select name, value from application_settings")
        own = self._values(
            "select name, value from per_pod_application_settings where pod_id = ?", self._pod
        )
        return {name: self._setting(name, shared, own) for name in KNOWN}

    def value(self, name: str) -> str:
        """What counts here."""
        return self.all()[name].value

    def change(self, name: str, value: str) -> None:
        """Set it for all pods.

        :raises SettingError: it cannot have this value.
        """
        self._check(name, value)
        with writing(self._admin) as tx:
            tx.upsert("application_settings", {"name": name, "value": value})

    def change_own(self, name: str, value: str) -> None:
        """Set it for this pod only; "" for what is set for all.

        :raises SettingError: it cannot have this value.
        """
        if value:
            self._check(name, value)
        with writing(self._admin) as tx:
            tx.execute(
                "delete from per_pod_application_settings where pod_id = ? and name = ?",
                [self._pod, name],
            )
            if value:
                row = {"pod_id": self._pod, "name": name, "value": value}
                tx.insert("per_pod_application_settings", row)

    def _values(self, sql: str, *values: object) -> dict[str, str]:
        return {row["name"]: row["value"] for row in self._admin.query(sql, values)}

    def _setting(self, name: str, shared: Mapping[str, str], own: Mapping[str, str]) -> Setting:
        for_all, for_this = shared.get(name, KNOWN[name].default), own.get(name, "")
        return Setting(name, for_all, for_this, self._filled_in(for_this or for_all))

    def _filled_in(self, value: str) -> str:
        return Template(value).safe_substitute(pod=self._pod, region=self._region)

    def _check(self, name: str, value: str) -> None:
        known, template = KNOWN[name], Template(value)
        if len(value) > VALUE_LIMIT:
            raise SettingError(f"{name}: over {VALUE_LIMIT} characters.")
        if not template.is_valid() or not _FILLED_IN.issuperset(template.get_identifiers()):
            raise SettingError(f"{name}: only $pod and $region are filled in; write $$ for a $.")
        if known.pattern.fullmatch(self._filled_in(value)) is None:
            raise SettingError(f"{name}: must be {known.allowed}.")
