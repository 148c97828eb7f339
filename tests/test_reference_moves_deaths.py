"""Movers that die before each of their transactions, or wake up when others have gone on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pods.reference.databases.sqlite import SqlitePrimary
from pods.reference.moves.mover import MoveError, Mover
from pods.reference.tenancy import State
from tests.test_reference_moves import HELD, HERE, SOURCE, TARGET, MoveTestCase


class Killed(Exception):
    """The mover's end."""


class DeathTests(MoveTestCase):
    """The mover dies before each of its transactions in turn."""

    def happens_at(self, number: int, mover: Mover, event: Callable[[], object]) -> bool:
        """Run it, with something that happens before its transaction of that number; False if it
        needs less.
        """
        begun = SqlitePrimary.begin
        count = 0

        def begin(primary: SqlitePrimary) -> None:
            nonlocal count
            count += 1
            if count == number:
                event()
            begun(primary)

        patch = self.patch(SqlitePrimary, "begin", begin)
        try:
            mover.run()
        finally:
            patch.restore()
        return count >= number

    def killed_at(self, number: int, mover: Mover) -> bool:
        """Run it until its transaction of that number; False if it needs less."""

        def die() -> None:
            raise Killed

        try:
            return self.happens_at(number, mover, die)
        except Killed:
            return True

    def deaths(self, undo: bool = False) -> Iterator[Mapping[str, Any]]:
        """After each death; the world is new each time."""
        number = 0
        while True:
            number += 1
            before = self.contents(self.source)
            mover = self.mover()
            if undo:
                self.stop_in_held(mover)
                mover = self.again(undo=True)
            if not self.killed_at(number, mover):
                break
            yield before
            self.setUp()
        self.assertGreater(number, 4 if undo else 20)

    def stop_in_held(self, mover: Mover) -> None:
        number = 1
        while self.state() is not State.HELD:
            number += 1
            self.assertTrue(self.killed_at(number, mover))
            if self.state() is not State.HELD:
                mover = self.again()

    def assert_one_serves(self) -> None:
        said = {name: pod.says() for name, pod in self.pods.items()}
        serving = [name for name, answer in said.items() if answer == HERE]
        others = {answer for answer in said.values() if answer != HERE}
        self.assertLessEqual(len(serving), 1, said)
        self.assertLessEqual(others, {HELD, *serving}, said)
        expected = {State.SWITCHED: TARGET, State.DONE: TARGET, State.HELD: None}
        state = self.state()
        assert state is not None
        if state is not State.HELD:
            self.assertEqual(serving, [expected.get(state, SOURCE)])

    def test_another_goes_on(self) -> None:
        for before in self.deaths():
            self.assert_one_serves()
            self.assertEqual(self.again().run().state, State.DONE)
            self.assert_at(self.target, before)

    def test_everything_goes_back(self) -> None:
        for before in self.deaths():
            self.assert_one_serves()
            if self.state() is State.SWITCHED:
                break
            self.assertEqual(self.again(undo=True).run().state, State.UNDONE)
            self.assert_at(self.source, before)
            self.mover().run()
            self.assert_at(self.target, before)

    def test_another_goes_on_to_undo(self) -> None:
        for before in self.deaths(undo=True):
            self.assert_one_serves()
            self.assertEqual(self.again().run().state, State.UNDONE)
            self.assert_at(self.source, before)

    def test_one_that_wakes_up_again_does_no_harm(self) -> None:
        """It had only been slow: it goes on where it was, after another has done its work."""
        number = 0
        late = True
        while late:
            number += 1
            before, mover = self.contents(self.source), self.mover()
            late = self.overtaken_at(number, mover)
            self.assert_at(self.target, before)
            self.setUp()
        self.assertGreater(number, 20)

    def overtaken_at(self, number: int, mover: Mover) -> bool:
        """Run it; before its transaction of that number another takes the move over and ends it.
        False if it needs less.
        """
        try:
            return self.happens_at(number, mover, lambda: self.again().run())
        except MoveError as error:
            self.assertRegex(str(error), "taken over|is not being moved")
            return True
