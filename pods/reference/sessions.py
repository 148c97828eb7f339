"""Who is signed in: sessions that every pod can check, in the two ways that the proposals weigh.

A session of either kind holds until it expires, or until the *generation* of its user grows: a
new password ends all of them, wherever they are.

Source: "Replicating User Sessions Between All Pods" of both proposals.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from abc import ABC, abstractmethod
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import attrs

from pods.keys import KeyRing
from pods.reference.databases import Database, writing
from pods.reference.people import Account, People, User

SESSION_SECONDS = 14 * 86_400
_PURPOSE = "pods.reference.session"  #: for which the keys of all pods have a secret


@attrs.frozen
class Sessions(ABC):
    """Opens, checks and ends sessions; what keeps one is its token, in a cookie.

    :param users: the shared database.
    :param clock_seconds: the time in seconds since 1970, because sessions outlive processes.
    """

    users: Database
    clock_seconds: Callable[[], float]

    @abstractmethod
    def open(self, account: Account) -> str:
        """A new session's token.

        :param account: as its password was checked; if that has changed since, it is no session.
        """

    @abstractmethod
    def close(self, token: str) -> None:
        """End one session, as far as that can be done."""

    @abstractmethod
    def _row_of(self, token: str) -> dict[str, Any] | None:
        """The row of the user who has this session."""

    def user_of(self, token: str) -> User | None:
        """Who is signed in with this token, if it still holds."""
        row = self._row_of(token) if token else None
        return None if row is None else People(self.users).read(row)

    @property
    def fresh(self) -> Sessions:
        """The same, checked at the primary: what has ended there holds no moment longer."""
        return attrs.evolve(self, users=self.users.fresh)


Kind = Callable[[Database, Callable[[], float]], Sessions]


@attrs.frozen
class StoredSessions(Sessions):
    """Sessions in a table that all pods share; of a token only its hash is there."""

    def open(self, account: Account) -> str:
        token = secrets.token_urlsafe(32)
        now = self.clock_seconds()
        row = {
            "token_hash": _hash(token),
            "username": account.username,
            "generation": account.generation,
            "expires_at": now + SESSION_SECONDS,
        }
        with writing(self.users) as tx:
            tx.execute("delete from sessions where expires_at <= ?", [now])
            tx.insert("sessions", row)
        return token

    def close(self, token: str) -> None:
        """End it, at every pod that has heard of it."""
        if not token:
            return
        with writing(self.users) as tx:
            tx.execute("delete from sessions where token_hash = ?", [_hash(token)])

    def _row_of(self, token: str) -> dict[str, Any] | None:
        return self.users.one(
            "select users.* from users join sessions using (username, generation)"
            " where token_hash = ? and expires_at > ?",
            _hash(token),
            self.clock_seconds(),
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


@attrs.frozen
class SignedSessions(Sessions):
    """Sessions that are nowhere but in their tokens: JSON Web Tokens (RFC 7519), HS256.

    :param keys: the same at all pods; the first signs, all are believed.
    """

    keys: KeyRing

    def open(self, account: Account) -> str:
        claims = {
            "sub": account.username,
            "gen": account.generation,
            "exp": int(self.clock_seconds()) + SESSION_SECONDS,
        }
        signed = f"{_HEADER}.{_encoded(json.dumps(claims).encode())}"
        return f"{signed}.{_signature(signed, self.keys.secret(_PURPOSE))}"

    def close(self, token: str) -> None:
        """Nothing: a copy of the token holds until it expires, or until all of the user's end."""

    def _row_of(self, token: str) -> dict[str, Any] | None:
        claims = self._claims(token)
        if claims is None or claims["exp"] <= self.clock_seconds():
            return None
        return self.users.sought(  # nothing says how new what it was signed for is
            "select * from users where username = ? and generation = ?",
            claims["sub"],
            claims["gen"],
        )

    def _claims(self, token: str) -> dict[str, Any] | None:
        """What was signed, if it was by us; nothing else of a token is ever looked at."""
        signed, _, signature = token.rpartition(".")
        given = signature.encode("utf-8", "surrogateescape")
        for secret in self.keys.secrets(_PURPOSE):
            if hmac.compare_digest(_signature(signed, secret).encode(), given):
                payload = signed.partition(".")[2]
                claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=="))
                return claims
        return None


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _signature(signed: str, secret: bytes) -> str:
    message = signed.encode("utf-8", "surrogateescape")
    return _encoded(hmac.digest(secret, message, "sha256"))


_HEADER = _encoded(b'{"alg":"HS256","typ":"JWT"}')
