"""A disk that is full, and files that may not be written, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

from tests.support_stores import HANGS_SECONDS
from tests.test_stores_bad_files import BadFileCase

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534


class ChildTests(BadFileCase):
    """What needs a process of its own: limits and rights cannot be taken back."""

    def run_child(self, script: str, as_nobody: bool = False) -> str:
        """Run a script that has a store at hand; what it prints."""
        prelude = (
            "import sys, os, resource\n"
            "from tests.support_stores import StoreCase, route\n"
            f"if {as_nobody} and os.getuid() == 0: os.setgroups([]), os.setgid({NOBODY})\n"
            f"if {as_nobody} and os.getuid() == 0: os.setuid({NOBODY})\n"
            "case = StoreCase()\n"
            "case.setUp()\n"
            "case.path = sys.argv[1]\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", prelude + script + "case.doCleanups()\n", self.path],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=HANGS_SECONDS,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_g46_full(self) -> None:
        """A limit of the size of files is how a disk is full for one process only.

        SQLite says ``disk I/O error`` then; the other test has a disk that is really full.
        """
        self.fill(10)
        printed = self.run_child(
            "store = case.opened_store(10**6)\n"
            "size = os.path.getsize(case.path) + 100_000\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
            "for number in range(3000): store.put(route(f'/more-{number}/project'))\n"
            "case.flush(store)\n"
            "print(dict(store.failures), store.is_persistent, store.pending)\n"
            "print(case.paths(store, '/more-2999/project/x', '/group-0/project', '/z'))\n"
        )
        self.assertEqual(
            printed,
            "{'broken_disk': 1} False 3000\n[('/more-2999/project',), ('/group-0/project',), ()]\n",
        )
        self.assertEqual(
            self.paths(self.opened_store(), "/group-9/project"), [("/group-9/project",)]
        )

    def test_g46_full_disk(self) -> None:
        """On a file system of a megabyte, in a name space where we may mount one."""
        script = (
            "from tests.support_stores import StoreCase, route\n"
            "case = StoreCase()\n"
            "case.setUp()\n"
            f"case.path = '{self.folder}/routes.sqlite'\n"
            "store = case.opened_store(10**6)\n"
            "for number in range(20_000): store.put(route(f'/more-{number}/project'))\n"
            "case.flush(store)\n"
            "print(dict(store.failures), store.is_persistent, store.pending)\n"
            "print(case.paths(store, '/more-19999/project/x', '/z'))\n"
            "case.doCleanups()\n"
        )
        mount = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" -c "$3"'
        command = ["unshare", "-rm", "sh", "-c", mount, "sh", self.folder, sys.executable]
        try:
            probe = subprocess.run([*command, "pass"], capture_output=True)
        except OSError as error:
            raise SkipTest(f"no name spaces here: {error}") from error
        if probe.returncode:
            raise SkipTest(f"no name spaces here: {probe.stderr.decode()}")
        done = subprocess.run(
            [*command, script], cwd=ROOT, capture_output=True, text=True, timeout=HANGS_SECONDS
        )
        self.assertEqual(
            (done.stdout, done.stderr),
            ("{'full': 1} False 20000\n[('/more-19999/project',), ()]\n", ""),
        )

    def test_g46_read_only(self) -> None:
        """The superuser may write what is read-only, so it is tried as somebody else."""
        self.fill(1)
        os.chmod(self.path, 0o444)
        os.chmod(self.folder, 0o555)
        os.chmod(os.path.dirname(self.folder), 0o755)
        script = (
            "store = case.opened_store()\n"
            "store.put(route('/a'))\n"
            "case.flush(store)\n"
            "print(store.is_persistent, store.pending, sorted(store.failures))\n"
            "print(case.paths(store, '/a/b', '/z'))\n"
        )
        printed = self.run_child(script, as_nobody=True)
        state, answers = printed.splitlines()
        self.assertIn(state, ("False 1 ['read_only']", "False 1 ['unreachable']"))
        self.assertEqual(answers, "[('/a',), ()]")
        os.chmod(self.folder, 0o755)
        self.assertEqual(self.aside(), [])

    def test_g46_read_only_file(self) -> None:
        """What is in it can be read."""
        self.fill(1)
        os.chmod(self.path, 0o444)
        os.chmod(self.folder, 0o777)
        os.chmod(os.path.dirname(self.folder), 0o755)
        script = (
            "store = case.opened_store()\n"
            "store.put(route('/a'))\n"
            "case.flush(store)\n"
            "print(store.is_persistent, store.pending, sorted(store.failures))\n"
            "print(case.paths(store, '/a/b', '/group-0/project'))\n"
        )
        printed = self.run_child(script, as_nobody=True)
        self.assertEqual(printed, "False 1 ['read_only']\n[('/a',), ('/group-0/project',)]\n")
