"""``pods check-pod`` and servers that speak bad HTTP; and its command line."""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pods import cli
from pods.check_pod_findings import right
from tests.integration.certificates import Authority
from tests.support_wsgi import serving
from tests.test_check_pod import check, good, wrong


class BytesTests(SynchronousTestCase):
    """Faults of a server rather than of an application."""

    def answering(self, *answers: Callable[[bytes], bytes], seconds: float = 0) -> str:
        """The URL of a server that answers with bytes made from the request's head."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            with connection:
                head = connection.recv(65_536)
                for answer in answers:
                    connection.sendall(answer(head))
                time.sleep(seconds)

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    def wrong(self, url: str) -> tuple[set[str], str]:
        code, lines = check(url)
        self.assertEqual(code, 1)
        return wrong(lines), "\n".join(lines)

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        names, said = self.wrong(f"http://127.0.0.1:{port}")
        self.assertEqual(names, {"reachable"})
        self.assertIn("no connection", said)

    def test_no_http(self) -> None:
        for answer, said in (
            (b"", "closed without an answer"),
            (b"SSH-2.0-x\r\n\r\n", "no status line"),
            (b"HTTP/1.1 200 OK\r\nbad field\r\n\r\n", "no header field"),
            (b"HTTP/1.1 200 OK\r\na : b\r\n\r\n", "no header field"),
            (b"HTTP/1.1 102 Wait\r\n\r\n" * 20, "informational"),
            (b"x" * 70_000, "a head of more than"),
        ):
            names, lines = self.wrong(self.answering(lambda head, answer=answer: answer))  # type: ignore[misc]
            self.assertEqual(names, {"reachable"})
            self.assertIn(said, lines)

    def test_a_silent_server(self) -> None:
        names, said = self.wrong(self.answering(lambda head: b"", seconds=1))
        self.assertEqual(names, {"reachable"})
        self.assertIn("silent for 0.5 s", said)

    def bounce(self, head: bytes) -> bytes:
        """A pod to which nothing belongs."""
        if b"/learn" in head:
            return b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
        return b"HTTP/1.1 307 Go\r\nX-Gitlab-Pod-Redirect: pod_b\r\nContent-Length: 0\r\n\r\n"

    def test_such_a_pod_can_be_right(self) -> None:
        code, lines = check(self.answering(self.bounce))
        self.assertEqual(code, 0, lines)

    def test_a_bounce_without_an_end(self) -> None:
        def answer(head: bytes) -> bytes:
            return self.bounce(head).replace(b"Length: 0", b"Length: 5")

        self.assertEqual(
            self.wrong(self.answering(answer))[0],
            {"bounce-ends", "learn-status", "learn-bad-query"},
        )

    def expecting(self, answer: bytes) -> str:
        """A server that answers so to those who expect 100 Continue."""
        return self.answering(lambda head: answer if b"Expect" in head else self.bounce(head))

    def test_100_continue_before_the_bounce_costs_an_upload_and_is_no_fault(self) -> None:
        url = self.expecting(b"HTTP/1.1 100 Continue\r\n\r\n" + self.bounce(b""))
        code, lines = check(url)
        self.assertEqual(code, 0, lines)
        self.assertTrue(any(line.startswith("note   bounce-before-100") for line in lines))

    def test_100_continue_in_place_of_the_bounce(self) -> None:
        for answer in (
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n",
        ):
            self.assertEqual(self.wrong(self.expecting(answer))[0], {"bounce-before-100"})

    def test_chunks_are_read(self) -> None:
        def answer(head: bytes) -> bytes:
            return self.bounce(head).replace(
                b"Content-Length: 0\r\n\r\n",
                b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            )

        code, lines = check(self.answering(answer))
        self.assertEqual(code, 0, lines)
        self.assertTrue(any("ends after 5 bytes" in line for line in lines))


class HttpsTests(SynchronousTestCase):
    def test_certificates_are_verified(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("localhost"))
        with serving(good(), context) as url:
            code, lines = check(url, "--ca-file", str(authority.file))
            self.assertEqual(code, 0, lines)
            code, lines = check(url)
            self.assertEqual((code, wrong(lines)), (1, {"reachable"}))
            self.assertIn("certificate verify failed", lines[0])


class CommandLineTests(SynchronousTestCase):
    def test_faults(self) -> None:
        for arguments, said in (
            (["ftp://x"], "URL: is ftp://x; allowed: http://HOST:PORT"),
            (["http://x:99999"], "URL: is http://x:99999"),
            (["http://x/path"], "URL: is http://x/path"),
            (["http://x", "--path", "a"], "--path: is a; allowed: "),
            (["http://x", "--path", "/a?b"], "--path: is /a?b; allowed: "),
            (["http://x", "--pod", "a b"], "--pod: is a b; allowed: "),
            (
                ["https://x", "--ca-file", "/no/such"],
                "--ca-file: is /no/such, which cannot be used",
            ),
            (["http://x", "--header-prefix", "X"], "--header-prefix: is X; allowed: "),
            (["http://x", "--timeout-seconds", "0"], "--timeout-seconds: is 0.0; allowed: "),
        ):
            stderr = io.StringIO()
            self.assertEqual(cli.run(["check-pod", *arguments], io.StringIO(), stderr), 2)
            self.assertIn(said, stderr.getvalue())

    def test_every_finding_has_a_remedy(self) -> None:
        self.assertRaises(ValueError, right, "no-such-check", "", "")
