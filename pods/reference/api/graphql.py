"""GraphQL, at an endpoint for each organization and at one for all.

``/api/organizations/<organization>/graphql`` says in its path whose it is, so routers remember
it.  ``/api/graphql`` does not: the pod that gets the request reads in its body what it is about,
and bounces it, for this once, to the pod that has that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import attrs
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    execute_sync,
    parse,
    validate,
)

from pods.reference.access import may_see
from pods.reference.api.answers import ApiError, answer, not_found, sent_object
from pods.reference.api.graphql_schema import Errand, make_schema
from pods.reference.application import Pod
from pods.reference.databases import UnusableError
from pods.reference.ownership import Owner
from pods.reference.tenancy import Held, Stale
from pods.reference.visits import Answer, Visit, bounce

TOKENS_LIMIT = 1_000  #: of one document: what the body's limit alone would let nest is too deep
SEVERAL = (
    "this is about things on several pods, and one pod answers; ask for each organization:"
    " /api/organizations/ORGANIZATION/graphql"
)
LATER = "this cannot be done now; try again in a moment"
BAD = HTTPStatus.BAD_REQUEST


async def of_organization(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``POST /api/organizations/<organization>/graphql``: nothing else is seen there."""
    if owner.route is None or not may_see(visit.user, owner.route):
        raise not_found()
    errand = Errand(pod, visit.user, owner.route.organization, rehearsing=False)
    return _answered(_run(_read(visit), errand, visit))


async def of_anybody(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``POST /api/graphql``: whatever is at one pod, wherever that is."""
    request = _read(visit)
    rehearsal = Errand(pod, visit.user, None, rehearsing=True)
    rehearsed = _run(request, rehearsal, visit)
    if rehearsed.errors:
        return _answered(rehearsed)
    match sorted(rehearsal.homes):
        case [] | [pod.cluster.me]:
            return _answered(_run(request, attrs.evolve(rehearsal, rehearsing=False), visit))
        case [home]:
            return bounce(visit, home, pod.names, once=True)
    return _answered(ExecutionResult(errors=[GraphQLError(SEVERAL)]))


@cache
def _schema() -> GraphQLSchema:
    return make_schema()


@attrs.frozen
class _Request:
    document: DocumentNode
    variables: Mapping[str, Any]
    operation: str | None


def _read(visit: Visit) -> _Request:
    """What is to be executed.

    :raises ApiError: it is no GraphQL request, or none for this schema.
    """
    fields = sent_object(visit)
    query, variables = fields.get("query"), fields.get("variables") or {}
    operation = fields.get("operationName")
    if not isinstance(query, str) or not isinstance(variables, dict):
        raise ApiError(BAD, "query must be a text, and variables an object or left out")
    if not isinstance(operation, str | None):
        raise ApiError(BAD, "operationName must be a text or left out")
    try:
        document = parse(query, max_tokens=TOKENS_LIMIT)
    except GraphQLError as error:
        raise _refused(error) from error
    faults = validate(_schema(), document)
    if faults:
        raise _refused(faults[0])
    return _Request(document, variables, operation)


def _refused(error: GraphQLError) -> ApiError:
    places = (f"line {place.line}, column {place.column}" for place in error.locations or ())
    return ApiError(BAD, f"{error.message} ({'; '.join(places)})")


def _run(request: _Request, errand: Errand, visit: Visit) -> ExecutionResult:
    """What comes of it.

    :raises pods.reference.tenancy.Held: an organization is about to change pods, and nothing
        has been written: it may be asked again.
    :raises pods.reference.tenancy.Stale: likewise, and replicas will not do.
    :raises pods.reference.databases.UnusableError: likewise, and a database cannot be reached.
    """
    result = execute_sync(
        _schema(),
        request.document,
        context_value=errand,
        variable_values=dict(request.variables),
        operation_name=request.operation,
    )
    for error in result.errors or ():
        cause = error.original_error
        if isinstance(cause, Held | Stale | UnusableError):
            if errand.pod.view.marks == visit.marks:
                raise cause
            error.message = LATER  # what was written stays; the driver's words are not for clients
    return result


def _answered(result: ExecutionResult) -> Answer:
    return answer(result.formatted)
