"""Signing in and out.  Who somebody is stands in the session, which is a signed cookie."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash

from notes import database

auth = Blueprint("auth", __name__, url_prefix="/auth")


@auth.route("/sign-in", methods=("GET", "POST"))
def sign_in() -> Any:
    """The form, and what it says."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    if request.method == "POST":
        row = database.get().execute("SELECT * FROM people WHERE name = ?", (name,)).fetchone()
        if row is not None and check_password_hash(row["password"], password):
            session.clear()
            session["name"] = name
            return redirect(url_for("welcome"))
    return render_template("sign-in.html", name=name)


@auth.post("/sign-out")
def sign_out() -> Any:
    session.clear()
    return redirect(url_for("welcome"))


def signed_in(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view, for people who are signed in."""

    @wraps(view)
    def checked(**arguments: str) -> Any:
        return view(**arguments) if "name" in session else redirect(url_for("auth.sign_in"))

    return checked
