"""The ``[[rules]]`` of ``router.toml``: places that the operator has fixed."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Generic, Protocol, TypeVar

import attrs

from pods.routing.paths import ROOT, normalized


class Rule(Protocol):
    """What decides whether a rule applies; where it leads is for others."""

    @property
    def path(self) -> str | None:
        """A segment prefix, if ``exact`` is None."""

    @property
    def exact(self) -> str | None:
        """A whole path, if ``path`` is None."""

    @property
    def methods(self) -> Set[str] | None:
        """The methods that it is for; None: all."""


RuleType = TypeVar("RuleType", bound=Rule)


class Rules(Generic[RuleType]):
    """Finds the first rule for a request.

    Paths are compared as they were sent, ambiguous ones as well: a rule chooses a pod, it
    keeps nobody out.

    :param rules: in the order of the configuration.
    """

    def __init__(self, rules: Iterable[RuleType]) -> None:
        self._tests = tuple((_PathTest.of(rule), rule.methods, rule) for rule in rules)

    def match(self, method: str, path: str) -> RuleType | None:
        """The first rule that applies, or None.

        :param method: such as ``GET``, in capitals.
        :param path: as the client sent it.
        """
        path = normalized(path)
        for test, methods, rule in self._tests:
            if (path == test.path or path.startswith(test.below)) and (
                methods is None or method in methods
            ):
                return rule
        return None


@attrs.frozen
class _PathTest:
    """A rule's path, made ready so that a request costs two comparisons."""

    path: str
    below: str | tuple[str, ...]  #: what paths under it begin with; ``()``: there are none

    @classmethod
    def of(cls, rule: Rule) -> _PathTest:
        if rule.exact is not None:
            return cls(normalized(rule.exact), ())
        path = normalized(rule.path or ROOT)
        # Below "/" is everything, "OPTIONS *" as well.
        return cls(path, "" if path == ROOT else path + "/")
