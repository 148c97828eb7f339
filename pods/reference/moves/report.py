"""What people noticed of a move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

import attrs

from pods.reference.moves.traffic import Notes, Place, Request
from pods.reference.resource import Served
from pods.reference.tenancy import Move, State

_GOOD = (200, 201)


@attrs.frozen(kw_only=True)
class Report:
    """A move, as those saw it who used the organization meanwhile."""

    move: Move
    strategy: str
    place: Place
    notes: Notes
    served: Sequence[tuple[float, Served]]  #: what all pods did, and when
    reached: Mapping[State, float]  #: when the move came to each of its states
    arrived: Sequence[str]  #: the titles of the issues that are at the destination
    left_rows: int  #: how many are still at the source

    @property
    def requests(self) -> Sequence[Request]:
        """What people asked for."""
        return self.notes.requests

    @property
    def lost(self) -> Sequence[Request]:
        """Those that ended in no success."""
        return [request for request in self.requests if request.status not in _GOOD]

    @property
    def told_to_come_again(self) -> Sequence[Request]:
        """Those that got 503 with ``Retry-After``, and came again."""
        return [request for request in self.requests if request.tries > 1]

    @property
    def missing(self) -> Sequence[str]:
        """Issues that were made, and are not at the destination exactly once."""
        counts: dict[str, int] = dict.fromkeys(self.notes.written, 0)
        for title in self.arrived:
            if title in counts:
                counts[title] += 1
        return [title for title, count in counts.items() if count != 1]

    def answers_of(self, pod: str) -> Sequence[tuple[float, Served]]:
        """What a pod showed of the organization, and when."""
        return [
            (at, served)
            for at, served in self.served
            if served.pod == pod
            and served.status in _GOOD
            and served.target.startswith(self.place.prefixes)
        ]

    @property
    def wrong(self) -> Sequence[Served]:
        """Answers of the source to what was sent after the switch, of the destination before
        the source was stopped, and of any other pod at any time.
        """
        sent_at = {request.id: request.sent_at for request in self.requests}
        found = [
            served
            for pod in {served.pod for _, served in self.served}
            - {self.move.source, self.move.destination}
            for _, served in self.answers_of(pod)
        ]
        for _, served in self.answers_of(self.move.source):
            request_id = served.request_headers.get("x-request-id", "")
            if sent_at.get(request_id, 0.0) > self.reached[State.SWITCHED]:
                found.append(served)
        for at, served in self.answers_of(self.move.destination):
            if at < self.reached[State.HELD]:
                found.append(served)
        return found

    @property
    def longest_wait_seconds(self) -> float:
        """From when a request was first sent to its answer."""
        return max(request.waited_seconds for request in self.requests)

    @property
    def median_wait_seconds(self) -> float:
        """The same of the request in the middle."""
        return median(request.waited_seconds for request in self.requests)

    @property
    def is_good(self) -> bool:
        """Whether nobody noticed more than a wait."""
        both = all(map(self.answers_of, (self.move.source, self.move.destination)))
        bad = (self.lost, self.wrong, self.missing, self.notes.unread, self.left_rows)
        return both and not any(bad)

    def lines(self) -> Iterator[str]:
        """In words."""
        move = self.move
        yield (
            f"{move.organization} moved from {move.source} to {move.destination},"
            f" strategy {self.strategy}"
        )
        held_seconds = self.reached[State.SWITCHED] - self.reached[State.HELD]
        whole_seconds = self.reached[State.DONE] - self.reached[State.COPYING]
        rows: tuple[tuple[str, object], ...] = (
            ("requests", len(self.requests)),
            (f"answered by {move.source}", len(self.answers_of(move.source))),
            (f"answered by {move.destination}", len(self.answers_of(move.destination))),
            ("answered by the wrong pod", len(self.wrong)),
            ("lost", len(self.lost)),
            ("told to come again", len(self.told_to_come_again)),
            ("issues made meanwhile", len(self.notes.written)),
            (f"of these not once at {move.destination}", len(self.missing)),
            ("not seen by who had just made them", len(self.notes.unread)),
            ("rows in all", len(self.arrived)),
            (f"rows left at {move.source}", self.left_rows),
            ("longest wait", f"{self.longest_wait_seconds:.3f} s"),
            ("median wait", f"{self.median_wait_seconds:.3f} s"),
            ("nobody served for", f"{held_seconds:.3f} s"),
            ("the whole move", f"{whole_seconds:.3f} s"),
        )
        for name, value in rows:
            yield f"  {name:36}{value}"
