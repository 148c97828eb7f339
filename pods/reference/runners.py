"""Runners, registered in both ways that the proposals weigh, and the jobs that they ask for.

A *shared* runner is in the shared database ``admin`` and works for all pods.  A runner *of a
pod* is in that pod's own database ``ci``, and its token says which pod that is.

A job is in the ``ci`` of its project's pod, and only that pod hands it out.  While it waits it
is in the shared table ``pending_jobs`` as well, so that any pod knows where shared runners are
wanted.  The two are written one after the other: the job decides, and a row of
``pending_jobs`` whose job no longer waits is dropped when it is come across.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import attrs

from pods.reference.databases import Database, writing
from pods.reference.ids import Ids
from pods.reference.tenancy import Held, changing

KIND = "jobs"  #: what their ids are leased as
FINAL_STATES = ("success", "failed")


@attrs.frozen
class Runner:
    """A registered runner."""

    id: str  #: names it where it is registered; its token cannot be had from it
    pod: str | None  #: None: shared by all
    description: str


@attrs.frozen
class Job:
    """A row of a pod's own table ``jobs``."""

    id: int  #: no other job on any pod has it
    organization: str
    project: str  #: ``my-company/my-project``
    name: str
    queued_at: float  #: in seconds since 1970
    status: str = "pending"  #: then ``running``, then one of :data:`FINAL_STATES`
    runner: str = ""  #: the id of the one that has it


def pod_of_token(token: str) -> str | None:
    """The pod that a runner's token names; None if it is that of a shared runner."""
    return token.rpartition(".")[0] or None


@attrs.frozen
class Runners:
    """Reads and writes runners, as one pod sees them.

    :param me: the name of this pod.
    """

    _admin: Database
    _ci: Database
    _me: str

    def register(self, description: str, shared: bool) -> str:
        """Make a runner for all pods or for this one; its token, of which only a hash is kept."""
        secret = secrets.token_urlsafe(24)
        token = secret if shared else f"{self._me}.{secret}"
        with writing(self._admin if shared else self._ci) as tx:
            tx.insert("runners", {"id": _id(token), "description": description})
        return token

    def find(self, token: str) -> Runner | None:
        """The runner with this token, if it may work for this pod.

        It may have just been registered, so a replica is not believed that there is none.
        """
        pod = pod_of_token(token)
        if pod not in (None, self._me):
            return None
        database = self._admin if pod is None else self._ci
        row = database.sought("select id, description from runners where id = ?", _id(token))
        return None if row is None else Runner(pod=pod, **row)


@attrs.frozen
class Jobs:
    """Reads and writes the jobs of one pod.

    Runners keep no session, so what they ask for is read at the primary.

    :param me: the name of this pod.
    """

    _admin: Database
    _ci: Database
    _ids: Ids
    _me: str

    def add(self, organization: str, project: str, name: str, now_seconds: float) -> Job:
        """Make a job that waits for a runner.

        :param now_seconds: since 1970.
        :raises pods.reference.tenancy.Held: the organization is about to change pods.
        """
        job = Job(self._ids.next(KIND), organization, project, name, now_seconds)
        with changing(self._ci, organization) as tx:
            tx.insert("jobs", attrs.asdict(job))
        with writing(self._admin) as tx:
            queued = {"job_id": job.id, "pod_id": self._me, "queued_at": job.queued_at}
            tx.insert("pending_jobs", queued, ignore=True)  # a mover may have been quicker
        return job

    def of_project(self, project: str) -> Sequence[Job]:
        """The jobs of a project, the oldest first."""
        rows = self._ci.query("select * from jobs where project = ? order by id", [project])
        return [_job(row) for row in rows]

    def find(self, number: int) -> Job | None:
        """The job on this pod with that id."""
        row = self._ci.fresh.one("select * from jobs where id = ?", number)
        return None if row is None else _job(row)

    def take(self, runner: Runner) -> Job | None:
        """The job on this pod that has waited longest, now that runner's.

        Those of an organization that is about to change pods wait for that.
        """
        queue = "select job_id from pending_jobs where pod_id = ?"
        queued = {row["job_id"] for row in self._admin.query(queue, [self._me])}
        # Read after the queue: a job that is in that is in this, or waits no longer.
        waiting = "select * from jobs where status = 'pending' order by queued_at, id"
        jobs = [_job(row) for row in self._ci.fresh.query(waiting)]
        given = next((job for job in jobs if self._give(job, runner)), None)
        gone = queued - {job.id for job in jobs} | ({given.id} if given else set())
        if gone:
            self._drop_from_queue(gone)
        return given and attrs.evolve(given, status="running", runner=runner.id)

    def _give(self, job: Job, runner: Runner) -> bool:
        """Try to; another process may be quicker."""
        with suppress(Held), changing(self._ci, job.organization) as tx:
            giving = "update jobs set status = 'running', runner = ? where id = ? and status = ?"
            return tx.execute(giving, (runner.id, job.id, "pending")) == 1
        return False

    def _drop_from_queue(self, numbers: Iterable[int]) -> None:
        with writing(self._admin) as tx:
            for number in numbers:
                dropping = "delete from pending_jobs where job_id = ? and pod_id = ?"
                tx.execute(dropping, (number, self._me))

    def wanted_elsewhere(self) -> str | None:
        """Another pod where a job waits for a shared runner, the one that has waited longest."""
        row = self._admin.one(
            "select pod_id from pending_jobs where pod_id <> ? order by queued_at, job_id limit 1",
            self._me,
        )
        return None if row is None else row["pod_id"]

    def finish(self, job: Job, runner: Runner, status: str) -> bool:
        """Write down how a job ended; False if that runner does not have it.

        :raises pods.reference.tenancy.Held: the organization is about to change pods.
        """
        with changing(self._ci, job.organization) as tx:
            changed = tx.execute(
                "update jobs set status = ? where id = ? and runner = ? and status = 'running'",
                (status, job.id, runner.id),
            )
        return changed == 1


def _job(row: dict[str, Any]) -> Job:
    return Job(**row)


def _id(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
