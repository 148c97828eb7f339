"""A real PostgreSQL server and its standby, on sockets in a folder of their own.

They are started when a test first wants them, and end with the process at the latest.
"""

from __future__ import annotations

import atexit
import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from typing import Any
from unittest import SkipTest
from urllib.parse import quote

import attrs

from pods.reference.databases import SCHEMAS, SHARED, Places
from tests.integration.support import PATIENCE_SECONDS, wait_for

PROGRAMS = ("initdb", "postgres", "pg_basebackup")
DATABASE = "pods"
#: Quick rather than safe: nothing here is to survive.
_SETTINGS = (
    "listen_addresses=''",
    "fsync=off",
    "max_connections=60",
    "wal_level=replica",
    "hot_standby=on",
    "wal_receiver_status_interval=1",
)

_EMPTYING = """
    do $$ declare found record; begin
        for found in select format('%I.%I', schemaname, tablename) as name from pg_tables
            where schemaname not in ('pg_catalog', 'information_schema')
        loop execute 'delete from ' || found.name; end loop;
    end $$
"""


@attrs.define
class Server:
    """One running server."""

    programs: str  #: the folder of its programs
    user: str | None  #: who runs it, if that is not us
    folder: str  #: its data are in ``data``, its socket is here
    process: subprocess.Popen[bytes] | None = None

    def url(self, schema: str = "public") -> str:
        """How to reach it; what is asked is in the schema."""
        options = quote(f"-c search_path={schema}")
        return f"postgresql:///{DATABASE}?host={self.folder}&user=pods&options={options}"

    def start(self) -> None:
        """Start, and wait until it can be asked."""
        options = [part for setting in _SETTINGS for part in ("-c", setting.replace("''", ""))]
        data = os.path.join(self.folder, "data")
        command = ("postgres", "-D", data, "-k", self.folder, *options)
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                self._command(command), user=self.user, stdout=log, stderr=log, cwd=self.folder
            )
        ready = ("pg_isready", "-q", "-h", self.folder)
        wait_for(lambda: self._status(*ready) == 0, "PostgreSQL to start")

    def stop(self) -> None:
        """Stop at once; clients lose their connections."""
        if self.process is not None:
            self.process.send_signal(2)  # a fast shutdown
            self.process.wait(PATIENCE_SECONDS)
            self.process = None

    def run(self, *command: str) -> None:
        """Run one of its programs to its end."""
        done = subprocess.run(
            self._command(command), user=self.user, cwd=self.folder, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stderr}")

    def _status(self, *command: str) -> int:
        return subprocess.run(self._command(command), user=self.user, cwd=self.folder).returncode

    def _command(self, command: Sequence[str]) -> list[str]:
        return [os.path.join(self.programs, command[0]), *command[1:]]


@attrs.frozen
class Pair:
    """A primary and its standby."""

    folder: str  #: everything of both is in it
    primary: Server
    standby: Server

    def stop(self) -> None:
        """End both; nothing of them is left."""
        for server in (self.standby, self.primary):
            server.stop()
        shutil.rmtree(self.folder)

    def ask(self, server: Server, sql: str) -> list[dict[str, Any]]:
        """The rows that a server has for this, if it has any."""
        import psycopg
        from psycopg.rows import dict_row

        with psycopg.connect(server.url(), autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(sql.encode())
            return [] if cursor.description is None else cursor.fetchall()

    def begin_anew(self, pods: Sequence[str]) -> None:
        """Schemas for every database of these pods, on both, and all tables empty."""
        schemas = dict.fromkeys(_schema(name, pod) for name in SCHEMAS for pod in pods)
        making = [f"create schema if not exists {schema}" for schema in schemas]
        self.ask(self.primary, "; ".join([*making, _EMPTYING]))
        self.catch_up()

    def places(self, pod: str, replica: bool) -> dict[str, Places]:
        """Where the databases of a pod are."""
        found = {}
        for name in SCHEMAS:
            schema = _schema(name, pod)
            standby = self.standby.url(schema) if replica else None
            found[name] = Places(self.primary.url(schema), standby)
        return found

    def pause(self) -> None:
        """Let the standby show nothing new."""
        self.ask(self.standby, "select pg_wal_replay_pause()")
        state = "select pg_get_wal_replay_pause_state() as state"
        wait_for(lambda: self.ask(self.standby, state)[0]["state"] == "paused", "the pause")

    def resume(self) -> None:
        """Let the standby show everything again, as soon as it comes."""
        self.ask(self.standby, "select pg_wal_replay_resume()")

    def catch_up(self) -> None:
        """Wait until the standby shows everything that the primary has now."""
        self.resume()
        ((position,),) = (
            row.values()
            for row in self.ask(self.primary, "select pg_current_wal_flush_lsn()::text")
        )
        sql = f"select pg_last_wal_replay_lsn() >= '{position}' as reached"
        wait_for(lambda: self.ask(self.standby, sql)[0]["reached"], "the standby")


def _schema(name: str, pod: str) -> str:
    return name if name in SHARED else f"{name}_{pod}"


@cache
def pair() -> Pair:
    """The servers that all tests share, which run until the process ends.

    :raises SkipTest: as :func:`make_pair`.
    """
    made = make_pair()
    atexit.register(made.stop)
    return made


def make_pair() -> Pair:
    """New servers, which run until they are stopped.

    :raises SkipTest: PostgreSQL or its driver is not installed, or nobody may run it.
    """
    try:
        import psycopg  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as error:
        raise SkipTest("the library psycopg is not installed") from error
    programs, user = _programs(), _user()
    folder = tempfile.mkdtemp(prefix="pods-postgresql-")
    servers = []
    for name in ("primary", "standby"):
        servers.append(Server(programs, user, os.path.join(folder, name)))
        os.mkdir(servers[-1].folder)
        if user is not None:
            shutil.chown(servers[-1].folder, user)
    if user is not None:
        os.chmod(folder, 0o755)
    made = Pair(folder, *servers)
    try:
        _start(made.primary, made.standby)
    except BaseException:
        made.stop()
        raise
    return made


def _start(primary: Server, standby: Server) -> None:
    data = os.path.join(primary.folder, "data")
    options = ("--username=pods", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    primary.run("initdb", "-D", data, *options)
    primary.start()
    primary.run("createdb", "-h", primary.folder, "-U", "pods", DATABASE)
    copy = ("-D", os.path.join(standby.folder, "data"), "--wal-method=stream", "--checkpoint=fast")
    slot = ("--write-recovery-conf", "--create-slot", "--slot=standby", "--no-sync")
    reached = ("-h", primary.folder, "-U", "pods")
    primary.run("pg_basebackup", *reached, *copy, *slot)
    standby.start()


def _programs() -> str:
    """The folder of the newest version's programs."""
    folders = [*os.environ["PATH"].split(os.pathsep)]
    folders += sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=_version, reverse=True)
    for folder in folders:
        if all(shutil.which(program, path=folder) for program in PROGRAMS):
            return folder
    raise SkipTest("PostgreSQL not installed")


def _version(folder: str) -> float:
    return float(folder.split("/")[-2])


def _user() -> str | None:
    """Who is to run the servers: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise SkipTest("PostgreSQL does not run as root, and there is no other user to run it")
