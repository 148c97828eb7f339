"""What a team has: members, notes and files."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

from sqlmodel import Field, Session, SQLModel, create_engine

DATA = Path(os.environ["DATA_DIR"])
FILES = DATA / "files"
FILES.mkdir(parents=True, exist_ok=True)
engine = create_engine(f"sqlite:///{DATA}/notes.sqlite")


class Member(SQLModel, table=True):
    team: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    password_hash: str


class Note(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    team: str = Field(index=True)
    author: str
    text: str


class File(SQLModel, table=True):
    key: UUID = Field(default_factory=uuid4, primary_key=True)
    team: str = Field(index=True)
    name: str
    size_bytes: int
    sha256: str

    @property
    def path(self) -> Path:
        return FILES / str(self.key)


SQLModel.metadata.create_all(engine)


def session() -> Iterator[Session]:
    with Session(engine) as opened:
        yield opened
