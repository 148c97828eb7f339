"""What clients remember for the router: routes in a cookie, as hints for when memory knows nothing.

Source: requirements H; the proposals' second-level cache.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from pods.config import CookieConfig
from pods.http1.cookies import may_set, setting
from pods.http1.fields import Line
from pods.http1.request import RequestHead
from pods.http1.response import ResponseHead
from pods.keys import KeyRing
from pods.routing.route_cookie import Hint, Placed, RouteCookies


@attrs.frozen
class CookieJar:
    """Reads the cookies that clients send, and decides which they get.

    :param wall_seconds: the time of day, in seconds since the epoch.
    """

    _cookies: RouteCookies
    _config: CookieConfig
    _name: bytes
    _wall_seconds: Callable[[], float]

    @classmethod
    def make(
        cls,
        config: CookieConfig,
        keys: KeyRing,
        pods: tuple[str, ...],
        wall_seconds: Callable[[], float],
    ) -> CookieJar:
        """The jar of a router with these pods."""
        cookies = RouteCookies(keys, pods, config.name, config.ttl_seconds, config.max_bytes)
        return cls(cookies, config, config.name.encode("ascii"), wall_seconds)

    def hint(self, request: RequestHead) -> Hint | None:
        """What the client's cookie says about the request's path."""
        if not request.own_cookie or not self._config.enabled:
            return None
        return self._cookies.find(request.own_cookie, request.path, self._wall_seconds())

    def new_value(
        self,
        request: RequestHead,
        response: ResponseHead,
        known: Placed | None,
        wrong: Hint | None,
    ) -> bytes | None:
        """The value that tells the client what is new to it; None if nothing is, or nobody may.

        :param known: the route that the pod's answer has confirmed.
        :param wrong: what the client's cookie said, if that was wrong.
        """
        if (known is None and wrong is None) or not self._config.enabled:
            return None
        own, is_success = request.own_cookie, 200 <= response.status < 300
        if not is_success or (not own and not request.takes_cookies):
            return None  # said before: what is set on few answers must cost the others nothing
        value = self._cookies.updated(own, self._wall_seconds(), put=known, drop=wrong)
        may_be_told = value is not None and may_set(response.status, response.lines)
        return value if may_be_told else None

    def line(self, value: bytes, *, is_https: bool) -> Line:
        """The field that gives this value to a client."""
        return setting(self._name, value, self._config.ttl_seconds, secure=is_https)
