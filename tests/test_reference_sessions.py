"""Both kinds of sessions, checked at several pods."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import partial

from pods.keys import KeyRing
from pods.reference.databases import Conflict, Databases
from pods.reference.people import Account
from pods.reference.sessions import (
    SESSION_SECONDS,
    Kind,
    Sessions,
    SignedSessions,
    StoredSessions,
)
from tests.test_reference_databases import ADA, DatabaseTestCase
from tests.test_reference_databases_replicas import ReplicaTestCase

KEYS = KeyRing.make()


class SessionsTestCase(DatabaseTestCase):
    """What holds for the kind of sessions that a subclass names."""

    kind: Kind

    def setUp(self) -> None:
        super().setUp()
        self.here = self.sessions(self.databases)
        self.account = self.people(self.databases).add(ADA, "hash")
        self.token = self.here.open(self.account)

    def sessions(self, databases: Databases) -> Sessions:
        return type(self).kind(databases.view().users, self.clock.seconds)


class Contract:
    """The tests of every kind; mixed into a :class:`SessionsTestCase`."""

    class Tests(SessionsTestCase):
        def test_holds_at_every_pod(self) -> None:
            self.assertEqual(self.sessions(self.open("pod_us0")).user_of(self.token), ADA)

        def test_ends_after_its_time(self) -> None:
            self.clock.advance(SESSION_SECONDS - 1)
            self.assertEqual(self.here.user_of(self.token), ADA)
            self.clock.advance(1)
            self.assertIsNone(self.here.user_of(self.token))

        def test_a_new_password_ends_all_but_those_that_are_opened_with_it(self) -> None:
            other = self.here.open(self.account)
            changed = self.people(self.databases).change_password(self.account, "new hash")
            new = self.here.open(changed)
            there = self.sessions(self.open("pod_us0"))
            for sessions in (self.here, there):
                self.assertIsNone(sessions.user_of(self.token))
                self.assertIsNone(sessions.user_of(other))
                self.assertEqual(sessions.user_of(new), ADA)

        def test_opened_with_a_password_that_ends_meanwhile(self) -> None:
            """Checking a password takes a while; the sign-in began before the change."""
            checked = self.people(self.databases).account("ada")
            self.people(self.databases).change_password(checked, "new hash")
            self.assertIsNone(self.here.user_of(self.here.open(checked)))

        def test_of_two_changes_at_once_one_happens(self) -> None:
            people = self.people(self.databases)
            people.change_password(self.account, "first")
            self.assertRaises(Conflict, people.change_password, self.account, "second")
            self.assertEqual(people.account("ada"), Account("ada", "first", 1))

        def test_all_of_a_user_end(self) -> None:
            self.people(self.databases).end_sessions("ada")
            self.assertIsNone(self.here.user_of(self.token))

        def test_foreign_tokens(self) -> None:
            for token in ("", "x", ".", "..", "\udc80", "a.b.\udc80", "a.b.é", "' or 1 = 1 --"):
                self.assertIsNone(self.here.user_of(token), token)


class StoredSessionsTests(Contract.Tests):
    kind = StoredSessions

    def test_one_is_ended_and_others_are_not(self) -> None:
        other = self.here.open(self.account)
        self.here.close(self.token)
        self.assertIsNone(self.sessions(self.open("pod_us0")).user_of(self.token))
        self.assertEqual(self.here.user_of(other), ADA)

    def test_old_ones_are_cleared_away(self) -> None:
        self.clock.advance(SESSION_SECONDS)
        self.here.open(self.account)
        self.assertEqual(len(self.rows(self.databases, "users", "sessions")), 1)

    def test_tokens_are_not_stored(self) -> None:
        (row,) = self.rows(self.databases, "users", "sessions")
        self.assertNotIn(self.token, row.values())


class SignedSessionsTests(Contract.Tests):
    kind = partial(SignedSessions, keys=KEYS)

    def test_nothing_is_stored(self) -> None:
        self.assertEqual(self.rows(self.databases, "users", "sessions"), [])

    def test_it_is_a_json_web_token(self) -> None:
        header, payload, signature = self.token.split(".")
        self.assertEqual(json.loads(decoded(header)), {"alg": "HS256", "typ": "JWT"})
        claims = {"sub": "ada", "gen": 0, "exp": SESSION_SECONDS}
        self.assertEqual(json.loads(decoded(payload)), claims)
        secret = KEYS.secret("pods.reference.session")
        digest = hmac.new(secret, f"{header}.{payload}".encode(), hashlib.sha256).digest()
        self.assertEqual(decoded(signature), digest)

    def test_what_is_changed_in_it_makes_it_void(self) -> None:
        header, payload, signature = self.token.split(".")
        claims = json.loads(decoded(payload))
        forged = encoded(json.dumps(claims | {"sub": "root"}).encode())
        unsigned = encoded(b'{"alg":"none","typ":"JWT"}')
        for token in (
            f"{header}.{forged}.{signature}",
            f"{header}.{forged}.",
            f"{unsigned}.{payload}.",
            f"{unsigned}.{payload}.{signature}",
            f"{header}.{payload}.{signature[:-1]}",
            f"{header}.{payload}.{signature}=",
        ):
            self.assertIsNone(self.here.user_of(token), token)

    def test_closing_one_does_not_end_a_copy_of_it(self) -> None:
        self.here.close(self.token)
        self.assertEqual(self.here.user_of(self.token), ADA)

    def test_an_older_key_is_believed_and_a_strange_one_is_not(self) -> None:
        users = self.databases.view().users
        both = KeyRing.from_hex([*KeyRing.make().as_hex(), *KEYS.as_hex()])
        rotated = SignedSessions(users, self.clock.seconds, both)
        self.assertEqual(rotated.user_of(self.token), ADA)
        self.assertIsNone(self.here.user_of(rotated.open(self.account)))


class AtAReplica(ReplicaTestCase):
    """A session that begins, and one that has ended, where a replica is read."""

    kind: Kind
    is_known_at_once: bool

    def setUp(self) -> None:
        super().setUp()
        self.account = self.people(self.databases).add(ADA, "hash")
        self.catch_up(self.databases)

    def sessions(self) -> Sessions:
        return type(self).kind(self.databases.view().users, self.clock.seconds)

    def check_beginning(self) -> None:
        token = self.sessions().open(self.account)
        self.assertEqual(self.sessions().user_of(token), ADA if self.is_known_at_once else None)
        self.assertEqual(self.sessions().fresh.user_of(token), ADA)
        self.catch_up(self.databases)
        self.assertEqual(self.sessions().user_of(token), ADA)

    def check_ending(self) -> None:
        token = self.sessions().open(self.account)
        self.catch_up(self.databases)
        self.people(self.databases).end_sessions("ada")
        self.assertEqual(self.sessions().user_of(token), ADA)
        self.assertIsNone(self.sessions().fresh.user_of(token))
        self.catch_up(self.databases)
        self.assertIsNone(self.sessions().user_of(token))


class StoredAtAReplica(AtAReplica):
    kind = StoredSessions
    is_known_at_once = False

    def test_it_has_heard_of_a_beginning_later(self) -> None:
        self.check_beginning()

    def test_it_has_heard_of_an_end_later(self) -> None:
        self.check_ending()


class SignedAtAReplica(AtAReplica):
    kind = partial(SignedSessions, keys=KEYS)
    is_known_at_once = True

    def test_it_need_not_hear_of_a_beginning(self) -> None:
        self.check_beginning()

    def test_it_has_heard_of_an_end_later(self) -> None:
        self.check_ending()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "==")


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
