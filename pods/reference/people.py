"""Users and what they are members of: the shared database ``users``.

Any pod can authenticate anybody, because all pods share it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import attrs

from pods.reference.databases import Conflict, Database, writing

#: The default organization of legacy users.  It does not really exist: it means that they
#: may use the global pages of the legacy pod.
PUBLIC_ORGANIZATION = "gitlab-com-public"
PUBLIC_ORGANIZATION_NAME = "GitLab.com Public"
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


@attrs.frozen
class Account:
    """What somebody who signs in is checked with."""

    username: str
    password: str = attrs.field(repr=False)  #: as :func:`hash_password` made it
    generation: int  #: grows when all sessions of the user are to end


#: Compared with when there is no such user, so that this takes as long.
NOBODYS_PASSWORD = f"{_encoded(bytes(16))}${_encoded(bytes(32))}"


@attrs.frozen
class People:
    """Reads and writes accounts."""

    _database: Database

    def account(self, username: str) -> Account:
        """What :func:`is_password` takes: a password that has ended is not taken any more.

        :returns: for an unknown user, an account that no password opens.
        """
        row = self._database.fresh.one("select * from users where username = ?", username)
        if row is None:
            return Account(username, NOBODYS_PASSWORD, 0)
        return Account(username, row["password"], row["generation"])

    def has(self, username: str) -> bool:
        """Whether the name is taken."""
        return self._database.one("select 1 from users where username = ?", username) is not None

    def user(self, username: str) -> User | None:
        """The user with that name."""
        row = self._database.one("select * from users where username = ?", username)
        return None if row is None else self.read(row)

    def read(self, row: Mapping[str, Any]) -> User:
        """The user that a row of the table ``users`` is about."""
        paths = self._database.query(
            "select path from memberships where username = ?", [row["username"]]
        )
        return User(
            username=row["username"],
            default_organization=row["default_organization"],
            admin=bool(row["admin"]),
            memberships=frozenset(found["path"] for found in paths),
        )

    def add(self, user: User, stored_password: str) -> Account:
        """Make an account.

        :param stored_password: of :func:`hash_password`.
        :raises pods.reference.databases.Conflict: the name is taken.
        """
        account = Account(user.username, stored_password, 0)
        row = attrs.asdict(account) | {
            "default_organization": user.default_organization,
            "admin": user.admin,
        }
        with writing(self._database) as tx:
            tx.insert("users", row)
            for path in sorted(user.memberships):
                self.join(user.username, path)
        return account

    def join(self, username: str, path: str) -> None:
        """Make a user a member of a namespace or ``organizations/<name>``."""
        row = {"username": username, "path": path}
        with writing(self._database) as tx:
            tx.insert("memberships", row, ignore=True)

    def change_default_organization(self, username: str, organization: str) -> None:
        """Choose where a user begins.

        :param organization: one of the user's, or :data:`PUBLIC_ORGANIZATION`.
        """
        with writing(self._database) as tx:
            tx.execute(
                "update users set default_organization = ? where username = ?",
                [organization, username],
            )

    def change_password(self, account: Account, stored_password: str) -> Account:
        """Change a password; every session that there is ends.

        :param account: as the old password was checked.
        :param stored_password: of :func:`hash_password`.
        :raises pods.reference.databases.Conflict: it has been changed since.
        """
        changed = Account(account.username, stored_password, account.generation + 1)
        with writing(self._database) as tx:
            if not tx.execute(
                "update users set password = ?, generation = ?"
                " where username = ? and generation = ?",
                [changed.password, changed.generation, account.username, account.generation],
            ):
                raise Conflict(f"the password of {account.username} has just been changed")
        return changed

    def end_sessions(self, username: str) -> None:
        """End every session of a user."""
        with writing(self._database) as tx:
            tx.execute(
                "update users set generation = generation + 1 where username = ?", [username]
            )
