"""Where a request would go and why, said without sending anything.

The steps are asked in the order in which the router itself asks; the first that
knows an answer gives it.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from pods.config import Config, RuleConfig
from pods.http1.heads import KNOWN_METHODS
from pods.routing.paths import is_ambiguous, is_learn_endpoint
from pods.routing.rules import Rules


@attrs.frozen
class Explanation:
    """One answer."""

    goes_to: str
    because: str

    def __str__(self) -> str:
        return f"goes to: {self.goes_to}\nbecause: {self.because}"


def explain(config: Config, method: str, target: str) -> Explanation:
    """Where the router of this configuration would send a request.

    :param method: in capitals.
    :param target: a path, perhaps with a query, which takes no part.
    """
    path = target.partition("?")[0]
    answers = (step(config, method, path) for step in (_refused, _learn_endpoint, _rule))
    return next((answer for answer in answers if answer), None) or _strategy(config, path)


Step = Callable[[Config, str, str], Explanation | None]


def _refused(config: Config, method: str, path: str) -> Explanation | None:
    if method in ("CONNECT", "TRACE"):
        return Explanation("nobody, the router answers 405", f"{method} is not relayed")
    if method.encode("utf-8") not in KNOWN_METHODS:
        return Explanation("nobody, the router answers 501", f"{method} is no method it knows")
    return None


def _learn_endpoint(config: Config, method: str, path: str) -> Explanation | None:
    if not is_learn_endpoint(path):
        return None
    return Explanation("nobody, the router answers 404", "the learn endpoint is for routers only")


def _rule(config: Config, method: str, path: str) -> Explanation | None:
    rule = Rules(config.rules).match(method, path)
    if rule is None:
        return None
    goes_to = _whatever_says(rule.strategy) if rule.strategy else _pod(config, rule.pod or "")
    return Explanation(goes_to, f"rules[{config.rules.index(rule) + 1}] has {_condition(rule)}")


def _strategy(config: Config, path: str) -> Explanation:
    because = "no rule matches; a route that a running router has learned would come first"
    if is_ambiguous(path):
        because = "no rule matches; the path is ambiguous, so no route is looked up or learned"
    return Explanation(_whatever_says(config.router.strategy), because)


def _whatever_says(strategy: str) -> str:
    return f"whatever pod strategy {strategy} chooses"


def _pod(config: Config, name: str) -> str:
    return f"pod {name} at {config.pods[name].endpoint or config.pods[name].url}"


def _condition(rule: RuleConfig) -> str:
    path = f'exact = "{rule.exact}"' if rule.exact is not None else f'path = "{rule.path}"'
    methods = f" and methods = {sorted(rule.methods)}" if rule.methods else ""
    return path + methods
