"""Personal access tokens, for programs: in the shared database ``users``, so any pod knows them."""

from __future__ import annotations

import hashlib
import secrets

import attrs

from pods.reference.databases import Database, writing

TOKEN_HEADER = "private-token"


@attrs.frozen
class AccessTokens:
    """Reads and writes them; of each only a hash is kept."""

    _users: Database

    @property
    def fresh(self) -> AccessTokens:
        """The same at the primary, where nothing is left of what has just been revoked."""
        return attrs.evolve(self, users=self._users.fresh)

    def add(self, username: str, name: str) -> str:
        """A new token of that user.

        :param name: what the user knows it by.
        """
        token = secrets.token_urlsafe(24)
        row = {"token_hash": _hash(token), "username": username, "name": name}
        with writing(self._users) as tx:
            tx.insert("access_tokens", row)
        return token

    def username_of(self, token: str) -> str | None:
        """Whose it is.

        It may have just been made, so a replica is not believed that it is nobody's.
        """
        sql = "select username from access_tokens where token_hash = ?"
        row = self._users.sought(sql, _hash(token))
        return None if row is None else row["username"]

    def revoke(self, token: str) -> None:
        """Make it worthless."""
        with writing(self._users) as tx:
            tx.execute("delete from access_tokens where token_hash = ?", [_hash(token)])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
