"""The router's keys: a file that it makes itself, and that several routers can share.

One key in each line: the first signs, the others are only believed.  No key is used as it is;
each purpose has a secret of its own that is derived from it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterable
from hashlib import blake2b
from stat import S_IRWXO, S_ISREG, S_IWGRP
from tempfile import mkstemp

import attrs
from twisted.logger import Logger

from pods.errors import ConfigurationError, Fault

FILE_NAME = "cookie.key"  #: in the router's ``data_dir``
SECRET_BYTES = 32

_KEY = re.compile(rb"[0-9A-Fa-f]{64}")
_KEY_SAID = "64 hexadecimal digits; what stands after # is a comment"
_FILE_LIMIT_BYTES = 65_536
_COMMENT = "# Whoever knows these keys can forge what the router signs.  The first one signs.\n"
_log = Logger()


@attrs.frozen
class KeyRing:
    """The keys, ready to derive secrets from.

    :param keys: one or more; the first signs.
    """

    _keys: tuple[bytes, ...] = attrs.field(repr=False)

    @classmethod
    def make(cls) -> KeyRing:
        """A ring of one new key that nobody else has."""
        return cls((secrets.token_bytes(SECRET_BYTES),))

    @classmethod
    def from_hex(cls, keys: Iterable[str]) -> KeyRing:
        """The ring that said this of itself."""
        return cls(tuple(map(bytes.fromhex, keys)))

    def as_hex(self) -> list[str]:
        """The keys themselves, for a process that may know them."""
        return [key.hex() for key in self._keys]

    def secret(self, purpose: str) -> bytes:
        """32 bytes for a purpose, from the first key: they change when that does."""
        return _derived(self._keys[0], purpose)

    def secrets(self, purpose: str) -> tuple[bytes, ...]:
        """32 bytes for a purpose from each key: the first signs, all are believed."""
        return tuple(_derived(key, purpose) for key in self._keys)


def _derived(key: bytes, purpose: str) -> bytes:
    return blake2b(
        purpose.encode(), key=key, person=b"pods secret", digest_size=SECRET_BYTES
    ).digest()


def load(folder: str, before: KeyRing | None = None) -> KeyRing:
    """The keys of a router, from its file, which is made if there is none.

    If the file can be neither read nor made, the router goes on with keys of its own, and says
    so in one warning: its cookies then end with it.

    :param folder: ``router.data_dir``; made if it is missing.
    :param before: what to go on with instead, if there were keys before.
    :raises ConfigurationError: the file holds something that is no key, or none; one Fault for
        each such line.
    """
    path = os.path.join(folder, FILE_NAME)
    try:
        content = _read_or_make(path)
    except OSError as error:
        _log.warn(
            "{path}: {reason}; {which} are used until this is put right",
            path=path,
            reason=error.strerror or str(error),
            which="the keys from before" if before else "keys that only this process has",
        )
        return before or KeyRing.make()
    return KeyRing(parsed(content, path))


def parsed(content: bytes, path: str) -> tuple[bytes, ...]:
    """The keys in a file.

    :param path: for the faults.
    :raises ConfigurationError: as for :func:`load`; it never shows what may be a key.
    """
    keys, faults = [], []
    for number, line in enumerate(content.splitlines(), start=1):
        word = line.partition(b"#")[0].strip()
        if _KEY.fullmatch(word):
            keys.append(bytes.fromhex(word.decode("ascii")))
        elif word:
            faults.append(Fault(f"line {number}", "this is no key", _KEY_SAID, path))
    if len(content) > _FILE_LIMIT_BYTES:
        faults = [Fault("", f"over {_FILE_LIMIT_BYTES} bytes", "one key in each line", path)]
    elif not keys and not faults:
        faults = [Fault("", "there is no key in it", f"{_KEY_SAID}, in each line", path)]
    if faults:
        raise ConfigurationError(*faults)
    return tuple(keys)


def _read_or_make(path: str) -> bytes:
    try:
        return _read(path)
    except FileNotFoundError:
        _make(path)
        return _read(path)  # it may be another process' that was faster


def _read(path: str) -> bytes:
    # Not to wait, should it be a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not S_ISREG(mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        if mode & (S_IRWXO | S_IWGRP):
            _log.warn(
                "{path}: others can read or change the keys; chmod 600, or 640 to share them with"
                " a group",
                path=path,
            )
        return os.read(descriptor, _FILE_LIMIT_BYTES + 1)
    finally:
        os.close(descriptor)


def _make(path: str) -> None:
    """Write a file with one new key, unless another process is faster.

    It appears under its name only when it is complete, so no one ever reads half of it.
    """
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor, draft = mkstemp(prefix=f".{FILE_NAME}.", dir=folder)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask
            file.write(f"{_COMMENT}{secrets.token_hex(SECRET_BYTES)}\n")
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
