"""The distribution: what is in it, what it needs, and that it installs and leaves cleanly."""

from __future__ import annotations

import ast
import configparser
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import ClassVar
from unittest import SkipTest

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from twisted.trial.unittest import SynchronousTestCase

from pods import __version__

ROOT = Path(__file__).resolve().parent.parent
PLUGIN_FOLDER = ROOT / "twisted" / "plugins"
COMMAND_SECONDS = 300


def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def lines(value: str) -> list[str]:
    return [line for line in map(str.strip, value.splitlines()) if line]


def packages_in_tree() -> list[str]:
    folders = (path.parent for path in ROOT.glob("pods/**/__init__.py"))
    return sorted(".".join(folder.relative_to(ROOT).parts) for folder in folders)


def shipped_sources() -> list[Path]:
    return [*ROOT.glob("pods/**/*.py"), *PLUGIN_FOLDER.glob("*.py")]


def imported_modules(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def imported_distributions() -> set[str]:
    """The distributions from which the shipped code imports, other than the standard library."""
    names = {name for source in shipped_sources() for name in imported_modules(source)}
    ours = {"pods", "twisted", *sys.stdlib_module_names}
    return {distribution(name) for name in names if name.split(".")[0] not in ours}


def distribution(module: str) -> str:
    """Where an imported module comes from; a namespace has a distribution for each child."""
    top, *rest = module.split(".")
    known = set(map(canonicalize_name, packages_distributions().get(top, [top])))
    child = canonicalize_name(".".join([top, *rest[:1]]))
    return child if child in known else min(known)


class TreeTests(SynchronousTestCase):
    """What ``setup.cfg`` says is what the tree holds."""

    def test_every_package_is_listed(self) -> None:
        listed = lines(setup_cfg()["options"]["packages"])
        self.assertEqual(sorted(listed), sorted([*packages_in_tree(), "twisted.plugins"]))

    def test_twisted_folders_are_no_packages(self) -> None:
        self.assertEqual(list((ROOT / "twisted").rglob("__init__.py")), [])

    def test_pyproject_only_names_the_build_backend(self) -> None:
        text = (ROOT / "pyproject.toml").read_text()
        self.assertEqual(list(tomllib.loads(text)), ["build-system"])
        self.assertEqual(len(text.splitlines()), 3)

    def test_requirements_are_the_imports(self) -> None:
        config = setup_cfg()
        extras = config["options.extras_require"]
        listed = config["options"]["install_requires"] + extras["uvloop"] + extras["postgres"]
        required = map(Requirement, lines(listed))
        names = {canonicalize_name(requirement.name) for requirement in required}
        self.assertEqual(names - {"twisted"}, imported_distributions())
        self.assertIn("twisted", names)

    def test_dropins_hold_no_logic(self) -> None:
        allowed = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
        for dropin in PLUGIN_FOLDER.glob("*.py"):
            for node in ast.parse(dropin.read_text()).body:
                self.assertIsInstance(node, allowed, f"{dropin.name}:{node.lineno}")


def run(*arguments: str | Path, cwd: Path) -> str:
    """What the command prints; a failure of the test if it fails."""
    environment = {key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, arguments)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    if done.returncode:
        raise AssertionError(
            f"{arguments} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def run_online(*arguments: str | Path, cwd: Path) -> str:
    """The same for a command of pip: skips the test if no package index can be reached."""
    try:
        return run(*arguments, cwd=cwd)
    except AssertionError as error:
        signs = ("No matching distribution", "Could not find a version", "ConnectionError")
        if any(sign in str(error) for sign in signs):
            raise SkipTest("needs a package index, and none could be reached") from error
        raise


class DistributionTests(SynchronousTestCase):
    """Builds once; an environment with nothing but the wheel is what most users have."""

    folder: ClassVar[Path | None] = None

    def built(self) -> Path:
        """The folder with the wheel and the sdist, made by the first test that asks."""
        if DistributionTests.folder is None:
            folder = Path(self.mktemp()).absolute()
            folder.mkdir(parents=True)
            run_online(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
            DistributionTests.folder = folder
        return DistributionTests.folder

    def wheel(self) -> Path:
        return self.built() / f"pods_router-{__version__}-py3-none-any.whl"

    def test_wheel_holds_the_packages_and_nothing_else(self) -> None:
        names = zipfile.ZipFile(self.wheel()).namelist()
        tops = {name.split("/")[0] for name in names}
        self.assertEqual(tops, {"pods", "twisted", f"pods_router-{__version__}.dist-info"})
        self.assertIn("pods/py.typed", names)
        dropins = {f"twisted/plugins/{path.name}" for path in PLUGIN_FOLDER.glob("*.py")}
        self.assertEqual({name for name in names if name.startswith("twisted/")}, dropins)

    def test_sdist_holds_tests_and_documentation(self) -> None:
        sdist = self.built() / f"pods_router-{__version__}.tar.gz"
        with tarfile.open(sdist) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        for name in ("tests/__init__.py", "docs/conf.py", "LICENSE", ".ci/run", "towncrier.toml"):
            self.assertIn(name, names)
        self.assertFalse([name for name in names if name.endswith(("dropin.cache", ".pyc"))])

    def test_wheel_works_in_an_empty_environment_and_leaves_it_clean(self) -> None:
        folder = Path(self.mktemp()).absolute()
        run(sys.executable, "-m", "venv", folder, cwd=ROOT)
        scripts = folder / "bin"
        run_online(scripts / "python", "-m", "pip", "install", self.wheel(), cwd=folder)

        commands = run(scripts / "twistd", "--help", cwd=folder).split()
        self.assertLessEqual({"pods", "pods-pod", "pods-demo"}, set(commands))
        self.assertIn("check-config", run(scripts / "pods", "--help", cwd=folder))

        run(scripts / "python", "-m", "pip", "uninstall", "-y", "pods-router", cwd=folder)
        commands = run(scripts / "twistd", "--help", cwd=folder).split()
        self.assertIn("web", commands)
        self.assertFalse({"pods", "pods-pod", "pods-demo"} & set(commands))
