"""One run of the whole garden: the corpus through the router, and what comes out to servers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import attrs

from tests.garden.corpus import all_cases
from tests.garden.judge import Sent
from tests.garden.pod import RecordingPod
from tests.garden.replay import Reading, replay_all
from tests.garden.sending import send_all
from tests.garden.servers import SERVERS, Missing, Server, Tools
from tests.integration.support import RouterProcess

#: Told what is being done, one line at a time.
Say = Callable[[str], None]


@attrs.define
class Garden:
    """What came of a run."""

    whole: Sequence[Sent] = ()  #: each case in one piece
    in_pieces: Sequence[Sent] = ()  #: each case byte by byte
    readings: dict[str, Sequence[Reading]] = attrs.Factory(dict)  #: by the server's name
    missing: dict[str, str] = attrs.Factory(dict)  #: why a server did not take part


def grow(say: Say) -> Garden:
    """Run everything; leaves no process and no file behind."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="pods-garden-"))
        stack.callback(shutil.rmtree, folder)
        tools, garden = Tools(folder), Garden()
        installing = Thread(target=tools.install)
        installing.start()
        stack.callback(installing.join)
        through_router(garden, folder, say)
        say("installing the Python servers")
        installing.join()
        for kind in SERVERS:
            say(f"{kind.name} reads what came out")
            read_by(garden, kind(tools))
    return garden


def through_router(garden: Garden, folder: Path, say: Say) -> None:
    """Send the corpus through the router, in two ways."""
    cases = list(all_cases())
    pod = RecordingPod()
    try:
        host, port = pod.address
        pods = {"pod_garden": {"url": f"http://{host}:{port}"}}
        router = RouterProcess(folder / "router", {"pods": pods})
        try:
            router.start()
            say(f"{len(cases)} hostile requests")
            garden.whole = send_all(router.address, pod, cases)
            say("the same byte by byte")
            garden.in_pieces = send_all(router.address, pod, cases, in_pieces=True)
            router.stop()
        finally:
            router.kill()
    finally:
        pod.stop()


def read_by(garden: Garden, server: Server) -> None:
    """Have one server read everything, or note why it cannot."""
    try:
        server.start()
    except Missing as reason:
        garden.missing[server.name] = str(reason)
        return
    try:
        garden.readings[server.name] = replay_all(server.address, garden.whole)
    finally:
        server.stop()
