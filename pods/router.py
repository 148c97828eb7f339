"""The collaborators of an exchange, made from a configuration.

Making a router opens nothing: no socket, no file, no thread.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import ISSLTransport

from pods.checks import Checks
from pods.config import Config, HealthConfig
from pods.cookie_jar import CookieJar
from pods.dialing import host_field
from pods.errors import AtLimit, LastHop, Refusal
from pods.exchange import Exchange
from pods.extensions import build_delay, build_strategies
from pods.health import Watched
from pods.http1.fields import FieldKinds, Section, request_kinds
from pods.http1.forwarding import UNIX, Peer
from pods.http1.heads import RawRequest
from pods.http1.pool import PodPool
from pods.http1.refusals import render
from pods.http1.request import RequestHead
from pods.http1.server import ClientConnection
from pods.http1.site import Exchanging, ServerSettings
from pods.interfaces import Placement, PodInfo
from pods.journal import Journal
from pods.lasting import Lasting
from pods.pools import head_limits, make_pools
from pods.protocol import HeaderNames
from pods.request_ids import RequestIds
from pods.routing.paths import is_learn_endpoint
from pods.routing.pods import PodDirectory
from pods.routing.rules import Rules
from pods.services import Services

#: So many addresses of clients are remembered: their connections share what is told of them.
PEERS_KEPT = 1024
#: A client's own request id is kept if it is at most 128 visible characters.
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Router:
    """Everything that the requests under one configuration share.

    :param reactor: IReactorTime and what endpoints need.
    :param lasting: what it shares with the routers before and after it.
    :param before: the router whose place this one will take: it has the connections to pods that
        have not changed.
    :raises pods.errors.ConfigurationError: a plugin refuses its options, or a file named in the
        configuration cannot be read.
    """

    def __init__(
        self, config: Config, reactor: Any, lasting: Lasting, before: Router | None = None
    ) -> None:
        self.config = config
        self.clock = reactor
        self.lasting = lasting
        self.counters = self.lasting.counters
        self.memory = self.lasting.memory
        self.budget = self.lasting.budget
        self.clients = self.lasting.clients
        self._ids = RequestIds(lasting.random)
        self.health = self.lasting.health
        self._cookie_jar: CookieJar | None = None  # made when the keys are there
        self._name_headers(HeaderNames(config.router.header_prefix))
        trusted = config.router.trusted_proxies
        self._trusted = [ip_network(network) for network in trusted if network != UNIX]
        self._known_peer = lru_cache(PEERS_KEPT)(self._peer)
        self.rules = Rules(config.rules)
        self.server_settings = self._server_settings()
        kept = (before.config, before.pools) if before is not None else None
        self.pools: dict[str, PodPool] = make_pools(
            config, reactor, lasting.outbox, self.health, kept
        )
        self.hosts = {name: host_field(pod) for name, pod in config.pods.items()}
        self.certain = {name: Placement(name, certain=True) for name in config.pods}
        self.services = self._make_services()
        self.strategies = build_strategies(config, self.services)
        self.strategy: Any = self.strategies[config.router.strategy]
        self.delay = build_delay(config, self.services)
        self._checks = self._make_checks()
        if before is None:
            self._watch_pods([])

    def start(self) -> None:
        """Begin to check the pods."""
        self._checks.start()

    def take_over(self, before: Router) -> None:
        """Take the place of the router that this one was made after."""
        self.lasting.adopt(self.config)
        before._checks.stop()
        kept = [name for name, pool in self.pools.items() if pool is before.pools.get(name)]
        self._watch_pods(kept)
        self.start()
        self.clients.move_to(self, self.server_settings)
        for name, pool in before.pools.items():
            if self.pools.get(name) is not pool:
                pool.retire()

    # -- for connections -----------------------------------------------------

    def peer(self, transport: Any) -> Peer:
        """Who is at the other end of a client's connection."""
        scheme = b"https" if ISSLTransport.providedBy(transport) else b"http"
        address = transport.getPeer()
        if not isinstance(address, IPv4Address | IPv6Address):
            return Peer(UNIX, scheme, UNIX in self.config.router.trusted_proxies)
        return self._known_peer(address.host.partition("%")[0], scheme)

    def _peer(self, host: str, scheme: bytes) -> Peer:
        trusted = any(ip_address(host) in network for network in self._trusted)
        return Peer(host, scheme, trusted)

    def kinds(self, peer: Peer) -> FieldKinds:
        """How the fields of this peer's requests are treated."""
        return self._trusted_kinds if peer.trusted else self._untrusted_kinds

    def connected(self, connection: ClientConnection) -> Refusal | None:
        """Count a client in; a Refusal if there is no room for it."""
        if self.clients.connected(connection, self.config.limits.client_connections):
            return None
        return AtLimit("There are too many connections.")

    def disconnected(self, connection: ClientConnection) -> None:
        """Count a client out."""
        self.clients.disconnected(connection)

    def open_exchange(self, connection: ClientConnection, raw: RawRequest) -> Exchanging:
        """Begin a request.

        :raises Refusal: what its head says cannot be served.
        """
        head = RequestHead.read(raw, self.kinds(connection.peer))
        if head.forwards_left == 0 and not is_learn_endpoint(head.path):
            raise LastHop("The request goes no further, as Max-Forwards says.")
        connection.accept(head)
        sent_id = head.special.get(b"x-request-id")
        journal = self._journal(connection, head.method, head.target, sent_id)
        return Exchange(self, connection, head, journal)

    def refused(self, connection: ClientConnection, raw: RawRequest | None, why: Refusal) -> bytes:
        """The answer to what never became a request; writes its log line."""
        raw = raw or RawRequest(b"-", b"-", 1, Section([], {}))
        sent_id = raw.values(b"x-request-id")
        journal = self._journal(connection, raw.method, raw.target, sent_id)
        self.counters.refusals[why.status] += 1
        journal.end(why.status, why.reason)
        self.finished(journal)
        accept, without_body = raw.values(b"accept"), raw.method == b"HEAD"
        return render(why, journal.request_id, accept, without_body=without_body, close=True)

    # -- for exchanges -------------------------------------------------------

    def lines_for_pod(self, journal: Journal) -> bytes:
        """The field lines that tell a pod how a request came to it; the last has no end."""
        key = (journal.route, journal.attempts)
        lines = self._lines_for_pod.get(key)
        if lines is None:
            route = (journal.route or "").encode("ascii")
            values = (self._route_field, route, self._attempt_field, journal.attempts)
            lines = self._lines_for_pod[key] = b"%b: %b\r\n%b: %d" % values
        return lines

    @property
    def cookies(self) -> CookieJar:
        """What clients remember."""
        if self._cookie_jar is None:
            lasting, config = self.lasting, self.config
            pods = tuple(config.pods)
            self._cookie_jar = CookieJar.make(
                config.cookie, lasting.keys, pods, lasting.wall_seconds
            )
        return self._cookie_jar

    def finished(self, journal: Journal) -> None:
        """A request is over."""
        self.counters.finished(journal)
        self.lasting.access_log.write(journal)

    def abort(self) -> None:
        """Break off whatever still runs, and close all connections to pods."""
        self.clients.abort()
        self._checks.stop()
        for pool in self.pools.values():
            pool.abort()
        self.health.stop()

    # -- making --------------------------------------------------------------

    def _name_headers(self, names: HeaderNames) -> None:
        self.our_prefix = names.prefix.lower().encode("ascii")
        self.redirect_field = names.redirect.lower().encode("ascii")
        self.cache_field = names.cache.lower().encode("ascii")
        self._route_field = names.route.encode("ascii")
        self._attempt_field = names.attempt.encode("ascii")
        self._lines_for_pod: dict[tuple[str | None, int], bytes] = {}
        cookie = self.config.cookie.name  # kept from pods even if it is not in use any more
        self._trusted_kinds = request_kinds(names.prefix, trusted=True, cookie=cookie)
        self._untrusted_kinds = request_kinds(names.prefix, trusted=False, cookie=cookie)

    def _server_settings(self) -> ServerSettings:
        timeouts = self.config.timeouts
        return ServerSettings(
            clock=self.clock,
            outbox=self.lasting.outbox,
            limits=head_limits(self.config),
            header_seconds=timeouts.client_headers,
            idle_seconds=timeouts.client_idle,
            stall_seconds=timeouts.idle,
            linger_seconds=timeouts.linger,
            body_pace_bytes=self.config.limits.body_pace_bytes,
        )

    def _make_services(self) -> Services:
        pods = self.config.pods.values()
        infos = [PodInfo(pod.name, pod.region, pod.latest) for pod in pods]
        return Services(
            pods=PodDirectory(infos, self.lasting.random),
            clock=self.clock,
            random=self.lasting.random,
            region=self.config.router.region,
            header_prefix=self.config.router.header_prefix,
            askable={pod.name: (self.pools[pod.name], self.hosts[pod.name]) for pod in pods},
            derived=lambda purpose: self.lasting.keys.secret(purpose),
            tallies=self.counters.tallies,
        )

    def _make_checks(self) -> Checks:
        health = self.config.health or HealthConfig()
        return Checks(
            self.config.pods if self.config.health else (),
            lambda name: self.services.ask(name, health.path, health.timeout_seconds),
            self.health,
            self.clock,
            self.lasting.random,
            health.interval_seconds,
        )

    def _watch_pods(self, kept: Container[str]) -> None:
        health = self.config.health or HealthConfig()
        watched = Watched(
            tuple(self.pools),
            changed=self.services.pods.set_healthy,
            reconnect=lambda name: self.pools[name].reconnect(),
            has_checks=self.config.health is not None,
            unhealthy_after=health.unhealthy_after,
            healthy_after=health.healthy_after,
        )
        self.health.watch(watched, kept)

    def _journal(
        self, connection: ClientConnection, method: bytes, target: bytes, sent: list[bytes] | None
    ) -> Journal:
        return Journal(
            self.clock,
            self.clock.seconds(),
            self.lasting.wall_seconds(),
            connection.peer.address,
            method.decode("ascii"),
            target.partition(b"?")[0].decode("ascii"),
            self._request_id(sent) if sent is not None else self._ids.draw(),
        )

    def _request_id(self, sent: list[bytes]) -> bytes:
        """The client's own request id if it is fit to be passed on, else a new one."""
        if len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]):
            return sent[0]
        return self._ids.draw()
