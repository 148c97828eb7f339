"""What runners ask for: to be registered, a job, and to say how it ended.

The path says nothing of where a job waits, so what decides is in the body: a pod that is not the
right one bounces the request after reading it, and for this request only.
"""

from __future__ import annotations

from http import HTTPStatus

from pods.reference.api.accounts import caller
from pods.reference.api.answers import ApiError, answer, not_found, sent_object, text_of
from pods.reference.api.projects import job_fields
from pods.reference.application import Pod
from pods.reference.ownership import Owner, id_of
from pods.reference.runners import FINAL_STATES, Job, Runner, pod_of_token
from pods.reference.visits import Answer, Visit, bounce
from pods.reference.waiting import LOOK_SECONDS, POLL_SECONDS


async def register(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``POST /api/v4/runners``, for administrators: for one pod if it is named, else for all."""
    if not caller(visit).admin:
        raise ApiError(HTTPStatus.FORBIDDEN, "Forbidden: only administrators register runners")
    fields = sent_object(visit)
    description, home = text_of(fields, "description"), fields.get("pod")
    if home is not None and home not in pod.cluster.regions:
        raise ApiError(HTTPStatus.BAD_REQUEST, "pod must be the name of a pod, or be left out")
    if home is not None and home != pod.cluster.me:
        return bounce(visit, home, pod.names, once=True)
    token = pod.runners.register(description, shared=home is None)
    return answer({"pod": home, "token": token}, HTTPStatus.CREATED)


async def request_job(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``POST /api/v4/jobs/request``: the next job, as soon as there is one; 204 if none comes.

    A shared runner is sent to the pod where a job waits.  It is sent once, as no router goes
    round in circles: where the job is gone when it comes it gets 204 soon, and asks again.
    """
    token = text_of(sent_object(visit), "token")
    home = pod_of_token(token)
    if home is not None and home != pod.cluster.me and home in pod.cluster.regions:
        return bounce(visit, home, pod.names, once=True)
    runner = _runner(pod, token)
    travels = runner.pod is None and visit.headers.get(pod.names.attempt.lower(), "1") == "1"

    def look() -> Job | str | None:
        return pod.jobs.take(runner) or (pod.jobs.wanted_elsewhere() if travels else None)

    stay_seconds = POLL_SECONDS if travels or runner.pod is not None else LOOK_SECONDS
    found: Job | str | None = await pod.bell.until(look, stay_seconds)
    if found is None:
        return Answer(HTTPStatus.NO_CONTENT)
    if isinstance(found, Job):
        return answer(job_fields(found), HTTPStatus.CREATED)
    return bounce(visit, found, pod.names, once=True)


async def finish_job(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``PUT /api/v4/jobs/<id>``: a runner says how its job ended."""
    fields = sent_object(visit)
    runner, state = _runner(pod, text_of(fields, "token")), fields.get("state")
    if state not in FINAL_STATES:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"state must be one of {', '.join(FINAL_STATES)}")
    number = id_of(visit.path.split("/")[4])
    job = None if number is None else pod.jobs.find(number)
    if job is None or not pod.jobs.finish(job, runner, state):
        raise not_found()
    return answer(job_fields(job) | {"status": state})


def _runner(pod: Pod, token: str) -> Runner:
    """The runner with this token.

    :raises ApiError: there is none.
    """
    runner = pod.runners.find(token)
    if runner is None:
        raise ApiError(HTTPStatus.FORBIDDEN, "Forbidden: no runner here has this token")
    return runner
