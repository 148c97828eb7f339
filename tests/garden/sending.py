"""Sends all cases through whatever stands before the pod, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.garden.case import Case
from tests.garden.client import Outcome, send
from tests.garden.judge import Sent
from tests.garden.pod import RecordingPod
from tests.integration.support import Address

AT_ONCE = 24

#: A case by its full name.
Named = tuple[str, Case]


def client_address(number: int) -> str:
    """One address of the loopback network for each case, by which a pod tells them apart."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def send_all(
    address: Address, pod: RecordingPod, cases: Sequence[Named], *, in_pieces: bool = False
) -> list[Sent]:
    """Send each case on a connection of its own.

    :param in_pieces: byte by byte, or nearly so.
    :raises AssertionError: a pod got something that no client caused.
    """

    def run(number: int) -> Outcome:
        case, source = cases[number][1], client_address(number)
        return send(address, source, case.data, len(case.answers), in_pieces=in_pieces)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        outcomes = list(threads.map(run, range(len(cases))))
    streams = pod.streams()
    sent = [
        Sent(name, case, outcome, streams.pop(client_address(number), ()))
        for number, ((name, case), outcome) in enumerate(zip(cases, outcomes, strict=True))
    ]
    assert not streams, f"of no known client: {streams}"
    return sent
