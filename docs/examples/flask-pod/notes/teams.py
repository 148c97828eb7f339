"""What is below the name of a team."""

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    send_from_directory,
    session,
)
from flask_sock import Sock

from notes import database
from notes.auth import signed_in

POLICY_VIOLATION = 1008
teams = Blueprint("teams", __name__, url_prefix="/<team>")
talks = Sock()
rooms: defaultdict[str, set[Any]] = defaultdict(set)


@teams.url_value_preprocessor
def check_team(endpoint: str | None, values: dict[str, str] | None) -> None:
    team = (values or {}).get("team")
    if not database.get().execute("SELECT 1 FROM teams WHERE name = ?", (team,)).fetchone():
        abort(404)


@teams.get("/")
def front(team: str) -> Any:
    """What everybody may see of a team."""
    rows = database.get().execute("SELECT title FROM notes WHERE team = ?", (team,)).fetchall()
    return render_template("front.html", team=team, notes=rows)


@teams.route("/notes/<title>", methods=("GET", "POST"))
@signed_in
def note(team: str, title: str) -> Any:
    """A note, and the form to change it."""
    if request.method == "POST":
        row = (team, title, request.form["text"], session["name"])
        database.get().execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)", row)
        return redirect(request.path)
    query = "SELECT * FROM notes WHERE team = ? AND title = ?"
    found = database.get().execute(query, (team, title)).fetchone()
    return render_template("note.html", team=team, title=title, note=found)


@teams.route("/files", methods=("GET", "POST"))
@signed_in
def files(team: str) -> Any:
    """All files of a team, and the form for one more."""
    if request.method == "POST":
        content = request.files["content"]
        sha256 = hashlib.file_digest(content.stream, "sha256").hexdigest()
        content.stream.seek(0)
        query = "INSERT INTO files (team, name, sha256) VALUES (?, ?, ?)"
        row = database.get().execute(query, (team, content.filename, sha256))
        content.save(folder() / str(row.lastrowid))
        return redirect(request.path)
    rows = database.get().execute("SELECT * FROM files WHERE team = ?", (team,)).fetchall()
    return render_template("files.html", team=team, files=rows)


@teams.get("/files/<int:number>")
@signed_in
def download(team: str, number: int) -> Any:
    query = "SELECT name FROM files WHERE team = ? AND id = ?"
    row = database.get().execute(query, (team, number)).fetchone() or abort(404)
    return send_from_directory(folder(), str(number), as_attachment=True, download_name=row["name"])


def folder() -> Path:
    """Where the files are."""
    path = Path(current_app.instance_path) / "files"
    path.mkdir(exist_ok=True)
    return path


@talks.route("/talk", bp=teams)
def talk(socket: Any, team: str) -> None:
    """Everybody of a team hears what the others say."""
    if "name" not in session:
        return socket.close(POLICY_VIOLATION)
    room = rooms[team]
    room.add(socket)
    try:
        while True:
            said = f"{session['name']}: {socket.receive()}"
            for other in list(room):
                other.send(said)
    finally:
        room.discard(socket)
