"""The collaborators of an exchange, made from a configuration.

Making a router opens nothing: no socket, no file, no thread.
"""

from __future__ import annotations

import random
import re
from ipaddress import ip_address, ip_network
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import ISSLTransport

from pods.accesslog import AccessRecord, NoAccessLog, Sink
from pods.config import Config
from pods.counters import Counters
from pods.dialing import dialer, host_field
from pods.errors import AtLimit, Refusal
from pods.exchange import Exchange
from pods.extensions import build_delay, build_strategies
from pods.http1.fields import Field, request_kinds, response_kinds
from pods.http1.forwarding import Peer
from pods.http1.heads import HeadLimits, RawRequest
from pods.http1.held import HoldBudget
from pods.http1.pool import PodPool, PoolLimits
from pods.http1.refusals import render
from pods.http1.request import RequestHead
from pods.http1.server import ClientConnection
from pods.http1.site import Exchanging, ServerSettings
from pods.http1.upstream import UpstreamSettings
from pods.interfaces import PodInfo
from pods.journal import Journal
from pods.memory import RouteMemory
from pods.protocol import HeaderNames
from pods.routing.pods import PodDirectory
from pods.routing.rules import Rules
from pods.routing.table import RouteTable
from pods.services import Services

#: A client's own request id is kept if it is at most 128 visible characters.
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Router:
    """Everything that requests share.

    :param reactor: IReactorTime and what endpoints need.
    :param chance: the only source of chance.
    :raises pods.errors.ConfigurationError: a plugin refuses its options, or a file named in the
        configuration cannot be read.
    """

    def __init__(self, config: Config, reactor: Any, chance: random.Random | None = None) -> None:
        self.config = config
        self.clock = reactor
        self.random = chance or random.Random()
        self.counters = Counters()
        self.access_log: Sink = NoAccessLog()
        self.connections: set[ClientConnection] = set()
        self._no_connections: Deferred[None] | None = None
        self._name_headers(HeaderNames(config.router.header_prefix))
        self._trusted = [ip_network(network) for network in config.router.trusted_proxies]
        self.rules = Rules(config.rules)
        self.table = self._make_table()
        self.memory = RouteMemory(self.table, config.pods, self.counters)
        self.budget = HoldBudget(config.body.spool_dir, config.body.total_spool_bytes)
        self.limits = HeadLimits(
            config.limits.header_bytes, config.limits.header_count, config.limits.url_bytes
        )
        self.server_settings = self._server_settings()
        self.pools = self._make_pools(reactor)
        self.hosts = {name: host_field(pod) for name, pod in config.pods.items()}
        self.services = self._make_services()
        self.strategies = build_strategies(config, self.services)
        self.strategy = self.strategies[config.router.strategy]
        self.delay = build_delay(config, self.services)

    # -- for connections -----------------------------------------------------

    def peer(self, transport: Any) -> Peer:
        """Who is at the other end of a client's connection."""
        scheme = b"https" if ISSLTransport.providedBy(transport) else b"http"
        address = transport.getPeer()
        if not isinstance(address, IPv4Address | IPv6Address):
            return Peer("unix:", scheme)
        host = address.host.partition("%")[0]
        trusted = any(ip_address(host) in network for network in self._trusted)
        return Peer(host, scheme, trusted)

    def connected(self, connection: ClientConnection) -> Refusal | None:
        """Count a client in; a Refusal if there is no room for it."""
        if len(self.connections) >= self.config.limits.client_connections:
            return AtLimit("There are too many connections.")
        self.connections.add(connection)
        return None

    def disconnected(self, connection: ClientConnection) -> None:
        """Count a client out."""
        self.connections.discard(connection)
        if not self.connections and self._no_connections is not None:
            done, self._no_connections = self._no_connections, None
            done.callback(None)

    def open_exchange(self, connection: ClientConnection, raw: RawRequest) -> Exchanging:
        """Begin a request.

        :raises Refusal: what its head says cannot be served.
        """
        kinds = self._trusted_kinds if connection.peer.trusted else self._untrusted_kinds
        head = RequestHead.read(raw, kinds)
        connection.accept(head)
        sent_id = head.special.get(b"x-request-id")
        journal = self._journal(connection, head.method, head.target, sent_id)
        return Exchange(self, connection, head, journal)

    def refused(self, connection: ClientConnection, raw: RawRequest | None, why: Refusal) -> bytes:
        """The answer to what never became a request; writes its log line."""
        method = raw.method if raw is not None else b"-"
        target = raw.target if raw is not None else b"-"
        journal = self._journal(connection, method, target, None)
        self.counters.refusals[why.status] += 1
        self.finished(journal.record(why.status, why.reason))
        accept = [v for name, v in raw.fields if name.lower() == b"accept"] if raw else []
        without_body = method == b"HEAD"
        return render(why, journal.request_id, accept, without_body=without_body, close=True)

    # -- for exchanges -------------------------------------------------------

    def fields_for_pod(self, journal: Journal) -> list[Field]:
        """The fields that tell a pod how a request came to it."""
        return [
            (self._route_field, (journal.route or "").encode("ascii")),
            (self._attempt_field, b"%d" % journal.attempts),
        ]

    def finished(self, record: AccessRecord) -> None:
        """A request is over."""
        self.counters.requests[record.route or "none", record.status // 100] += 1
        self.access_log.write(record)

    # -- ending --------------------------------------------------------------

    def drain(self) -> Deferred[None]:
        """Finish what runs, take nothing new; fires when the last client is gone."""
        for connection in list(self.connections):
            connection.drain()
        if not self.connections:
            return succeed(None)
        self._no_connections = Deferred()
        return self._no_connections

    def abort(self) -> None:
        """Break off whatever still runs, and close all connections to pods."""
        for connection in list(self.connections):
            connection.abort()
        for pool in self.pools.values():
            pool.abort()

    # -- making --------------------------------------------------------------

    def _name_headers(self, names: HeaderNames) -> None:
        self.our_prefix = names.prefix.lower().encode("ascii")
        self.redirect_field = names.redirect.lower().encode("ascii")
        self.cache_field = names.cache.lower().encode("ascii")
        self._route_field = names.route.encode("ascii")
        self._attempt_field = names.attempt.encode("ascii")
        self._trusted_kinds = request_kinds(names.prefix, trusted=True)
        self._untrusted_kinds = request_kinds(names.prefix, trusted=False)

    def _make_table(self) -> RouteTable:
        cache = self.config.cache
        return RouteTable(
            self.clock.seconds, cache.max_entries, cache.ttl_seconds, cache.max_ttl_seconds
        )

    def _server_settings(self) -> ServerSettings:
        timeouts = self.config.timeouts
        return ServerSettings(
            clock=self.clock,
            limits=self.limits,
            header_seconds=timeouts.client_headers,
            idle_seconds=timeouts.client_idle,
            stall_seconds=timeouts.idle,
            linger_seconds=timeouts.linger,
        )

    def _make_pools(self, reactor: Any) -> dict[str, PodPool]:
        config, timeouts = self.config, self.config.timeouts
        settings = UpstreamSettings(
            clock=self.clock,
            kinds=response_kinds(config.router.header_prefix),
            limits=self.limits,
            response_head_seconds=timeouts.response_head,
            continue_seconds=timeouts.continue_,
            idle_seconds=timeouts.idle,
            pool_idle_seconds=timeouts.pod_idle,
        )
        limits = PoolLimits(
            connections=config.limits.pod_connections,
            idle_connections=config.limits.pod_idle_connections,
            queue=config.limits.pod_queue,
            queue_seconds=timeouts.queue,
        )
        return {
            name: PodPool(dialer(pod, reactor, timeouts.connect), settings, limits)
            for name, pod in config.pods.items()
        }

    def _make_services(self) -> Services:
        pods = self.config.pods.values()
        infos = [PodInfo(pod.name, pod.region, pod.latest) for pod in pods]
        return Services(
            pods=PodDirectory(infos, self.random),
            clock=self.clock,
            random=self.random,
            region=self.config.router.region,
            header_prefix=self.config.router.header_prefix,
            askable={pod.name: (self.pools[pod.name], self.hosts[pod.name]) for pod in pods},
        )

    def _journal(
        self, connection: ClientConnection, method: bytes, target: bytes, sent: list[bytes] | None
    ) -> Journal:
        return Journal(
            clock=self.clock,
            client=connection.peer.address,
            method=method,
            path=target.partition(b"?")[0].decode("ascii"),
            request_id=self._request_id(sent),
            arrived=self.clock.seconds(),
        )

    def _request_id(self, sent: list[bytes] | None) -> bytes:
        """The client's own request id if it is fit to be passed on, else a new one."""
        if sent is not None and len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]):
            return sent[0]
        return b"%032x" % self.random.getrandbits(128)
