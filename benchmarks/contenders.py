"""The proxies that are compared, each told to do the same work.

All of them keep connections to the upstream, add ``X-Forwarded-For``, ``-Proto`` and ``-Host`` and
an ``X-Request-Id``, and write an access log to a file, as far as they can.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from benchmarks.stage import ROOT, Running, Stage
from benchmarks.upstream import Upstream
from benchmarks.wrk import COOKIES
from tests.integration.support import TWISTD, Answer, ask, free_port, to_toml, wait_for

ANSWER_SECONDS = 10
NGINX = """
worker_processes {workers};
daemon off;
pid nginx.pid;
error_log nginx.error;
worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
  log_format json escape=json '{{"time":"$time_iso8601","client":"$remote_addr",'
    '"method":"$request_method","path":"$uri","status":$status,"pod":"$upstream_addr",'
    '"bytes_in":$request_length,"bytes_out":$body_bytes_sent,"total_seconds":$request_time,'
    '"answered_seconds":"$upstream_header_time","request_id":"$request_id"}}';
  access_log nginx.access json;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream pods {{
    server 127.0.0.1:{upstream};
    keepalive 1024;
    keepalive_requests 1000000000;
  }}
  map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://pods;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_read_timeout 600;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-Id $request_id;
    }}
  }}
}}
"""
HAPROXY = """
global
  nbthread {workers}
  maxconn 9000
  log stdout len 2048 format raw local0
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  unique-id-format %{{+X}}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  default_backend pods
backend pods
  http-reuse always
  server pod 127.0.0.1:{upstream} pool-max-conn 1024
"""
CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  bind 127.0.0.1
  log {{
    output file {folder}/caddy.access
  }}
  reverse_proxy 127.0.0.1:{upstream} {{
    header_up X-Request-Id {{http.request.uuid}}
    transport http {{
      keepalive_idle_conns_per_host 1024
    }}
  }}
}}
"""
#: Rules that are looked at and do not apply.
RULES = [
    {"path": "/admin", "pod": "pod_a"},
    {"exact": "/-/profile", "pod": "pod_a"},
    {"path": "/api/v4/admin", "methods": ["POST", "PUT"], "pod": "pod_a"},
]


@attrs.frozen
class Place:
    """Where a proxy is to run."""

    stage: Stage
    upstream: Upstream
    processors: Sequence[int]
    workers: int = 1


@attrs.frozen
class Contender:
    """One proxy that can be compared.

    :param start: starts it, given a place, a name for its files and a port.
    :param program: what must be installed for it; None: nothing.
    :param path: what is asked of it, up to the name of the answer.
    :param counts: whether every request has a path of its own.
    """

    name: str
    start: Callable[[Place, str, int], Running]
    program: str | None = None
    path: str = "/hit/group/project"
    counts: bool = False
    sets_cookie: bool = False  #: for what it has been taught

    @property
    def is_installed(self) -> bool:
        return self.program is None or shutil.which(self.program) is not None


@attrs.frozen
class Started:
    """A contender that runs."""

    contender: Contender
    port: int
    running: Running
    cookies: str  #: of its client, which keeps those that it is given

    @property
    def name(self) -> str:
        return self.contender.name


def started(contender: Contender, place: Place) -> Started:
    """Start one contender."""
    port = free_port()
    name = "".join(letter if letter.isalnum() else "-" for letter in contender.name)
    running = contender.start(place, name, port)
    wait_for(lambda: answer(port, "/hit/taught").status == 200, "an answer", ANSWER_SECONDS)
    if contender.counts or not contender.sets_cookie:
        return Started(contender, port, running, COOKIES)
    return Started(contender, port, running, f"{COOKIES}; {own_cookie(port)}")


def own_cookie(port: int) -> str:
    """The one that a router gives its client; each worker first has to hear of the route."""

    def given() -> str:
        return answer(port, "/hit/1k").headers.get("set-cookie", "").partition(";")[0]

    cookie: str = wait_for(given, "a cookie", ANSWER_SECONDS)
    return cookie


def answer(port: int, target: str) -> Answer:
    return ask(("127.0.0.1", port), target, headers={"Cookie": COOKIES})


def with_config(text: str, *command: str) -> Callable[[Place, str, int], Running]:
    """How to start a program that reads a file; ``{config}`` in the command is its path."""

    def start(place: Place, name: str, port: int) -> Running:
        folder = place.stage.folder
        config = folder / f"{name}.conf"
        values = {"port": port, "upstream": place.upstream.serving_port, "folder": folder}
        config.write_text(text.format(**values, workers=place.workers))
        filled = [word.format(config=config, **values) for word in command]
        return place.stage.start(name, filled, place.processors, port, {"HOME": str(folder)})

    return start


def web_proxy(kind: str) -> Callable[[Place, str, int], Running]:
    """How to start one of those in :mod:`benchmarks.web_proxies`."""

    def start(place: Place, name: str, port: int) -> Running:
        log = place.stage.folder / f"{name}.access"
        module = [sys.executable, "-m", "benchmarks.web_proxies", kind]
        command = [*module, str(port), str(place.upstream.serving_port), str(log)]
        return place.stage.start(name, command, place.processors, port)

    return start


def router(
    reactor: str, strategy: str = "bounce", source: Path = ROOT
) -> Callable[[Place, str, int], Running]:
    """How to start the router.

    :param source: the checkout that it is run from.
    """

    def start(place: Place, name: str, port: int) -> Running:
        config = place.stage.folder / f"{name}.toml"
        config.write_text(to_toml(router_tables(place, name, port, strategy)))
        command = [*TWISTD, f"--reactor={reactor}", "pods", "--config", str(config)]
        environment = {"PYTHONPATH": str(source)}
        return place.stage.start(name, command, place.processors, port, environment)

    return start


def router_tables(place: Place, name: str, port: int, strategy: str) -> dict[str, Any]:
    folder, upstream = place.stage.folder, place.upstream
    urls = {"pod_a": upstream.bouncing_port, "pod_b": upstream.serving_port}
    pods: dict[str, Any] = {n: {"url": f"http://127.0.0.1:{p}"} for n, p in urls.items()}
    pods["pod_a"]["latest"] = True
    return {
        "router": {
            "listen": [f"tcp:{port}:interface=127.0.0.1:backlog=4096"],
            "strategy": strategy,
            "data_dir": str(folder / name),
            "workers": place.workers,
        },
        "strategy": {"unknown": "latest"},
        "pods": pods,
        "rules": RULES,
        "limits": {"client_connections": 20_000, "pod_connections": 8192},
        "log": {"access": str(folder / f"{name}.access")},
    }


def router_contenders(reactor: str, source: Path = ROOT, of: str = "router") -> list[Contender]:
    """The router on one reactor: a hit, one that is taught again, both kinds of miss."""
    label = f"{of}, {reactor}"
    bounce, learn = (router(reactor, name, source) for name in ("bounce", "learn"))
    return [
        Contender(f"{label}: hit", bounce, sets_cookie=True),
        Contender(f"{label}: taught", bounce, path="/hit/taught", sets_cookie=True),
        Contender(f"{label}: learn", learn, path="/asked", counts=True),
        Contender(f"{label}: bounce", bounce, path="/bounce/group/project", sets_cookie=True),
    ]


def has_reactor(name: str) -> bool:
    """Whether twistd knows this reactor and can use it."""
    trial = [*TWISTD, f"--reactor={name}", "--version"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    tried = subprocess.run(trial, env=environment, capture_output=True, timeout=60, check=False)
    return tried.returncode == 0


OTHERS = [
    Contender(
        "nginx",
        with_config(NGINX, "nginx", "-p", "{folder}", "-c", "{config}", "-e", "nginx.error"),
        program="nginx",
    ),
    Contender("HAProxy", with_config(HAPROXY, "haproxy", "-db", "-f", "{config}"), "haproxy"),
    Contender(
        "Caddy",
        with_config(CADDY, "caddy", "run", "--adapter", "caddyfile", "--config", "{config}"),
        program="caddy",
    ),
    Contender(
        "configurable-http-proxy",
        with_config(
            *("", "configurable-http-proxy", "--ip", "127.0.0.1", "--port", "{port}"),
            *("--api-port", "0", "--default-target", "http://127.0.0.1:{upstream}"),
        ),
        program="configurable-http-proxy",
    ),
    Contender("Site and Agent", web_proxy("agent")),
    Contender("twisted.web.proxy", web_proxy("reverse")),
]
