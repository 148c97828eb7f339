"""Notes, files and talk for teams; each team has everything below its name."""

import os

from flask import Flask, render_template
from flask_wtf import CSRFProtect

from notes import auth, database, teams


def create_app(folder: str = "var/site") -> Flask:
    """The site.

    :param folder: where its database and files are.
    """
    app = Flask(__name__, instance_path=os.path.abspath(folder))
    app.config.from_mapping(SECRET_KEY="only-for-trying-it-out")
    app.config.from_prefixed_env("NOTES")
    CSRFProtect(app)
    database.init_app(app)
    app.register_blueprint(auth.auth)
    teams.talks.init_app(app)
    app.register_blueprint(teams.teams)
    app.add_url_rule("/", "welcome", lambda: render_template("welcome.html"))
    return app
