"""What the API says, and what it reads: JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import attrs

from pods.reference.visits import Answer, Visit

_HEADERS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


@attrs.frozen
class ApiError(Exception):
    """The request cannot be answered, and why in words for whoever wrote it."""

    status: HTTPStatus
    message: str

    @property
    def answer(self) -> Answer:
        """The answer that says so."""
        return answer({"message": f"{self.status.value} {self.message}"}, self.status)


def answer(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Some JSON."""
    content = json.dumps(value, ensure_ascii=False).encode()
    return Answer(status, content, _HEADERS, "application/json")


def not_found() -> ApiError:
    """For what is not there and for what must not be seen: nobody can tell them apart."""
    return ApiError(HTTPStatus.NOT_FOUND, "Not Found")


def unauthorized() -> ApiError:
    """For those who have to say who they are."""
    return ApiError(
        HTTPStatus.UNAUTHORIZED, "Unauthorized: send a session's cookie or a Private-Token"
    )


def sent_object(visit: Visit) -> Mapping[str, Any]:
    """The JSON object in the body.

    :raises ApiError: there is none.
    """
    if visit.json is None:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The body must be JSON, with Content-Type: application/json",
        )
    try:
        value = json.loads(visit.json)
    except (ValueError, RecursionError) as error:
        raise _bad(f"The body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise _bad("The body must be a JSON object")
    return value


def text_of(fields: Mapping[str, Any], name: str, limit: int = 255) -> str:
    """A field with a text that is not empty.

    :param limit: the most characters.
    :raises ApiError: it is missing, or something else.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isprintable():
        raise _bad(f"{name} must be a text of 1 to {limit} characters, all of them printable")
    return value


def _bad(message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, message)
