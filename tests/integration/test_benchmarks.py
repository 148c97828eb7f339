"""The benchmarks run: a few seconds of each, and what they say when something is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest
from xml.etree import ElementTree

import attrs
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.client import RIGHT, Answer, Request, judged
from benchmarks.picture import picture
from benchmarks.pod import line, owner
from benchmarks.watching import SERIES, Sample, growths
from benchmarks.world import NAMES
from tests.integration.support import PATIENCE_SECONDS, ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not Path("/proc/self/fd").exists():
        raise SkipTest("needs /proc to look into a process")
    command = [sys.executable, "-m", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


class RunTests(SynchronousTestCase):
    def test_soak(self) -> None:
        """Too short to say that nothing grows; everything else it does."""
        path = Path(self.mktemp()).absolute()
        done = run("benchmarks.soak", "--minutes=0.07", "--every=1", f"--picture={path}")
        self.assertIn(", 0 wrong answers, in 0.07 minutes", done.stdout, done.stderr)
        for kind in ("hit", "miss", "upload", "tunnel", "not_found"):
            self.assertRegex(done.stdout, rf"{kind} +\d+  right")
        self.assertEqual(ElementTree.parse(path).getroot().tag, "{http://www.w3.org/2000/svg}svg")

    def test_killing(self) -> None:
        done = run("benchmarks.killing", "--seconds=4")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"pods were killed [1-9]\d* times")
        self.assertIn("\n0 wrong answers in 4 seconds", done.stdout)

    def test_lookups(self) -> None:
        done = run("benchmarks.lookups", "--most=1000")
        self.assertRegex(done.stdout, r"(?m)^ +1,000( +[0-9.]+){8}$", done.stderr)

    def test_moves(self) -> None:
        done = run("benchmarks.moves", "--rows", "100")
        self.assertEqual(done.returncode, 0, done.stderr)
        for strategy in ("bounce", "learn"):
            line = rf"(?m)^ +100  {strategy} +[0-9,]+ +0 +0 +\d+( +[0-9.]+ s){{4}}$"
            self.assertRegex(done.stdout, line)

    def test_sessions(self) -> None:
        done = run("benchmarks.sessions", "--times=1")
        self.assertEqual(done.returncode, 0, done.stderr)
        store, token = re.split(r"(?m)^token$", done.stdout)
        self.assertRegex(store, r"rows for one session +1\n")
        self.assertRegex(token, r"rows for one session +0\n")
        for part in (store, token):
            self.assertRegex(part, r"a page, later +0 statements at primaries")
            self.assertRegex(part, r"1 changes of a password: .* changes 0\n")

    def test_timing_attack(self) -> None:
        """Without a delay very few answers are enough."""
        path = Path(self.mktemp()).absolute()
        done = run("benchmarks.timing_attack", "--policy=off", "--samples=300", f"--picture={path}")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, r"one name, hit +1 +300( +[01]\.(9\d\d|000)){6}  told apart")
        self.assertRegex(done.stdout, r"pair, hit +30 +[01]\.(9\d\d|000)  told apart")
        self.assertRegex(done.stdout, r"off: \d+ comparisons tell, 0 ms added: as it should be")
        self.assertEqual(ElementTree.parse(path).getroot().tag, "{http://www.w3.org/2000/svg}svg")


class JudgeTests(SynchronousTestCase):
    """Nothing but the one right answer, or a refusal of this request, is let through."""

    def setUp(self) -> None:
        self.request = Request("GET", "/tenant/hit")
        self.text = self.answer_to(self.request)

    def answer_to(self, request: Request) -> bytes:
        pod = owner(request.target, NAMES)
        return line(pod, request.method, request.target, request.token, request.body)

    def judged(self, status: int, body: bytes = b"", **headers: str) -> str:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return judged(self.request, Answer(status, names, body), NAMES)

    def test_right(self) -> None:
        self.assertEqual(self.judged(200, self.text), RIGHT)
        self.assertEqual(self.judged(502, x_request_id=self.request.token), "502")

    def test_another_requests(self) -> None:
        other = attrs.evolve(self.request, token="other")
        self.assertIn("wrong", self.judged(200, self.answer_to(other)))
        self.assertIn("wrong", self.judged(502, x_request_id="other"))

    def test_other_faults(self) -> None:
        self.assertIn("wrong", self.judged(404, self.text))
        self.assertIn("wrong", self.judged(200, self.text[:-1]))
        self.assertIn("without Retry-After", self.judged(503, x_request_id=self.request.token))


class GrowthTests(SynchronousTestCase):
    def samples(self, *memory_mib: float) -> list[Sample]:
        calm = Sample(0, *[0.0] * len(SERIES))
        return [attrs.evolve(calm, seconds=i, memory_mib=m) for i, m in enumerate(memory_mib)]

    def growing(self, *memory_mib: float) -> list[str]:
        return [one.series.name for one in growths(self.samples(*memory_mib)) if one.is_growth]

    def test_growth(self) -> None:
        self.assertEqual(self.growing(50, 54, 58, 62), ["memory_mib"])

    def test_no_growth(self) -> None:
        self.assertEqual(self.growing(50, 70, 70, 51), [])
        self.assertEqual(self.growing(50), [])

    def test_a_picture_has_a_line_for_each_series(self) -> None:
        drawn = ElementTree.fromstring(picture(self.samples(50, 60)))
        lines = list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))
        self.assertEqual(len(lines), len(SERIES))
