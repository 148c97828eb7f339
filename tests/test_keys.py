"""The key file: made once, shared, read again, and never in the way of a start."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import cast

from twisted.logger import LogEvent, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from pods.errors import ConfigurationError
from pods.keys import FILE_NAME, KeyRing, load

ONE, TWO = "0f" * 32, "A1" * 32


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


class KeyFileTests(SynchronousTestCase):
    """What is on disk."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.file = self.folder / FILE_NAME

    def write(self, text: str | bytes, mode: int = 0o600) -> None:
        self.folder.mkdir(exist_ok=True)
        self.file.write_bytes(text.encode() if isinstance(text, str) else text)
        self.file.chmod(mode)

    def load(self, before: KeyRing | None = None) -> tuple[KeyRing, list[LogEvent]]:
        with capturedLogs() as events:
            ring = load(str(self.folder), before)
        return ring, cast("list[LogEvent]", events)

    def loaded(self) -> KeyRing:
        ring, events = self.load()
        self.assertEqual(events, [])
        return ring

    def faults(self) -> list[str]:
        error = self.assertRaises(ConfigurationError, load, str(self.folder))
        return [str(fault) for fault in error.faults]

    # -- made ----------------------------------------------------------------

    def test_made_at_the_first_start_and_read_at_the_next(self) -> None:
        first = self.loaded()
        self.assertEqual(self.loaded(), first)
        self.assertEqual(os.listdir(self.folder), [FILE_NAME])

    def test_its_mode_does_not_depend_on_the_umask(self) -> None:
        self.folder.mkdir()
        for mask in (0o000, 0o022, 0o777):
            with umask(mask):
                self.loaded()
            self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600, oct(mask))
            self.file.unlink()

    def test_all_who_start_at_once_agree(self) -> None:
        barrier = Barrier(8)

        def start(_: int) -> KeyRing:
            barrier.wait()
            return load(str(self.folder))

        with ThreadPoolExecutor(8) as pool:
            rings = set(pool.map(start, range(8)))
        self.assertEqual(len(rings), 1)
        self.assertEqual(os.listdir(self.folder), [FILE_NAME])

    def test_every_router_makes_its_own(self) -> None:
        self.assertNotEqual(self.loaded(), load(self.mktemp()))

    # -- read ----------------------------------------------------------------

    def test_one_key_in_each_line(self) -> None:
        self.write(f"# made by hand\r\n\n  {ONE} # since spring\r\n\t{TWO}\n#{TWO}")
        self.assertEqual(self.loaded(), KeyRing((b"\x0f" * 32, b"\xa1" * 32)))

    def test_whatever_is_no_key_is_named_by_its_line_and_not_shown(self) -> None:
        self.write(f"{ONE}\n{ONE[1:]}\n{TWO}{TWO}\nkey = {ONE}\n".encode() + b"\xff" * 64)
        allowed = "this is no key; allowed: 64 hexadecimal digits; what stands after # is a comment"
        self.assertEqual(
            self.faults(), [f"{self.file}: line {line}: {allowed}" for line in (2, 3, 4, 5)]
        )

    def test_there_must_be_a_key(self) -> None:
        for text in ("", "\n", f"# {ONE}\n"):
            self.write(text)
            (fault,) = self.faults()
            self.assertIn(f"{self.file}: there is no key in it; allowed: 64", fault)

    def test_a_file_of_any_size_is_not_read(self) -> None:
        self.write(f"{ONE}\n" * 2000)
        (fault,) = self.faults()
        self.assertIn("over 65536 bytes", fault)

    def test_others_should_not_see_it(self) -> None:
        for mode, is_open in ((0o600, 0), (0o400, 0), (0o640, 0), (0o644, 1), (0o660, 1)):
            self.write(ONE, mode)
            ring, events = self.load()
            self.assertEqual(ring, KeyRing((b"\x0f" * 32,)))
            self.assertEqual(len(events), is_open, oct(mode))
            for event in events:
                self.assertIn("chmod 600", event["log_format"])
                self.assertEqual(event["path"], str(self.file))

    def test_a_link_is_followed(self) -> None:
        self.folder.mkdir()
        shared = Path(self.mktemp())
        shared.write_text(ONE)
        shared.chmod(0o600)
        self.file.symlink_to(shared.absolute())
        self.assertEqual(self.loaded(), KeyRing((b"\x0f" * 32,)))

    # -- not usable ----------------------------------------------------------

    def assert_own_keys(self) -> None:
        """It goes on with keys that nobody else has, and those it had, and says so once."""
        first, events = self.load()
        again, more_events = self.load(before=first)
        self.assertEqual(again, first)
        self.assertNotEqual(first, load(str(self.folder)))
        said = [(event["path"], event["which"]) for event in (*events, *more_events)]
        which = ["keys that only this process has", "the keys from before"]
        self.assertEqual(said, [(str(self.file), each) for each in which])

    def test_g46_a_folder_that_cannot_be_used(self) -> None:
        self.folder.write_text("a file")
        self.assert_own_keys()

    def test_g46_a_folder_in_its_place(self) -> None:
        self.file.mkdir(parents=True)
        self.assert_own_keys()

    def test_g46_a_pipe_in_its_place_is_not_waited_for(self) -> None:
        self.folder.mkdir()
        os.mkfifo(self.file)
        self.assert_own_keys()

    def test_g46_a_link_to_nowhere(self) -> None:
        self.folder.mkdir()
        self.file.symlink_to(self.folder / "missing" / "key")
        self.assert_own_keys()
        self.assertEqual(os.listdir(self.folder), [FILE_NAME])

    # -- again ---------------------------------------------------------------

    def test_a_reload_reads_it_again(self) -> None:
        before = self.loaded()
        self.write(f"{ONE}\n{TWO}\n")
        after, _ = self.load(before)
        self.assertEqual(after, KeyRing((b"\x0f" * 32, b"\xa1" * 32)))

    def test_a_file_that_was_removed_is_made_anew(self) -> None:
        before = self.loaded()
        self.file.unlink()
        after, events = self.load(before)
        self.assertNotEqual(after, before)
        self.assertEqual(events, [])
        self.assertEqual(self.loaded(), after)


class KeyRingTests(SynchronousTestCase):
    """What is derived from the keys."""

    old, new = KeyRing((b"a" * 32,)), KeyRing((b"b" * 32, b"a" * 32))

    def test_each_purpose_has_a_secret_of_its_own(self) -> None:
        secrets = {ring.secret(purpose) for ring in (self.old, self.new) for purpose in ("x", "y")}
        self.assertEqual(len(secrets), 4)
        self.assertEqual({len(secret) for secret in secrets}, {32})
        self.assertEqual(self.old.secret("x"), KeyRing((b"a" * 32,)).secret("x"))

    def test_the_first_signs_and_all_are_believed(self) -> None:
        first, second = self.new.secrets("x")
        self.assertEqual(first, self.new.secret("x"))
        self.assertEqual(second, self.old.secret("x"))

    def test_a_process_can_tell_another_one(self) -> None:
        ring = KeyRing.from_hex(self.new.as_hex())
        self.assertEqual((ring, ring.secrets("x")), (self.new, self.new.secrets("x")))

    def test_keys_are_not_shown(self) -> None:
        self.assertEqual(repr(self.new), "KeyRing()")
