"""The example strategy: installed by pip into an environment of its own, and used by name."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import venv
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar
from unittest import SkipTest

from packaging.version import Version
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.http_pod import Exchange, HttpPod
from tests.integration.support import PATIENCE_SECONDS, free_port, serves, wait_for

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "strategy-by-token"
LEFTOVERS = shutil.ignore_patterns("__pycache__", "dropin.cache", "build", "*.egg-info")
COMMAND_SECONDS = 300
PODS = "from pods.cli import main; raise SystemExit(main())"
TWISTD = "from twisted.scripts.twistd import run; run()"


def run(*arguments: str | Path, cwd: Path, code: int = 0) -> str:
    """What a command prints, its errors included."""
    done = subprocess.run(
        list(map(str, arguments)),
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    if done.returncode != code:
        raise AssertionError(f"{arguments} ended with {done.returncode}\n{done.stdout}")
    return done.stdout


def environment() -> dict[str, str]:
    """This process's, without what would let another Python find our modules."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def make_environment(folder: Path) -> Path:
    """A virtual environment that sees the packages of the running one, so that no network is
    needed, and in which something can be installed.

    :returns: its Python.
    """
    venv.EnvBuilder(symlinks=True).create(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (packages / "borrowed.pth").write_text("\n".join([*lines, str(ROOT), ""]))
    return folder / "bin" / "python"


class ExampleStrategyTests(SynchronousTestCase):
    """All in one environment, made by the first test that asks."""

    home: ClassVar[Path | None] = None

    def installed(self) -> tuple[Path, Path]:
        """The Python that has the example, and the example's folder."""
        if ExampleStrategyTests.home is None:
            if Version(version("setuptools")) < Version("77"):
                raise SkipTest("needs setuptools>=77, as in the extra dev")
            home = Path(self.mktemp()).absolute()
            sources = shutil.copytree(EXAMPLE, home / "example", ignore=LEFTOVERS)
            python = make_environment(home / "venv")
            offline = ("--no-index", "--no-build-isolation", "--no-deps")
            run(python, "-m", "pip", "install", "--quiet", *offline, sources, cwd=home)
            ExampleStrategyTests.home = home
        home = ExampleStrategyTests.home
        return home / "venv" / "bin" / "python", home / "example"

    def test_is_not_here_without_being_installed(self) -> None:
        printed = run(
            *(sys.executable, "-c", PODS, "check-config", EXAMPLE / "router.toml"),
            cwd=ROOT,
            code=2,
        )
        self.assertIn('no plugin "by-token" is installed', printed)

    def test_check_config_accepts_it(self) -> None:
        python, example = self.installed()
        run(python, "-c", PODS, "check-config", example / "router.toml", cwd=example.parent)

    def test_check_config_says_what_is_wrong_with_its_options(self) -> None:
        python, example = self.installed()
        config = example.parent / "wrong.toml"
        text = (example / "router.toml").read_text()
        config.write_text(text.replace("header =", "heder =").replace('"pod_b"', '"pod_c"'))
        printed = run(python, "-c", PODS, "check-config", config, cwd=example.parent, code=2)
        self.assertIn("strategy.heder: unknown option, nearest is header", printed)
        self.assertIn("strategy.tokens.initech: is 'pod_c', which is no pod", printed)

    def test_its_own_tests_pass(self) -> None:
        python, example = self.installed()
        printed = run(python, "-m", "twisted.trial", "test_by_token", cwd=example)
        self.assertIn("PASSED", printed)

    def test_a_router_routes_with_it(self) -> None:
        python, example = self.installed()
        pods = [HttpPod(name, answer_with_name(name)) for name in ("a", "b")]
        for pod in pods:
            self.addCleanup(pod.stop)
        port = self.start_router(python, example, pods)
        for tenant, name in (("initech", b"b"), ("acme", b"a"), ("initech", b"b")):
            self.assertEqual(get(port, {"X-Tenant": tenant}), (200, name))
        self.assertEqual(get(port, {})[0], 200)

    def start_router(self, python: Path, example: Path, pods: list[HttpPod]) -> int:
        port = free_port()
        text = (example / "router.toml").read_text().replace("tcp:8080:", f"tcp:{port}:")
        for address, pod in zip(("127.0.0.1:9100", "127.0.0.1:9101"), pods, strict=True):
            text = text.replace(address, f"127.0.0.1:{pod.port}")
        config = example.parent / "running.toml"
        config.write_text(text)
        process = subprocess.Popen(
            [python, "-c", TWISTD, "-n", "--pidfile=", "pods", "--config", config],
            cwd=example.parent,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait, PATIENCE_SECONDS)
        self.addCleanup(process.terminate)
        wait_until_serving(port, process)
        return port


def answer_with_name(name: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.respond(200, name.encode())


def wait_until_serving(port: int, process: subprocess.Popen[bytes]) -> None:
    def is_serving() -> bool:
        assert process.poll() is None, f"the router ended with {process.returncode}"
        return serves(("127.0.0.1", port))

    wait_for(is_serving, "the router to serve")


def get(port: int, headers: dict[str, str]) -> tuple[int, bytes]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)) as connection:
        connection.request("GET", "/orders", headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
