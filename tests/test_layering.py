"""What may import what, as a table; and how large things may be.

Arrows point down only: a module imports what stands above it in :data:`LAYERS`, and of that only
what its line names.  The words that both sides speak come first, what runs everything comes last.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES = 45
MODULE_LINES = 400

#: Module or package below ``pods`` -> what it may import from ``pods``.  A package's line counts
#: for all its modules that have none of their own; modules of one package may import each other,
#: and the test for cycles keeps them in order.  ``pods`` itself is ``""``.
LAYERS: Mapping[str, str] = {
    "": "",
    # Stands alone, and may leave home one day.
    "outbox": "",
    "uvloop_reactor": "outbox",
    # The words.
    "errors": "",
    "interfaces": "",
    "wording": "",
    "protocol": "errors",
    # What plugins are made of and found by.
    "options": "errors wording",
    "lazy": "interfaces",
    "plugins": "errors wording",
    "keys": "errors",
    # Pure: what router.toml says, which route matches, what a header claims.
    "config": "errors interfaces wording protocol plugins",
    "routing": "errors interfaces protocol",
    # For applications; nothing of the router, and Twisted only for its resources.
    "middleware": "errors wording protocol routing.paths",
    # Built-ins: what a third party can use, and the pure words about paths.
    "strategies": "errors interfaces protocol options routing.paths routing.acceptance",
    "delays": "errors interfaces options routing.paths",
    "tallies": "interfaces",
    "testing": "errors interfaces protocol routing tallies",
    # Bytes: knows neither routes nor strategies.
    "http1": "errors interfaces outbox",
    # One part of a request's life each.
    "counters": "tallies",
    "health": "interfaces",
    "checks": "errors interfaces health",
    "journal": "interfaces",
    "request_ids": "",
    "accesslog": "interfaces journal",
    "client_request": "interfaces http1 routing.headers",
    "cold_lookups": "interfaces routing.table counters",
    "memory": "errors interfaces protocol routing counters cold_lookups",
    "following": "memory",
    "stores": "interfaces protocol routing.paths",
    "cookie_jar": "keys config http1 routing.route_cookie",
    "releases": "interfaces counters",
    "not_found": "errors http1 releases",
    "bounces": "errors protocol",
    "dialing": "errors config http1.secured http1.upstream",
    "timeouts": "interfaces",
    "question": "errors interfaces http1 timeouts",
    "locator": "errors interfaces protocol client_request question",
    "services": "errors interfaces routing.pods http1 tallies timeouts question",
    "extensions": "errors interfaces wording plugins config",
    "reply": "errors http1 journal not_found",
    # The life of a request: the only module that knows all of it.
    "exchange": (
        "errors interfaces protocol routing http1 journal client_request bounces locator memory"
        " reply"
    ),
    # What makes the parts, runs them, and is started.
    "clients": "http1",
    "doubts": "interfaces",
    "lasting": (
        "keys config routing http1 accesslog clients counters doubts health memory releases outbox"
    ),
    "pools": "config http1 dialing health outbox",
    "router": (
        "errors interfaces protocol config routing http1 counters accesslog journal lasting"
        " cookie_jar dialing pools services health checks extensions exchange request_ids"
    ),
    "listeners": "errors",
    "surroundings": "interfaces config keys accesslog listeners stores",
    # What those see who watch it; imported only if somebody may.
    "readiness": "health",
    "numbers": "",
    "exposition": "counters numbers",
    "metrics": "accesslog counters tallies numbers exposition",
    "admin": "exposition readiness",
    "monitor": "config listeners readiness admin",
    # Commands; all but ``tap`` start nothing.
    "ending": "",
    "checking": "errors interfaces config routing.pods extensions tallies",
    "service": (
        "errors config http1.server accesslog checking clients following lasting listeners"
        " surroundings metrics monitor readiness router"
    ),
    "signals": "",
    "workers": (
        "errors keys config accesslog checking listeners surroundings numbers exposition metrics"
        " monitor service signals"
    ),
    "tap": "errors checking ending listeners service signals workers",
    "explain": "interfaces wording config http1.heads routing.paths routing.rules",
    "progress": "",
    "route_lines": "errors interfaces protocol routing.paths",
    "routes_import": "errors interfaces config progress route_lines stores",
    "routes_command": (
        "errors interfaces protocol wording config progress route_lines routes_import routing.paths"
        " stores surroundings"
    ),
    "check_pod_wire": "errors",
    "check_pod_findings": "",
    "check_pod_asking": "protocol check_pod_wire",
    "check_pod_bounces": "errors protocol check_pod_wire check_pod_findings check_pod_asking",
    "check_pod_checks": (
        "errors protocol routing.paths routing.acceptance check_pod_wire check_pod_findings"
        " check_pod_asking check_pod_bounces"
    ),
    "check_pod": (
        "errors protocol check_pod_wire check_pod_findings check_pod_asking check_pod_checks"
    ),
    "cli": "errors config checking explain routes_command check_pod",
    # The pods' side, and the demo that runs both sides: the router never imports it.
    "reference": (
        "errors keys progress wording protocol interfaces config routing.table testing.chance"
        " ending listeners service signals tap"
    ),
}


def module_name(source: Path) -> str:
    """The module's name below ``pods``: ``http1.pool`` for ``pods/http1/pool.py``."""
    parts = source.relative_to(ROOT / "pods").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {module_name(source): source for source in sorted(ROOT.glob("pods/**/*.py"))}


def layer(module: str) -> str | None:
    """The line of :data:`LAYERS` for this module: its own, or that of the nearest package."""
    while module and module not in LAYERS:
        module = module.rpartition(".")[0]
    return module or None


def below_pods(name: str) -> str | None:
    """The longest known module in a dotted name, or None if it is not below ``pods``."""
    top, _, name = name.partition(".")
    if top != "pods":
        return None
    while name not in SOURCES:
        name = name.rpartition(".")[0]
    return name


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Dotted names of everything that is imported, inside functions as well.

    What is imported for annotations only does not count.
    """
    if is_for_annotations(tree):
        return
    for child in ast.iter_child_nodes(tree):
        yield from imported_names(child)
    if isinstance(tree, ast.Import):
        yield from (alias.name for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom) and tree.module:
        yield from (f"{tree.module}.{alias.name}" for alias in tree.names)


def is_for_annotations(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def at_module_scope(tree: ast.Module) -> ast.Module:
    """The module without the bodies of its functions."""

    class WithoutFunctions(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
            return None

    return ast.fix_missing_locations(WithoutFunctions().visit(tree))  # type: ignore[no-any-return]


def parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_text(), str(source))


def imports(module: str) -> set[str]:
    """The modules below ``pods`` that this one imports; importing ``pods`` itself is free."""
    targets = map(below_pods, imported_names(parsed(SOURCES[module])))
    return {target for target in targets if target} - {module}


def allowed(importer: str, target: str) -> bool:
    own, other = layer(importer), layer(target)
    named = LAYERS[own or ""].split()
    within_package = own == other and own in SOURCES
    return within_package or any(f"{target}.".startswith(f"{name}.") for name in named)


class ArrowTests(SynchronousTestCase):
    """The arrows between the modules point one way."""

    def test_every_module_has_a_place(self) -> None:
        homeless = [f"pods.{module}" for module in SOURCES if module and layer(module) is None]
        self.assertEqual(
            homeless,
            [],
            "new modules: say in LAYERS of tests/test_layering.py what they may import",
        )

    def test_every_place_has_a_module(self) -> None:
        gone = [name for name in LAYERS if name not in SOURCES]
        self.assertEqual(gone, [], "no such modules: take them out of LAYERS")

    def test_modules_import_what_their_line_allows(self) -> None:
        wrong = [
            f"pods.{module} imports pods.{target}"
            for module in SOURCES
            for target in sorted(imports(module))
            if not allowed(module, target)
        ]
        self.assertEqual(wrong, [])

    def test_lines_only_name_what_stands_above(self) -> None:
        seen: list[str] = []
        for name, targets in LAYERS.items():
            for target in targets.split():
                self.assertIn(target.partition(".")[0], seen, f"{name or 'pods'} is too high")
            seen.append(name)

    def test_no_cycles(self) -> None:
        left = {module: imports(module) for module in SOURCES}
        while ready := [module for module, targets in left.items() if not targets & left.keys()]:
            for module in ready:
                del left[module]
        self.assertEqual(sorted(left), [], "these import each other")


class OutsideTests(SynchronousTestCase):
    """What nobody here imports from elsewhere."""

    def test_no_reactor_at_module_scope(self) -> None:
        for source in [*SOURCES.values(), *ROOT.glob("twisted/plugins/*.py")]:
            names = set(imported_names(at_module_scope(parsed(source))))
            self.assertNotIn("twisted.internet.reactor", names, source)

    def test_no_import_installs_a_reactor(self) -> None:
        names = [f"pods.{module}".rstrip(".") for module in SOURCES]
        script = (
            "import importlib, sys\n"
            f"for name in {names!r}:\n"
            "    importlib.import_module(name)\n"
            "    assert 'twisted.internet.reactor' not in sys.modules, name\n"
        )
        self.run_python(script)

    def test_looking_for_plugins_imports_next_to_nothing(self) -> None:
        heavy = ("twisted.web", "treq", "sqlite_utils", "httptools", "pods.config", "pods.http1")
        self.run_python(
            "import sys\nimport pods.interfaces, pods.lazy\n"
            f"found = [name for name in {heavy!r} if name in sys.modules]\n"
            "assert not found, found\n"
        )

    def run_python(self, script: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_no_mocks(self) -> None:
        for folder in ("pods", "tests", "benchmarks"):
            for source in ROOT.glob(f"{folder}/**/*.py"):
                names = [
                    name for name in imported_names(parsed(source)) if "mock" in name.split(".")
                ]
                self.assertEqual(names, [], source)


class SizeTests(SynchronousTestCase):
    """One idea each: functions and modules stay small."""

    def test_functions(self) -> None:
        functions = (
            (source, node)
            for source in SOURCES.values()
            for node in ast.walk(parsed(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        self.assertEqual(
            [
                f"{source.relative_to(ROOT)}:{node.lineno} {node.name}"
                for source, node in functions
                if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
            ],
            [],
            f"functions of more than {FUNCTION_LINES} lines",
        )

    def test_modules(self) -> None:
        for source in [*SOURCES.values(), *ROOT.glob("tests/**/*.py")]:
            length = len(source.read_text().splitlines())
            self.assertLessEqual(length, MODULE_LINES, source.relative_to(ROOT))
