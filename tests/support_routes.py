"""A configuration and a store, for commands that look into it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pods.cli import run
from pods.interfaces import StoredRoute
from pods.stores.routefile import RouteFile
from pods.surroundings import STORE_FILE

ROOT = Path(__file__).resolve().parent.parent
CONFIG = """
[router]
listen = ["tcp:0"]
strategy = "bounce"
data_dir = "var"
[pods.pod_0]
url = "http://127.0.0.1:1"
[pods.pod_eu1]
url = "http://127.0.0.1:2"
[cache]
ttl_seconds = 600
max_ttl_seconds = 7200
"""
HELPER = "import sys; from pods.cli import main; sys.exit(main())"


class RoutesCase(SynchronousTestCase):
    """A configuration and a store, in a folder that goes with the test."""

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = os.path.join(self.folder, "router.toml")
        Path(self.config).write_text(CONFIG)
        self.store = os.path.join(self.folder, "var", STORE_FILE)
        self.now = time.time()

    def run_command(self, name: str, *arguments: str) -> tuple[int, str, str]:
        """Run ``pods routes NAME``: exit code, standard output, standard error."""
        stdout, stderr = StringIO(), StringIO()
        code = run(["routes", name, "--config", self.config, *arguments], stdout, stderr)
        return code, stdout.getvalue(), stderr.getvalue()

    def route(self, path: str, pod: str = "pod_0", age: float = 0, **changes: Any) -> StoredRoute:
        values = {"exact": False, "expires_at": self.now + 3000}
        return StoredRoute(path=path, pod=pod, learned_at=self.now - age, **(values | changes))

    def fill(self, *routes: StoredRoute) -> None:
        file = RouteFile(self.store, make=True)
        list(file.merge(routes, self.now))
        file.close()

    def stored(self) -> list[tuple[str, bool, str | None]]:
        file = RouteFile(self.store)
        self.addCleanup(file.close)
        return [(each.path, each.exact, each.pod) for each in file.routes(self.now)]

    def written(self, *lines: Any) -> str:
        """A file of lines, which are texts or become JSON."""
        path = os.path.join(self.folder, "lines")
        texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        Path(path).write_text("\n".join(texts) + "\n")
        return path
