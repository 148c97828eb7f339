"""Every way to reach the router, and every way in which the router reaches a pod."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from tests.integration.certificates import Authority
from tests.integration.http_pod import Exchange
from tests.integration.support import Answer, IntegrationTestCase, ask, free_port, wait_for

BODY = bytes(range(256)) * 1024


def echo(exchange: Exchange) -> None:
    """The request's body, with the ``Host`` that came with it."""
    body = b"".join(exchange.body())
    exchange.respond(200, body, [("X-Seen-Host", exchange.seen.headers["host"])])


class PodEndpointTests(IntegrationTestCase):
    def through(self, pod: dict[str, Any]) -> Answer:
        """What a client gets who posts to a router with this pod only."""
        router = self.router(pods={"only": pod})
        return ask(router.address, "/echo", "POST", BODY)

    def assert_echoed(self, answer: Answer) -> None:
        self.assertEqual((answer.status, answer.body), (200, BODY))
        self.assertEqual(answer.headers["x-seen-host"], "localhost")

    def test_http(self) -> None:
        self.assert_echoed(self.through({"url": self.pod("only", echo).url}))

    def test_unix_socket(self) -> None:
        path = self.folder() / "pod.sock"
        self.pod("only", echo, unix_path=path)
        self.assert_echoed(self.through({"url": "http://pod.invalid", "endpoint": f"unix:{path}"}))

    def test_https(self) -> None:
        """The certificate is verified against ``ca_file``, and the pod is told the name (SNI)."""
        authority = Authority(self.folder())
        context = authority.server_context("localhost")
        names: list[str | None] = []
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        pod = self.pod("only", echo, tls=context)
        self.assert_echoed(self.through({"url": pod.url, "ca_file": str(authority.file)}))
        self.assertEqual(set(names), {"localhost"})

    def test_certificates_that_prove_nothing(self) -> None:
        """Another host's, a stranger's, and one that only ``ca_file`` would vouch for: 502."""
        folder = self.folder()
        trusted, stranger = Authority(folder), Authority(folder, "stranger")
        cases = {
            "another host": (trusted.server_context("other.example"), {"ca_file": trusted.file}),
            "another authority": (
                stranger.server_context("localhost"),
                {"ca_file": trusted.file},
            ),
            "unknown to the system": (trusted.server_context("localhost"), {}),
        }
        for case, (context, options) in cases.items():
            pod = self.pod("only", echo, tls=context)
            answer = self.through({"url": pod.url, **{k: str(v) for k, v in options.items()}})
            self.assertEqual(answer.status, 502, case)
            self.assertEqual(pod.seen, [], case)

    def test_a_handshake_that_fails_is_a_pod_that_cannot_be_reached(self) -> None:
        """Nothing of the request was sent, so another pod of the region may have it."""
        stranger = Authority(self.folder(), "stranger").server_context("localhost")
        untrusted, good = self.pod("untrusted", echo, tls=stranger), self.pod("good", echo)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"https://localhost:{silent.getsockname()[1]}"
            for case, sick in (("untrusted", untrusted.url), ("silent", url)):
                router = self.router(
                    router={"region": "eu"},
                    timeouts={"connect": 0.5},
                    pods={
                        "sick": {"url": sick, "region": "eu"},
                        "good": {"url": good.url, "region": "us"},
                    },
                )
                answer = ask(router.address, "/echo", "POST", BODY)
                self.assertEqual((answer.status, answer.body), (200, BODY), case)
                (line,) = wait_for(router.access_log, "the log line")
                self.assertEqual((line["pod"], line["attempts"]), ("good", 2), case)
        self.assertEqual(untrusted.seen, [])


class ListenerTests(IntegrationTestCase):
    def test_tcp_unix_and_tls_at_once(self) -> None:
        folder, port = self.folder(), free_port()
        authority = Authority(folder)
        certificate, key = authority.issue("localhost")
        unix = folder / "router.sock"
        pod = self.pod("only", echo)
        router = self.router(
            router={
                "listen": [
                    f"unix:{unix}",
                    f"ssl:{port}:interface=127.0.0.1:privateKey={key}:certKey={certificate}",
                ]
            },
            pods={"only": {"url": pod.url}},
        )
        secure, negotiating = authority.client_context(), authority.client_context()
        negotiating.set_alpn_protocols(["h2", "http/1.1"])  # as curl and browsers do
        ways: list[tuple[Any, ssl.SSLContext | None]] = [
            (router.address, None),
            (str(unix), None),
            (("127.0.0.1", port), secure),
            (("127.0.0.1", port), negotiating),
        ]
        for address, tls in ways:
            answer = ask(address, "/echo", "POST", BODY, tls=tls)
            self.assertEqual((answer.status, answer.body), (200, BODY), address)
        schemes = [seen.headers["x-forwarded-proto"] for seen in pod.seen]
        self.assertEqual(schemes, ["http", "http", "https", "https"])
        router.stop()
        wait_for(lambda: not unix.exists(), "the UNIX socket to go")
