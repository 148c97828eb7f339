"""A pod that is ``git http-backend``: real git behind the pods' headers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from threading import Thread
from typing import IO

from pods.protocol import CacheClaim
from tests.integration.http_pod import BLOCK_BYTES, NAMES, Exchange, HttpPod, Seen, answer_learn
from tests.integration.support import PATIENCE_SECONDS

GIT_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


class GitPod:
    """Serves the repositories ``ROOT/GROUP/NAME.git`` whose group is its own.

    :param owners: the pod of each group; shared by all pods, and read at each request.
    :param root: the folder of this pod's repositories.
    """

    def __init__(self, name: str, owners: Mapping[str, str], root: Path) -> None:
        self.owners = owners
        self.root = root
        self.teaches = True  #: send cache headers
        self.knows_owners = True  #: say who owns a group when asked to learn
        self.reads_before_bouncing = False  #: an application that looks at the body first
        self.pod = HttpPod(name, self._answer)

    def create(self, group: str, name: str) -> Path:
        """A new empty repository that may be pushed to."""
        path = self.root / group / name
        git("init", "--quiet", "--bare", "--initial-branch=main", str(path), cwd=self.root)
        git("config", "http.receivepack", "true", cwd=path)
        return path

    def _answer(self, exchange: Exchange) -> None:
        group = self._asked_group(exchange.seen)
        owner = self.owners.get(group)
        if answer_learn(exchange, owner if self.knows_owners else None, f"/{group}"):
            return
        if owner is None:
            exchange.respond(404)
        elif owner != self.pod.name:
            for _ in exchange.body() if self.reads_before_bouncing else ():
                pass
            exchange.bounce(owner)
        else:
            self._run_backend(exchange, group)

    def _asked_group(self, seen: Seen) -> str:
        path = seen.target.partition("path_info=")[2] or seen.path
        return path.split("/")[1]

    def _run_backend(self, exchange: Exchange, group: str) -> None:
        backend = subprocess.Popen(
            ["git", "http-backend"],
            env=os.environ | GIT_ENVIRONMENT | cgi_variables(exchange.seen, self.root),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert backend.stdin is not None and backend.stdout is not None
        feeding = Thread(target=feed, args=(exchange.body(), backend.stdin), daemon=True)
        feeding.start()
        status, headers = read_cgi_head(backend.stdout)
        if self.teaches:
            headers.append((NAMES.cache, CacheClaim(f"/{group}/").format()))
        exchange.respond(status, pieces(backend.stdout), headers)
        feeding.join()
        backend.stdout.close()
        backend.wait()


def cgi_variables(seen: Seen, root: Path) -> dict[str, str]:
    """The request as CGI says it (RFC 3875); a chunked body has no length."""
    path, _, query = seen.target.partition("?")
    variables = {
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REMOTE_USER": "ada",
        "REQUEST_METHOD": seen.method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": seen.headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": seen.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": seen.headers.get("git-protocol", ""),
    }
    if "content-length" in seen.headers:
        variables["CONTENT_LENGTH"] = seen.headers["content-length"]
    return variables


def feed(body: Iterator[bytes], stdin: IO[bytes]) -> None:
    """The request's body into the backend."""
    with stdin:
        for data in body:
            stdin.write(data)


def read_cgi_head(stdout: IO[bytes]) -> tuple[int, list[tuple[str, str]]]:
    """Status and headers of the backend's answer."""
    status, headers = 200, []
    while line := stdout.readline().strip().decode():
        name, _, value = line.partition(": ")
        if name == "Status":
            status = int(value.split()[0])
        else:
            headers.append((name, value))
    return status, headers


def pieces(stdout: IO[bytes]) -> Iterator[bytes]:
    assert isinstance(stdout, BufferedReader)
    while data := stdout.read1(BLOCK_BYTES):
        yield data


def git(*arguments: str, cwd: Path) -> str:
    """What git prints.

    :raises AssertionError: it fails, with what it said.
    """
    done = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env=os.environ | GIT_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout
