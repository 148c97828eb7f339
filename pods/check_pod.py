"""``pods check-pod URL [--path P ...]``: what an application does right and wrong as a pod."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any, TextIO

from pods.check_pod_asking import Asking
from pods.check_pod_checks import Checker
from pods.check_pod_findings import Verdict
from pods.check_pod_wire import Address
from pods.errors import ConfigurationError, Fault
from pods.protocol import DEFAULT_HEADER_PREFIX, HeaderNames, is_pod_name

OK, WRONG = 0, 1
TIMEOUT_SECONDS = 5.0


def add_to(commands: Any) -> None:
    """Add the command to a parser's subcommands."""
    parser: ArgumentParser = commands.add_parser(
        "check-pod", help="talk to a running application as a router would"
    )
    parser.add_argument("url", metavar="URL", help="as in router.toml: http://HOST:PORT")
    parser.add_argument(
        "--path",
        metavar="P",
        action="append",
        default=[],
        help="a path of this pod, or of another one; may be given often",
    )
    parser.add_argument("--pod", metavar="NAME", help="which pod it is")
    parser.add_argument("--ca-file", metavar="FILE", help="as in router.toml, for https")
    parser.add_argument("--header-prefix", metavar="PREFIX", default=DEFAULT_HEADER_PREFIX)
    parser.add_argument(
        "--timeout-seconds",
        metavar="SECONDS",
        type=float,
        default=TIMEOUT_SECONDS,
        help=f"for each answer; {TIMEOUT_SECONDS:g}",
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace, stdout: TextIO, stderr: TextIO) -> int:
    """Make all checks, and print a line for each.

    :returns: the exit code: 0 if nothing is wrong, else 1.
    :raises ConfigurationError: the command line is wrong.
    """
    faults = list(_faults(arguments))
    if faults:
        raise ConfigurationError(*faults)
    names = HeaderNames(arguments.header_prefix)
    address = Address.of(arguments.url, arguments.ca_file)
    asking = Asking(address, names, arguments.timeout_seconds)
    counts = dict.fromkeys(Verdict, 0)
    for finding in Checker(asking, arguments.pod).findings(arguments.path):
        counts[finding.verdict] += 1
        print(finding, file=stdout, flush=True)
    print(f"{counts[Verdict.RIGHT]} right, {counts[Verdict.WRONG]} wrong", file=stdout)
    return WRONG if counts[Verdict.WRONG] else OK


def _faults(arguments: Namespace) -> Iterator[Fault]:
    for path in arguments.path:
        if not re.fullmatch("/[!-~]*", path) or set(path) & set("#?"):
            allowed = "what a request line has: / first, percent-encoded, no query"
            yield Fault("--path", f"is {path}", allowed)
    if arguments.pod is not None and not is_pod_name(arguments.pod):
        yield Fault("--pod", f"is {arguments.pod}", "a pod's name, as in router.toml")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9-]*-", arguments.header_prefix):
        allowed = "letters, digits and -, ending with -, as in router.toml"
        yield Fault("--header-prefix", f"is {arguments.header_prefix}", allowed)
    if not 0 < arguments.timeout_seconds <= 3600:
        yield Fault("--timeout-seconds", f"is {arguments.timeout_seconds}", "over 0, up to 3600")
