"""Where a request would go and why, said without sending anything.

The steps are asked in the order in which the router itself asks; the first that
knows an answer gives it.  What only a client's cookie knows is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from pods.config import Config, RuleConfig
from pods.http1.heads import KNOWN_METHODS
from pods.interfaces import StoredRoute
from pods.routing.paths import is_ambiguous, is_learn_endpoint
from pods.routing.rules import Rules
from pods.wording import span


@attrs.frozen
class Explanation:
    """One answer."""

    goes_to: str
    because: str

    def __str__(self) -> str:
        return f"goes to: {self.goes_to}\nbecause: {self.because}"


def explain(
    config: Config, method: str, target: str, recall: Recall = lambda path: (), now: float = 0.0
) -> Explanation:
    """Where the router of this configuration would send a request.

    :param method: in capitals.
    :param target: a path, perhaps with a query, which takes no part.
    :param recall: the stored routes that cover a path, the best first.
    :param now: seconds since the epoch.
    """
    path = target.partition("?")[0]
    answers = (step(config, method, path) for step in (_refused, _learn_endpoint, _rule))
    known = next((answer for answer in answers if answer), None)
    return known or _remembered(config, path, recall, now) or _strategy(config, method, path)


Step = Callable[[Config, str, str], Explanation | None]
Recall = Callable[[str], Iterable[StoredRoute]]


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
    """A rule that names a pod; one that names a strategy has a say only if no route is known."""
    rule = Rules(config.rules).match(method, path)
    if rule is None or rule.pod is None:
        return None
    return Explanation(_pod(config, rule.pod), _said(config, rule))


def _remembered(config: Config, path: str, recall: Recall, now: float) -> Explanation | None:
    if is_ambiguous(path):
        return None
    route = next((route for route in recall(path) if route.pod in config.pods), None)
    if route is None or route.pod is None:
        return None
    kind = "exact route" if route.exact else "route"
    times = f"learned {span(now - route.learned_at)} ago, for {span(route.expires_at - now)} more"
    return Explanation(_pod(config, route.pod), f"the {kind} {route.path} is stored, {times}")


def _strategy(config: Config, method: str, path: str) -> Explanation:
    rule = Rules(config.rules).match(method, path)
    because = _said(config, rule) if rule is not None else "no rule matches"
    if is_ambiguous(path):
        because += "; the path is ambiguous, so no route is looked up or learned"
    else:
        because += "; no route is stored for it"
    strategy = rule.strategy if rule is not None and rule.strategy else config.router.strategy
    return Explanation(f"whatever pod strategy {strategy} chooses", because)


def _said(config: Config, rule: RuleConfig) -> str:
    return f"rules[{config.rules.index(rule) + 1}] has {_condition(rule)}"


def _pod(config: Config, name: str) -> str:
    return f"pod {name} at {config.pods[name].endpoint or config.pods[name].url}"


def _condition(rule: RuleConfig) -> str:
    path = f'exact = "{rule.exact}"' if rule.exact is not None else f'path = "{rule.path}"'
    methods = f" and methods = {sorted(rule.methods)}" if rule.methods else ""
    return path + methods
