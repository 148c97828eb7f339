"""What to implement, and what you get to work with.

A third party extends the router with one *dropin*: a Python file in a folder
``twisted/plugins/`` (without ``__init__.py``) that holds module-level objects
providing one of the factory interfaces below.  ``router.toml`` then names the
plugin::

    [router]
    strategy = "by-token"          # IRoutingStrategyFactory.name

    [strategy]                     # handed to from_config() as `options`
    header = "X-Tenant"

This module is imported by every process that looks for plugins, so it imports
next to nothing.  See ``docs/how-to/write-a-strategy`` for a complete example.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import attrs
from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

# -- values ------------------------------------------------------------------


@attrs.frozen
class Route:
    """A remembered fact: this path belongs to that pod.

    Accepted only if ``path`` is the asked path or a prefix of it on a segment
    boundary, and is not ``/`` (contract, section 4).

    :raises TypeError: path or pod is no string.
    """

    #: ``/my-company`` and ``/my-company/`` mean the same
    path: str = attrs.field(validator=attrs.validators.instance_of(str))
    pod: str = attrs.field(validator=attrs.validators.instance_of(str))  #: the pod's name
    exact: bool = False  #: only this path, nothing under it
    ttl_seconds: float | None = None  #: ``None``: ``cache.ttl_seconds``; 0: forget what is known


@attrs.frozen
class Placement:
    """Where one request goes."""

    pod: str  #: a configured pod's name
    #: True: the pod is known to own this request, so its body is streamed and
    #: only ``body.memory_bytes`` of it are kept.  False: the pod may bounce it,
    #: so all of the body is kept (memory, then disk) until it answers.
    certain: bool = False
    remember: Route | None = None  #: put into the route cache at once


class Clock(Protocol):
    """The part of ``IReactorTime`` that is needed; ``twisted.internet.task.Clock`` fits."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Any, *args: Any, **kw: Any) -> Any: ...


@attrs.frozen
class PodInfo:
    """A pod as strategies see it."""

    name: str
    region: str | None = None
    latest: bool = False
    healthy: bool = True  #: False while it is out because of failed connections or checks


@attrs.frozen
class PodAnswer:
    """A pod's complete answer to ``services.ask``."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


@attrs.frozen
class StoredRoute:
    """A route as a store keeps it.  Times are seconds since the epoch."""

    path: str  #: without a slash at its end
    exact: bool
    pod: str | None  #: None: what was learned before ``learned_at`` is wrong, and nothing is known
    learned_at: float
    expires_at: float  #: the first moment at which it no longer holds


@attrs.frozen
class Found:
    """What a store knows of one path."""

    #: The routes that cover it and hold now: the exact one first, then the longer before the
    #: shorter.
    routes: tuple[StoredRoute, ...] = ()
    #: The shortest prefix of the path, at least as long as the first of the prefix routes, for
    #: which there is no exact route, and below which there is no route at all.  ``/``: nothing is
    #: stored.  None: no prefix is like that.
    empty_below: str | None = None


@attrs.frozen
class Changes:
    """What other processes have changed in a store."""

    routes: Sequence[StoredRoute] = ()  #: in the order of the changes
    #: True: there were too many to follow; whatever is kept in memory may be wrong.
    lost_track: bool = False


# -- what a strategy gets ----------------------------------------------------


class IPods(Interface):
    """The configured pods."""

    def get(name: str) -> PodInfo | None:
        """The pod of that name, or None if none is configured."""

    def in_region(region: str | None) -> Sequence[PodInfo]:
        """The pods of that region, in the order of the configuration; all if ``region`` is None."""

    def random(region: str | None = None, exclude: Iterable[str] = ()) -> PodInfo | None:
        """A random pod that is healthy.

        :param region: only of this region; if that leaves none, of any region.
        :param exclude: names that must not come back.
        :returns: a sick pod rather than none; None only if every pod is excluded.
        """

    latest = Attribute("The PodInfo that runs the newest release, or None if none is marked.")
    all = Attribute("All PodInfos, in the order of the configuration.")


class IServices(Interface):
    """What the router lends to strategies, delay policies and stores."""

    pods = Attribute("The configured pods: an IPods.")
    clock = Attribute("IReactorTime: seconds() and callLater().  Never time.time().")
    random = Attribute("random.Random: the only source of chance.")
    region = Attribute("This router's region, or None.")
    header_prefix = Attribute("What the pods' headers begin with, such as X-Gitlab-Pod-.")

    def ask(pod: str, target: str, within_seconds: float = 10.0) -> Awaitable[PodAnswer]:
        """A small GET to a pod, over the router's own connections to it.

        No credentials and no headers of any user are sent.

        :param pod: the pod's name.
        :param target: path and query, fully percent-encoded.
        :param within_seconds: an answer that takes longer is a failure.
        :returns: the answer, whatever its status; the body is at most 64 KiB.
        :raises pods.errors.AskFailed: no connection, slow (:exc:`~pods.errors.AskTimeout`),
            oversized, no HTTP.
        """

    def secret(purpose: str) -> bytes:
        """32 bytes that nobody outside knows.  All workers of the router, and all routers that
        share its key file, have the same; they outlive restarts.

        Not for ``from_config()``: nothing is open yet.

        :param purpose: begins with your plugin's name; another purpose has another secret.
        """

    def counter(name: str, help: str, label: str = "", values: Iterable[str] = ()) -> Any:
        """A counter of your own, which ``/metrics`` shows as ``pods_plugin_NAME_total``.

        Call it in ``from_config()`` and keep what you get.  The same name gives the same
        counter, so that counting goes on when the configuration is read again.

        :param name: small letters, digits and ``_``, beginning with a letter; begin with your
            plugin's name.
        :param help: one sentence: what one more means.
        :param label: what the counts are told apart by, such as ``kind``; empty: by nothing.
        :param values: all that the label can be.  Never what clients send, such as a path.
        :returns: an :class:`ICounter`.
        :raises ValueError: no such name or label can be, there is a label without values, or
            the counter was declared with another label before.
        """


class ICounter(Interface):
    """Counts something for ``/metrics``."""

    def add(value: str = "") -> None:
        """Count one more.  Costs next to nothing.

        :param value: of the label; leave it out if there is none.
        :raises ValueError: the label was not declared to have this value.
        """


class IRequest(Interface):
    """One client request, as strategies and delay policies see it.  Read only."""

    method = Attribute("str, such as 'GET'")
    target = Attribute("str: path and query exactly as the client sent them")
    path = Attribute("str: the target up to the first '?', not decoded")
    headers = Attribute("The client's headers: get(name) -> str | None, get_all(name) -> list.")
    client_address = Attribute("str: the address of the connection, such as '192.0.2.7'")
    tried = Attribute(
        "tuple of str: names of the pods that this request was sent to, or that could not be"
        " reached, in order.  Empty at the first locate()."
    )

    def body(limit_bytes: int) -> Awaitable[bytes]:
        """The first ``limit_bytes`` of the body, or all of it if it is shorter.

        The request is held back until they have come; what was read is still
        sent on.  Costs memory: at most ``body.memory_bytes`` may be asked for.

        :raises ValueError: ``limit_bytes`` is negative or over ``body.memory_bytes``.
        """


# -- what you implement ------------------------------------------------------


class IRoutingStrategy(Interface):
    """Decides where a request goes that no rule, cache or cookie has placed.

    One object serves all requests of the router, so whatever it keeps about a
    single request belongs into local variables.  It may raise any
    :class:`pods.errors.Refusal`; anything else becomes a 500 for that request
    alone, with a traceback in the log.
    """

    def locate(request: Any) -> Placement | Awaitable[Placement]:
        """Choose a pod.

        Called once for each request without a remembered route, and again,
        with ``request.tried`` one longer, if the chosen pod could not be
        reached, nothing was sent and the placement was not ``certain``.

        :param request: an :class:`IRequest`.
        :returns: a Placement, or an awaitable of one.  Return a plain value
            when you can: the request then waits for nothing.
        """

    def redirected(
        request: Any, placement: Placement, redirect: Any
    ) -> Placement | Awaitable[Placement]:
        """A pod bounced the request: choose where it goes next.

        The pod that is named is configured and was not tried yet; the router
        has made sure of both.

        :param request: an :class:`IRequest`; ``len(request.tried)`` bounces or
            failures have happened so far.
        :param placement: the one that led to the bounce.
        :param redirect: a :class:`pods.protocol.Redirect`.
        """


class IRoutingStrategyFactory(IPlugin):
    """Makes strategies; found through ``twisted.plugin``."""

    name = Attribute("What `strategy = ...` in router.toml names: str.")

    def from_config(options: Mapping[str, Any], services: Any) -> Any:
        """Make a strategy.

        Called while the configuration is checked: open nothing, start nothing.

        :param options: the ``[strategy]`` table as it stands in the file.
        :param services: an :class:`IServices`.
        :returns: an :class:`IRoutingStrategy`.
        :raises pods.errors.ConfigurationError: with one Fault per wrong option;
            unknown options are faults too.
        """


class IDelayPolicy(Interface):
    """Decides when a 404 may leave, so that its time tells nothing."""

    def release_at(request: Any, arrived: float, answered: float) -> float:
        """The time at which this 404 may leave.

        :param request: an :class:`IRequest`.
        :param arrived: when the request's head was complete, in seconds on the reactor's clock.
        :param answered: when the pod's 404 was complete, on the same clock.
        :returns: seconds on the same clock; not after ``answered`` means at once.
        """


class IDelayPolicyFactory(IPlugin):
    """Makes delay policies; found through ``twisted.plugin``."""

    name = Attribute("What `delay = ...` in [not_found] names: str.")

    def from_config(options: Mapping[str, Any], services: Any) -> Any:
        """Make a policy from the rest of the ``[not_found]`` table.

        :returns: an :class:`IDelayPolicy`.
        :raises pods.errors.ConfigurationError: as for strategies.
        """


class IRouteStore(Interface):
    """Where routes persist, behind the bounded table in memory.

    Every method is called in the reactor thread, and none may block it: what takes time happens
    elsewhere, later.  A store may be shared by several processes.  Nothing that goes wrong in it
    is ever raised into a request: what cannot be read is not known, what cannot be written is
    kept in memory for as long as that is possible, and both are counted and said once.

    Times are seconds since the epoch, on the clock that the store was made with.
    """

    rows = Attribute("How many routes are stored, as far as is known.")
    pending = Attribute("How many changes are not written yet.")
    is_healthy = Attribute("Whether it can be read and written, as far as is known.")
    failures = Attribute("What went wrong how often: a Counter by words that stay the same.")

    def open() -> Awaitable[None]:
        """Get ready.  Fires soon, and never fails: a store that cannot be used is put aside."""

    def find(path: str) -> Awaitable[Found]:
        """What is known of one path, changes included that are not written yet.

        :param path: not ambiguous; a slash at its end means nothing.
        """

    def put(route: StoredRoute) -> None:
        """Keep this soon, unless something is known for the same path and ``exact`` that was
        learned later.  A route without a pod says that what was learned before it is wrong."""

    def used(route: StoredRoute) -> None:
        """This one was of use just now: over the limit, those go first that were not for long."""

    def changes() -> Awaitable[Changes]:
        """What other processes have changed since this was last asked."""

    def set_limits(max_entries: int, max_ttl_seconds: float) -> None:
        """Live within other bounds from now on.

        :param max_entries: over it, those go first that were not of use for long; 1 or more.
        :param max_ttl_seconds: no route that is put in holds longer than that.
        """

    def close() -> Awaitable[None]:
        """Write what is pending and let go of everything; fires when that is done."""
