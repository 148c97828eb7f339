"""Notes, files and a chat for teams: uvicorn notes:app

A team's pages are below its name, /my-company, where its members sign in.
"""

import asyncio
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Form, HTTPException, UploadFile, WebSocket
from fastapi.requests import HTTPConnection, Request
from fastapi.responses import FileResponse
from models import File, Member, Note, session
from pwdlib import PasswordHash
from pydantic import BaseModel
from sqlmodel import Session, select
from starlette.middleware.sessions import SessionMiddleware

app = FastAPI(title="Notes")
app.add_middleware(SessionMiddleware, secret_key=os.environ["SECRET_KEY"])
passwords = PasswordHash.recommended()
NOBODYS = passwords.hash("")  # so that whether there is such a member takes no other time
chats: dict[str, set[WebSocket]] = defaultdict(set)


def signed_in(team: str, connection: HTTPConnection) -> str:
    """The name of the member who asks."""
    if team not in connection.session:
        raise HTTPException(401, f"Sign in at /{team}/sign-in first.")
    return str(connection.session[team])


Database = Annotated[Session, Depends(session)]
SignedIn = Annotated[str, Depends(signed_in)]


class Text(BaseModel):
    text: str


@app.get("/{team}")
def show_team(team: str, database: Database) -> dict[str, str]:
    if database.exec(select(Member).where(Member.team == team)).first() is None:
        raise HTTPException(404)
    return {"team": team}


@app.post("/{team}/sign-in", status_code=204)
def sign_in(
    team: str,
    name: Annotated[str, Form()],
    password: Annotated[str, Form()],
    request: Request,
    database: Database,
) -> None:
    member = database.get(Member, (team, name))
    if not passwords.verify(password, member.password_hash if member else NOBODYS) or not member:
        raise HTTPException(403, "Name or password is wrong.")
    request.session[team] = name


@app.get("/{team}/notes")
def list_notes(team: str, name: SignedIn, database: Database) -> Sequence[Note]:
    return database.exec(select(Note).where(Note.team == team)).all()


@app.post("/{team}/notes", status_code=201)
def write_note(team: str, note: Text, name: SignedIn, database: Database) -> Note:
    written = Note(team=team, author=name, text=note.text)
    database.add(written)
    database.commit()
    database.refresh(written)
    return written


@app.post("/{team}/files")
def upload(team: str, file: UploadFile, name: SignedIn, database: Database) -> File:
    sha256 = hashlib.file_digest(file.file, "sha256").hexdigest()
    uploaded = File(team=team, name=file.filename, size_bytes=file.size, sha256=sha256)
    file.file.seek(0)
    with uploaded.path.open("wb") as kept:
        shutil.copyfileobj(file.file, kept)
    database.add(uploaded)
    database.commit()
    database.refresh(uploaded)
    return uploaded


@app.get("/{team}/files/{key}")
def download(team: str, key: UUID, name: SignedIn, database: Database) -> FileResponse:
    file = database.get(File, key)
    if file is None or file.team != team:
        raise HTTPException(404)
    return FileResponse(file.path, filename=file.name)


@app.websocket("/{team}/chat")
async def chat(team: str, name: SignedIn, websocket: WebSocket) -> None:
    """Everybody in the team gets what anybody says."""
    await websocket.accept()
    chats[team].add(websocket)
    try:
        async for text in websocket.iter_text():
            sending = (each.send_text(f"{name}: {text}") for each in chats[team])
            await asyncio.gather(*sending, return_exceptions=True)
    finally:
        chats[team].discard(websocket)
