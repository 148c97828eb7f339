"""The ``pods`` command.

Exit codes: 0 all is well, 1 something could not be done, 2 the configuration or the command line
is faulty, 130 it was interrupted.
"""

from __future__ import annotations

import os
import re
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import TextIO

from twisted.logger import globalLogBeginner

import pods
from pods import check_pod, routes_command
from pods.checking import faults_of
from pods.config import load
from pods.errors import ConfigurationError, Fault
from pods.explain import explain

OK, FAILED, FAULTY = 0, 1, 2
INTERRUPTED = 130  #: by Ctrl-C, as shells say it


def main() -> int:
    """Run the command line of this process.

    :returns: the exit code.
    """
    # Twisted logs a traceback for each plugin file that it cannot import.  Those that
    # matter are told as faults, one line each.
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)
    with open(os.devnull, "w") as nowhere:  # for what was closed when this process began
        return run(sys.argv[1:], sys.stdout or nowhere, sys.stderr or nowhere)


def run(arguments: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Run one command.

    :param arguments: without the command's own name.
    :returns: the exit code.
    """
    try:
        # argparse writes help and usage errors to the process's own streams.
        with redirect_stdout(stdout), redirect_stderr(stderr):
            parsed = _parser().parse_args(arguments)
    except SystemExit as stop:
        return OK if stop.code in (None, 0) else FAULTY
    try:
        code: int = parsed.run(parsed, stdout, stderr)
        stdout.flush()
    except ConfigurationError as error:
        print(*error.faults, sep="\n", file=stderr)
        return FAULTY
    except BrokenPipeError:
        # Whoever reads has seen enough, such as head(1).  What is left cannot be flushed at exit.
        _drop_output()
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:  # such as a full disk behind standard output
        print(f"pods: {error}", file=stderr)
        _drop_output()
        return FAILED
    else:
        return code
    return OK


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_config(arguments: Namespace, stdout: TextIO, stderr: TextIO) -> int:
    faults = faults_of(arguments.file)
    if faults:
        raise ConfigurationError(*faults)
    print("ok", file=stdout)
    return OK


def _explain(arguments: Namespace, stdout: TextIO, stderr: TextIO) -> int:
    if not re.fullmatch("[A-Z][A-Z-]*", arguments.method):
        raise ConfigurationError(Fault("METHOD", "is no method", "capitals, such as GET"))
    if not re.fullmatch("/[!-~]*", arguments.path) or "#" in arguments.path:
        allowed = "what a request line has: / first, percent-encoded, no #"
        raise ConfigurationError(Fault("PATH", "is no path", allowed))
    config = load(arguments.config)
    now = time.time()
    recall = partial(routes_command.covering, config.router.data_dir, now=now)
    answer = explain(config, arguments.method, arguments.path, recall, now)
    print(f"{arguments.method} {arguments.path}\n{answer}", file=stdout)
    return OK


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="pods", description="Looks after a router and its pods.")
    parser.add_argument("--version", action="version", version=f"pods {pods.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    check = commands.add_parser("check-config", help="check a router.toml without starting it")
    check.add_argument("file", metavar="FILE", help="the router.toml")
    check.set_defaults(run=_check_config)

    told = commands.add_parser("explain", help="say where a request would go, and why")
    told.add_argument("--config", metavar="FILE", required=True, help="the router.toml")
    told.add_argument("method", metavar="METHOD", help="such as GET")
    told.add_argument("path", metavar="PATH", help="as in a request line; a query takes no part")
    told.set_defaults(run=routes_command.guarded(_explain))

    check_pod.add_to(commands)
    routes_command.add_to(commands)
    return parser
