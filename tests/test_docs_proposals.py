"""The page that says what of the proposals runs, against what there is."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pods.reference.walkthrough import FLOWS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "proposals.rst"


class ProposalsPageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.text = " ".join(PAGE.read_text().replace("``", "").split())

    def test_every_heading_of_the_walkthrough_is_there(self) -> None:
        missing = [
            flow.section
            for flows in FLOWS.values()
            for flow in flows
            if flow.section.replace("/", "").casefold() not in self.text.replace("/", "").casefold()
        ]
        self.assertEqual(missing, [])

    def test_what_it_names_is_there(self) -> None:
        modules = re.findall(r"\b(?:tests|benchmarks)\.[a-z_.]+[a-z]", self.text)
        self.assertTrue(modules)
        self.assertEqual([name for name in modules if find_spec(name) is None], [])
        files = re.findall(r"\bpods/[a-z_/]+\.py", self.text)
        self.assertEqual([name for name in files if not (ROOT / name).exists()], [])
