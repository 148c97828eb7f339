"""Real git through the router: clone, fetch and a large push that first meets the wrong pod."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import SkipTest

from tests.integration.git_pod import GitPod, git
from tests.integration.support import (
    MIB,
    HeldFilesWatch,
    IntegrationTestCase,
    RouterProcess,
    need,
    progress,
)

PACK_BYTES = 100 * MIB
REPOSITORY = "project.git"


def write_and_commit(work: Path, name: str, size_bytes: int) -> None:
    """A commit with a new file that cannot be compressed."""
    with (work / name).open("wb") as file:
        for _ in range(-(-size_bytes // MIB)):
            file.write(os.urandom(min(size_bytes, MIB)))
    git("add", name, cwd=work)
    git("commit", "--quiet", "-m", f"Add {name}", cwd=work)


class GitTests(IntegrationTestCase):
    """``owner`` has the repository; ``other`` runs the newest release and is asked first."""

    def setUp(self) -> None:
        need("git")
        owners = {"team": "owner"}
        roots = [self.folder(), self.folder()]
        self.owner, self.other = (
            GitPod(name, owners, root) for name, root in zip(("owner", "other"), roots, strict=True)
        )
        for git_pod in (self.owner, self.other):
            self.addCleanup(git_pod.pod.stop)
        self.work = self.folder()
        try:
            self.bare = self.owner.create("team", REPOSITORY)
        except FileNotFoundError as error:
            raise SkipTest("git not installed") from error

    def start(self, strategy: str) -> RouterProcess:
        pods = {
            "owner": {"url": self.owner.pod.url},
            "other": {"url": self.other.pod.url, "latest": True},
        }
        return self.router(router={"strategy": strategy}, pods=pods, strategy={"unknown": "latest"})

    def clone(self, router: RouterProcess, name: str) -> Path:
        url = f"{router.url}/team/{REPOSITORY}"
        git("clone", "--quiet", url, name, cwd=self.work)
        path = self.work / name
        git("config", "core.compression", "0", cwd=path)  # random bytes: save the time
        return path

    def clone_push_fetch(self, router: RouterProcess, size_bytes: int) -> None:
        """What two people do with one repository; at the end both and the server have the same."""
        first, second = self.clone(router, "first"), self.clone(router, "second")
        write_and_commit(first, "large", size_bytes)
        git("push", "--quiet", "origin", "HEAD:main", cwd=first)
        git("fetch", "--quiet", "origin", cwd=second)
        heads = {
            git("rev-parse", name, cwd=path)
            for path, name in ((first, "HEAD"), (second, "origin/main"), (self.bare, "main"))
        }
        self.assertEqual(len(heads), 1)
        for path in (first, second, self.bare):
            git("fsck", "--full", "--strict", cwd=path)

    def check_large_push(self, router: RouterProcess) -> HeldFilesWatch:
        """The push of a large pack; both pods must see all requests of it."""
        progress(f"git: pushing {PACK_BYTES // MIB} MiB over the wrong pod")
        with HeldFilesWatch(router) as watch, router.measured_growth() as growth:
            self.clone_push_fetch(router, PACK_BYTES)
        spooled = f"spooled at most {watch.highest_bytes / MIB:.0f} MiB"
        progress(f"router's memory grew by {growth[0] / MIB:.1f} MiB at its peak, {spooled}")

        chunked = [
            [
                seen
                for seen in git_pod.pod.seen
                if seen.headers.get("transfer-encoding") == "chunked"
            ]
            for git_pod in (self.other, self.owner)
        ]
        self.assertEqual([len(requests) for requests in chunked], [1, 1])
        for (request,) in chunked:
            self.assertEqual(request.path, f"/team/{REPOSITORY}/git-receive-pack")
        self.assertEqual(router.held_files(), {})
        self.assertLess(growth[0], 16 * MIB)
        return watch

    def test_bounce(self) -> None:
        """Nobody teaches, so that each request, the push too, goes to the wrong pod first."""
        self.owner.teaches = False
        router = self.start("bounce")
        self.check_large_push(router)
        self.assertEqual(self.other.pod.count("POST"), self.owner.pod.count("POST"))

    def test_bounce_after_the_body(self) -> None:
        """The wrong pod reads all of the pack before it bounces: it is replayed from disk."""
        self.owner.teaches = False
        self.other.reads_before_bouncing = True
        watch = self.check_large_push(self.start("bounce"))
        self.assertGreater(watch.highest_bytes, PACK_BYTES // 2)

    def test_bounce_teaches(self) -> None:
        """One bounce, then every request goes straight to the owner."""
        router = self.start("bounce")
        self.clone_push_fetch(router, 3 * MIB)
        self.assertEqual(len(self.other.pod.seen), 1)

    def test_learn(self) -> None:
        """One question, then every request goes straight to the owner."""
        router = self.start("learn")
        self.clone_push_fetch(router, 3 * MIB)
        self.assertEqual([seen.path for seen in self.other.pod.seen], ["/api/v4/pods/learn"])

    def test_learn_from_a_pod_that_does_not_know_yet(self) -> None:
        """Nobody has heard of the group, so that the push goes to the wrong pod, which bounces."""
        self.owner.teaches = False
        self.owner.knows_owners = self.other.knows_owners = False
        self.check_large_push(self.start("learn"))
