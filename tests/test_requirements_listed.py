"""Every requirement has tests that are named after it, and the reference says where they are."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "requirements.rst"
SECTIONS = {
    "A": 12,
    "B": 18,
    "C": 25,
    "D": 27,
    "E": 33,
    "F": 41,
    "G": 47,
    "H": 51,
    "I": 53,
    "J": 54,
}
TEST = re.compile(r"def test_([a-j])([0-9]+)_")
ROW = re.compile(
    r"^   \* - ([A-J])([0-9]+)\n     - .+?\n     - (.+?)\n(?=   \*|\n)", re.DOTALL | re.M
)


def named() -> dict[str, set[str]]:
    """Requirement -> the modules with tests that are named after it."""
    found: dict[str, set[str]] = {}
    for source in sorted(ROOT.glob("tests/**/test_*.py")):
        module = ".".join(source.relative_to(ROOT).with_suffix("").parts)
        for letter, number in TEST.findall(source.read_text()):
            found.setdefault(letter.upper() + str(int(number)), set()).add(module)
    return found


def documented() -> dict[str, set[str]]:
    """The same, as the page says."""
    return {
        letter + number: set(re.findall(r"``(tests\.[\w.]+)``", modules))
        for letter, number, modules in ROW.findall(PAGE.read_text())
    }


class RequirementsTests(SynchronousTestCase):
    def test_every_requirement_has_tests(self) -> None:
        numbers: dict[str, None] = {}
        first = 1
        for letter, last in SECTIONS.items():
            numbers |= {f"{letter}{number}": None for number in range(first, last + 1)}
            first = last + 1
        self.assertEqual(sorted(named(), key=lambda name: int(name[1:])), list(numbers))

    def test_the_page_names_their_modules(self) -> None:
        self.assertEqual(documented(), named())
