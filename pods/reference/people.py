"""Users, what they are members of, and their sessions: the shared database ``users``.

Any pod can authenticate anybody, because all pods share it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

import attrs
from sqlite_utils import Database

from pods.reference.databases import writing

#: The default organization of legacy users.  It does not really exist: it means that they
#: may use the global pages of the legacy pod.
PUBLIC_ORGANIZATION = "gitlab-com-public"
PUBLIC_ORGANIZATION_NAME = "GitLab.com Public"
SESSION_SECONDS = 14 * 86_400
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


@attrs.frozen
class User:
    """Somebody who has an account."""

    username: str
    default_organization: str
    admin: bool
    memberships: frozenset[str]  #: ``my-company``, ``organizations/my-organization``

    @property
    def legacy(self) -> bool:
        """Whether the global pages are for this user."""
        return self.default_organization == PUBLIC_ORGANIZATION

    def may_see(self, path: str, organization: str) -> bool:
        """Whether a private thing at ``path`` (of ``organization``) is for this user."""
        return not self.memberships.isdisjoint({path, f"organizations/{organization}"})


def hash_password(password: str) -> str:
    """The password as it is stored: salt and scrypt hash.  Takes a while, on purpose."""
    salt = secrets.token_bytes(16)
    return f"{_encoded(salt)}${_encoded(_scrypt(password, salt))}"


def is_password(password: str, stored: str) -> bool:
    """Whether this is the password that was stored.  Takes as long either way."""
    salt, _, digest = stored.partition("$")
    computed = _encoded(_scrypt(password, base64.b64decode(salt)))
    return hmac.compare_digest(computed, digest)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


#: Compared with when there is no such user, so that this takes as long.
NOBODYS_PASSWORD = f"{_encoded(bytes(16))}${_encoded(bytes(32))}"


@attrs.frozen
class People:
    """Reads and writes accounts.

    :param clock_seconds: the time in seconds since 1970, because sessions outlive processes.
    """

    _database: Database
    _clock_seconds: Callable[[], float]

    def stored_password(self, username: str) -> str:
        """What :func:`is_password` takes; of an unknown user, one that no password matches."""
        row = self._one("select password from users where username = ?", username)
        return NOBODYS_PASSWORD if row is None else row["password"]

    def has(self, username: str) -> bool:
        """Whether the name is taken."""
        return self._one("select 1 from users where username = ?", username) is not None

    def add(self, user: User, stored_password: str) -> None:
        """Make an account.

        :param stored_password: of :func:`hash_password`.
        :raises sqlite3.IntegrityError: the name is taken.
        """
        row = {
            "username": user.username,
            "password": stored_password,
            "default_organization": user.default_organization,
            "admin": user.admin,
        }
        with writing(self._database):
            self._database.table("users").insert(row)
            for path in sorted(user.memberships):
                self.join(user.username, path)

    def join(self, username: str, path: str) -> None:
        """Make a user a member of a namespace or ``organizations/<name>``."""
        row = {"username": username, "path": path}
        with writing(self._database):
            self._database.table("memberships").insert(row, ignore=True)

    def open_session(self, username: str) -> str:
        """A new token for a signed-in user; only its hash is stored."""
        token = secrets.token_urlsafe(32)
        now = self._clock_seconds()
        row = {
            "token_hash": _token_hash(token),
            "username": username,
            "expires_at": now + SESSION_SECONDS,
        }
        with writing(self._database):
            self._database.table("sessions").delete_where("expires_at <= ?", [now])
            self._database.table("sessions").insert(row)
        return token

    def close_session(self, token: str) -> None:
        """Make a token worthless."""
        with writing(self._database):
            self._database.table("sessions").delete_where("token_hash = ?", [_token_hash(token)])

    def user_of(self, token: str) -> User | None:
        """Who is signed in with this token, if it still holds."""
        row = self._one(
            "select users.* from users join sessions using (username)"
            " where token_hash = ? and expires_at > ?",
            _token_hash(token),
            self._clock_seconds(),
        )
        return None if row is None else self._user(row)

    def _user(self, row: dict[str, Any]) -> User:
        paths = self._database.query(
            "select path from memberships where username = ?", [row["username"]]
        )
        return User(
            username=row["username"],
            default_organization=row["default_organization"],
            admin=bool(row["admin"]),
            memberships=frozenset(found["path"] for found in paths),
        )

    def _one(self, sql: str, *values: object) -> dict[str, Any] | None:
        return next(self._database.query(sql, values), None)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
