"""Shared folders for teams: /my-company/files/ and, to talk about them, /my-company/chat."""

import hashlib
import json
import os
import shutil
from typing import IO, ClassVar

from accounts import Accounts, SignIn
from chat import Room
from twisted.internet.defer import CancelledError
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath, InsecurePath
from twisted.web.pages import errorPage, notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request
from twisted.web.static import Data, File
from twisted.web.websocket import WebSocketResource


class Folders(Resource):
    """The whole site.

    :param data: has a folder for each team.
    """

    def __init__(self, data: FilePath[str], accounts: Accounts) -> None:
        super().__init__()
        self._data = data
        self._accounts = accounts
        self._teams: dict[bytes, Resource] = {}
        self.putChild(b"", Data(b"Sign in at /sign-in.\n", "text/plain"))
        self.putChild(b"sign-in", SignIn(accounts))

    def getChild(self, name: bytes, request: Request) -> IResource:
        account = self._accounts.signed_in(request)
        if account is None or account.rpartition(b"@")[2] != name:
            return errorPage(401, "Unauthorized", "Sign in at /sign-in.")
        if name not in self._teams:
            self._teams[name] = self._team(name.decode())
        return self._teams[name]

    def _team(self, name: str) -> Resource:
        folder = self._data.child(name)
        folder.makedirs(ignoreExistingDirectory=True)
        team = Resource()
        team.putChild(b"files", Files(folder.path, defaultType="application/octet-stream"))
        team.putChild(b"chat", WebSocketResource(Room(self._accounts)))
        return team


def root() -> Folders:
    """The site as the environment has it."""
    accounts = Accounts(os.environ["ACCOUNTS"], os.environ["SECRET_KEY"])
    return Folders(FilePath(os.environ["DATA_DIR"]), accounts)


class Files(File):
    """A folder that takes files as well.  They are downloads: none is a page of this site."""

    contentTypes: ClassVar[dict[str, str]] = {}

    def getChild(self, name: bytes, request: Request) -> IResource:
        if request.method != b"PUT":
            return super().getChild(name, request)
        try:
            return Upload(self.child(name.decode()))
        except (InsecurePath, UnicodeDecodeError):
            return notFound()


class Upload(Resource):
    """What becomes a file."""

    def __init__(self, path: FilePath[str]) -> None:
        super().__init__()
        self._path = path

    def render_PUT(self, request: Request) -> int:
        keeping = deferToThread(self._keep, request.content)
        request.notifyFinish().addErrback(lambda _: keeping.cancel())

        def kept(sha256: str) -> None:
            request.setResponseCode(201)
            request.setHeader("Content-Type", "application/json")
            request.write(json.dumps({"sha256": sha256}).encode())
            request.finish()

        def failed(failure: Failure) -> None:
            if not failure.check(CancelledError):
                request.processingFailed(failure)

        keeping.addCallback(kept).addErrback(failed)
        return NOT_DONE_YET

    def _keep(self, content: IO[bytes]) -> str:
        unfinished = self._path.temporarySibling()
        with unfinished.open("w") as target:
            shutil.copyfileobj(content, target)
        unfinished.moveTo(self._path)
        with self._path.open() as kept:
            return hashlib.file_digest(kept, "sha256").hexdigest()
