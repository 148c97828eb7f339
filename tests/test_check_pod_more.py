"""``pods check-pod`` and pods whose words do not fit to each other."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support_wsgi import serving
from tests.test_check_pod import CACHE, REDIRECT, at, changed, check, learned, wrong


class WordsTests(SynchronousTestCase):
    def lines(self, application: Any, *names: str) -> list[str]:
        """What is said of an application in which just these checks find something wrong."""
        with serving(application) as url:
            code, lines = check(url)
        self.assertEqual((code, wrong(lines)), (int(bool(names)), set(names)), "\n".join(lines))
        return lines

    def unbounced(self, method: str) -> Any:
        """Sends the header with a status that routers hand on to the client."""

        def change(environ: Any, status: str, headers: Any, body: bytes) -> Any:
            if environ["REQUEST_METHOD"] == method and environ["PATH_INFO"] == "/theirs/x":
                status = "404 Not Found"
            return status, headers, body

        return changed(change)

    def test_a_header_alone_bounces_no_post(self) -> None:
        lines = self.lines(self.unbounced("POST"), "bounce-post")
        self.assertTrue(
            any("POST /theirs/x: 404 although GET is bounced" in line for line in lines)
        )

    def test_a_header_alone_bounces_no_head(self) -> None:
        lines = self.lines(self.unbounced("HEAD"), "bounce-head")
        self.assertTrue(any("404, and GET is bounced to pod_b" in line for line in lines))

    def untold(self, lines: list[str]) -> list[str]:
        """The paths of which learn tells less than the answer."""
        found = [line for line in lines if line.startswith("note   learn-status")]
        return [line.split(":")[0].split()[-1] for line in found]

    def test_learn_does_not_tell_what_is_bounced_and_taught(self) -> None:
        lines = self.lines(learned(lambda path: "404 Not Found" if path else None))
        self.assertEqual(self.untold(lines), ["/mine/x", "/theirs/x"])

    def test_learn_need_not_tell_what_is_bounced_for_once(self) -> None:
        once = at("/theirs/x", "", (REDIRECT, '{"pod": "pod_b", "once": true}'))

        def application(environ: Any, start_response: Any) -> Any:
            if "theirs" in environ["QUERY_STRING"]:
                start_response("404 Not Found", [])
                return [b""]
            return once(environ, start_response)

        self.assertEqual(self.untold(self.lines(application)), [])

    def test_all_that_is_nobodys_is_taught(self) -> None:
        """As by something that sees a tenant in each first segment."""

        def change(environ: Any, status: str, headers: Any, body: bytes) -> Any:
            path = environ["PATH_INFO"]
            if path.startswith("/pods-check-"):
                return "200 OK", [(CACHE, f'{{"path_prefix": "{path}/"}}')], body
            return status, headers, body

        (path,) = self.untold(self.lines(changed(change)))
        self.assertTrue(path.startswith("/pods-check-"), path)


class OwnerTests(SynchronousTestCase):
    """An application that says of nothing whose it is."""

    def plain(self, environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"].startswith("/mine/"):
            start_response("200 OK", [])
            return [b"ok"]
        start_response("404 Not Found", [])
        return [b"nothing"]

    def test_it_is_no_pod(self) -> None:
        with serving(self.plain) as url:
            code, lines = check(url)
        self.assertEqual((code, wrong(lines)), (1, {"owner"}), "\n".join(lines))
        self.assertTrue(any("nothing was named, bounced or taught" in line for line in lines))
        self.assertTrue(any("give paths of tenants" in line for line in lines))

    def test_without_paths_nothing_is_said_of_that(self) -> None:
        with serving(self.plain) as url:
            code, lines = check(url, paths=())
        self.assertEqual((code, wrong(lines)), (0, set()), "\n".join(lines))
