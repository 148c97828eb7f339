"""The SQLite database, and the commands that fill it."""

import sqlite3
from pathlib import Path

import click
from flask import Flask, current_app, g
from werkzeug.security import generate_password_hash


def get() -> sqlite3.Connection:
    """The connection of this request; what is written is kept if the request succeeds."""
    if "database" not in g:
        g.database = sqlite3.connect(Path(current_app.instance_path) / "notes.sqlite3")
        g.database.row_factory = sqlite3.Row
        g.database.execute("PRAGMA foreign_keys = ON")
    return g.database


def close(error: BaseException | None) -> None:
    database = g.pop("database", None)
    if database is not None:
        if error is None:
            database.commit()
        database.close()


@click.command("init-db")
def init_db() -> None:
    """Make an empty database."""
    Path(current_app.instance_path).mkdir(parents=True, exist_ok=True)
    with current_app.open_resource("schema.sql", "r") as schema:
        get().executescript(schema.read())


@click.command("add-person")
@click.argument("name")
@click.password_option()
def add_person(name: str, password: str) -> None:
    """Let somebody sign in."""
    row = (name, generate_password_hash(password))
    get().execute("INSERT INTO people VALUES (?, ?)", row)


@click.command("add-team")
@click.argument("name")
def add_team(name: str) -> None:
    """Make a team."""
    get().execute("INSERT INTO teams VALUES (?)", (name,))


def init_app(app: Flask) -> None:
    app.teardown_appcontext(close)
    for command in (init_db, add_person, add_team):
        app.cli.add_command(command)
