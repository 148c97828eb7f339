"""Signing in, for the whole site: an account is ann@my-company, and a session is in its cookie."""

import hashlib
from base64 import b16encode

from cryptography.fernet import Fernet, InvalidToken
from twisted.cred.checkers import FilePasswordDB
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.web.pages import forbidden
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

COOKIE = b"session"
SESSION_SECONDS = 14 * 24 * 3600
FORM = b"""<!doctype html><title>Sign in</title><form method="post">
<input name="name"> <input name="password" type="password"> <button>Sign in</button>
</form>"""


def hashed(name: bytes, password: bytes, stored: bytes) -> bytes:
    """What is stored for this password; its salt comes first."""
    salt = stored.partition(b"$")[0]
    return salt + b"$" + b16encode(hashlib.scrypt(password, salt=salt, n=2**14, r=8, p=1))


class Accounts:
    """Who has an account, and who has signed in.

    :param path: of a file with a line ``NAME:PASSWORD`` for each, where the password is hashed.
    :param key: of Fernet's; whoever has it can make sessions.
    """

    def __init__(self, path: str, key: str) -> None:
        self._passwords = FilePasswordDB(path, hash=hashed)
        self._fernet = Fernet(key)

    async def session(self, name: bytes, password: bytes) -> bytes:
        """A cookie's value.

        :raises UnauthorizedLogin: there is no such account, or it has another password.
        """
        known = await self._passwords.requestAvatarId(UsernamePassword(name, password))
        return self._fernet.encrypt(known)

    def signed_in(self, request: Request) -> bytes | None:
        """The account, or None."""
        try:
            return self._fernet.decrypt(request.getCookie(COOKIE) or b"", SESSION_SECONDS)
        except InvalidToken:
            return None


class SignIn(Resource):
    def __init__(self, accounts: Accounts) -> None:
        super().__init__()
        self._accounts = accounts

    def render_GET(self, request: Request) -> bytes:
        return FORM

    def render_POST(self, request: Request) -> int:
        Deferred.fromCoroutine(self._sign_in(request)).addErrback(request.processingFailed)
        return NOT_DONE_YET

    async def _sign_in(self, request: Request) -> None:
        name, password = (request.args.get(field, [b""])[0] for field in (b"name", b"password"))
        try:
            session = await self._accounts.session(name, password)
        except UnauthorizedLogin:
            request.render(forbidden("Name or password is wrong."))
            return
        request.addCookie(
            COOKIE,
            session,
            path=b"/",
            max_age=b"%d" % SESSION_SECONDS,
            httpOnly=True,
            sameSite=b"lax",
        )
        request.redirect(b"/" + name.rpartition(b"@")[2] + b"/files/")
        request.finish()
