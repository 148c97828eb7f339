"""WSGI applications on Python's own server as two pods behind a router."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tomllib
from http.client import HTTPConnection
from typing import Any

from pods import cli
from pods.middleware import WsgiPod, by_graphql_variable, first
from tests.integration.support import (
    MIB,
    PATIENCE_SECONDS,
    ROOT,
    IntegrationTestCase,
    accepts,
    free_port,
    wait_for,
)
from tests.support_wsgi import serving

TENANTS = {"/my-company": "pod_eu0", "/gitlab-org": "pod_us0"}
BODY = bytes(range(256)) * (MIB // 256)


class Application:
    """Says which pod it is, and how much it got."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answered: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.answered.append(environ["PATH_INFO"])
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        said = {"pod": self.name, "bytes": len(body), "is_whole": body == BODY}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(said).encode()]


EXAMPLE = ROOT / "docs" / "examples" / "wsgi-pod"


class ExampleTests(IntegrationTestCase):
    """The pages of ``docs/how-to/teach-a-wsgi-app.rst``: two pods, each a process of its own."""

    def start(self, name: str) -> int:
        """The port of a pod."""
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "pod.py", name, str(port)],
            cwd=EXAMPLE,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait, PATIENCE_SECONDS)
        self.addCleanup(process.kill)
        wait_for(lambda: accepts(("127.0.0.1", port)), name)
        return port

    def test_the_how_to(self) -> None:
        tables = tomllib.loads((EXAMPLE / "router.toml").read_text())
        for name, pod in tables["pods"].items():
            pod["url"] = f"http://127.0.0.1:{self.start(name)}"
        strategy = {"strategy": tables["router"]["strategy"]}
        router = self.router(router=strategy, pods=tables["pods"])
        for path in ("/my-company/project", "/gitlab-org/project") * 3:
            connection = HTTPConnection(*router.address, timeout=PATIENCE_SECONDS)
            self.addCleanup(connection.close)
            connection.request("GET", path)
            self.assertEqual(connection.getresponse().read(), f"This is {path}.\n".encode())
        paths = ["--path", "/my-company/project", "--path", "/gitlab-org/project"]
        for pod in tables["pods"].values():
            stdout = io.StringIO()
            arguments = ["check-pod", pod["url"], *paths]
            self.assertEqual(cli.run(arguments, stdout, stdout), 0, stdout.getvalue())


class MiddlewareTests(IntegrationTestCase):
    """The router sends all that is unknown to ``pod_us0`` first."""

    def start(self, strategy: str) -> None:
        self.applications = {name: Application(name) for name in ("pod_us0", "pod_eu0")}
        pods = {name: self.pod_of(name) for name in self.applications}
        pods["pod_us0"]["region"] = "us"
        self.running = self.router(
            router={"strategy": strategy, "region": "us"},
            strategy={"unknown": "region"},
            pods=pods,
        )

    def pod_of(self, name: str) -> dict[str, str]:
        who_owns = first(TENANTS, by_graphql_variable("company", {"acme": "pod_eu0"}))
        pod = WsgiPod(self.applications[name], me=name, who_owns=who_owns, pods=self.applications)
        server = serving(pod)
        self.addCleanup(server.__exit__, None, None, None)
        return {"url": server.__enter__()}

    def ask(self, path: str, body: bytes | None = None) -> Any:
        connection = HTTPConnection(*self.running.address, timeout=PATIENCE_SECONDS)
        self.addCleanup(connection.close)
        connection.request("POST" if body else "GET", path, body)
        response = connection.getresponse()
        content = response.read()
        self.assertEqual(response.status, 200, content)
        headers = [name for name, _ in response.getheaders() if name.startswith("X-Gitlab")]
        self.assertEqual(headers, [])
        return json.loads(content)

    def test_bounce(self) -> None:
        self.start("bounce")
        self.assertEqual(self.ask("/my-company/x")["pod"], "pod_eu0")
        self.assertEqual(self.ask("/my-company/y")["pod"], "pod_eu0")
        self.assertEqual(self.ask("/gitlab-org")["pod"], "pod_us0")
        self.assertEqual(self.applications["pod_us0"].answered, ["/gitlab-org"])
        lines = wait_for(lambda: self.running.access_log()[2:] and self.running.access_log(), "log")
        self.assertEqual([line["attempts"] for line in lines], [2, 1, 1])

    def test_an_upload_that_first_goes_to_the_wrong_pod(self) -> None:
        self.start("bounce")
        said = self.ask("/my-company/upload", BODY)
        self.assertEqual(said, {"pod": "pod_eu0", "bytes": MIB, "is_whole": True})
        self.assertEqual(self.applications["pod_us0"].answered, [])

    def test_learn(self) -> None:
        self.start("learn")
        self.assertEqual(self.ask("/my-company/x", BODY)["is_whole"], True)
        self.assertEqual(self.ask("/nobody")["pod"], "pod_us0")
        self.assertEqual(self.applications["pod_us0"].answered, ["/nobody"])
        self.assertEqual(self.applications["pod_eu0"].answered, ["/my-company/x"])

    def test_what_the_body_decides_is_bounced_under_both_strategies(self) -> None:
        for strategy in ("bounce", "learn"):
            self.start(strategy)
            body = json.dumps({"variables": {"company": "acme"}}).encode()
            said = self.ask("/graphql", body)
            self.assertEqual((said["pod"], said["bytes"]), ("pod_eu0", len(body)))
            self.assertEqual(self.ask("/graphql")["pod"], "pod_us0")
