"""How to reach a pod: from ``[pods.NAME]`` to something that opens a connection.

A pod's name is only ever a key into the configuration; nothing that a client or
a pod says is resolved or connected to.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    clientFromString,
    wrapClientTLS,
)
from twisted.internet.protocol import Factory

from pods.config import PodConfig
from pods.errors import ConfigurationError, Fault
from pods.http1.secured import SecuredPodConnection
from pods.http1.upstream import PodConnection

Dial = Callable[[Factory[PodConnection]], Deferred[PodConnection]]
DEFAULT_PORTS = {"http": 80, "https": 443}


def dialer(pod: PodConfig, reactor: Any, connect_seconds: float) -> Dial:
    """What opens a connection to that pod.

    :param connect_seconds: name look-up, connecting and so on may take so long altogether.
    :raises pods.errors.ConfigurationError: its ``ca_file`` cannot be read.
    """
    endpoint = _endpoint(pod, reactor, connect_seconds)

    def dial(factory: Factory[PodConnection]) -> Deferred[PodConnection]:
        connecting: Deferred[PodConnection] = endpoint.connect(factory)
        if is_tls(pod):
            connecting.addCallback(_secured)
        return connecting.addTimeout(connect_seconds, reactor)

    return dial


def is_tls(pod: PodConfig) -> bool:
    """Whether the pod is spoken to over TLS."""
    return urlsplit(pod.url).scheme == "https"


def host_field(pod: PodConfig) -> bytes:
    """The Host of requests that the router makes on its own behalf."""
    return urlsplit(pod.url).netloc.encode("ascii")


def _secured(connection: PodConnection) -> Deferred[SecuredPodConnection]:
    """The handshake belongs to connecting: before it nothing is verified, and nothing is sent."""
    assert isinstance(connection, SecuredPodConnection)
    return connection.secured()


def _endpoint(pod: PodConfig, reactor: Any, connect_seconds: float) -> Any:
    url = urlsplit(pod.url)
    host, port = url.hostname or "", url.port or DEFAULT_PORTS[url.scheme]
    endpoint = (
        clientFromString(reactor, pod.endpoint)
        if pod.endpoint
        else _tcp_endpoint(reactor, host, port, connect_seconds)
    )
    if is_tls(pod):
        endpoint = wrapClientTLS(_tls_options(pod, host), endpoint)
    return endpoint


def _tcp_endpoint(reactor: Any, host: str, port: int, connect_seconds: float) -> Any:
    try:
        version = ip_address(host).version
    except ValueError:
        return HostnameEndpoint(reactor, host, port, connect_seconds)
    kind = TCP4ClientEndpoint if version == 4 else TCP6ClientEndpoint
    return kind(reactor, host, port, connect_seconds)


def _tls_options(pod: PodConfig, host: str) -> Any:
    """Verified always: against the system's certificates, or those in ``ca_file``."""
    # Loaded only when a pod is spoken to over TLS: it is slow to import.
    from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates

    if pod.ca_file is None:
        return optionsForClientTLS(host)
    try:
        with open(pod.ca_file, "rb") as file:
            certificates = [Certificate.loadPEM(pem) for pem in _pem_blocks(file.read())]
    except Exception as error:
        key = f"pods.{pod.name}.ca_file"
        raise ConfigurationError(
            Fault(key, f"cannot be read: {error}", "PEM certificates")
        ) from error
    return optionsForClientTLS(host, trustRootFromCertificates(certificates))


def _pem_blocks(pem: bytes) -> list[bytes]:
    end = b"-----END CERTIFICATE-----"
    blocks = [block + end for block in pem.split(end)[:-1]]
    if not blocks:
        raise ValueError("no certificate in it")
    return blocks
