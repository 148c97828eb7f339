"""Who calls the API, and the tokens of programs that do.

Any pod can answer these, because the users are shared.
"""

from __future__ import annotations

from http import HTTPStatus

from pods.reference.api.answers import answer, sent_object, text_of, unauthorized
from pods.reference.application import Pod
from pods.reference.ownership import Owner
from pods.reference.people import User
from pods.reference.tokens import TOKEN_HEADER
from pods.reference.visits import Answer, Visit


def caller(visit: Visit) -> User:
    """Who calls.

    :raises ApiError: nobody has said.
    """
    if visit.user is None:
        raise unauthorized()
    return visit.user


async def show_user(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``GET /api/v4/user``: who calls."""
    user = caller(visit)
    return answer({"username": user.username, "default_organization": user.default_organization})


async def add_token(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``POST /api/v4/personal_access_tokens``: a token, which is shown this once."""
    user, name = caller(visit), text_of(sent_object(visit), "name")
    token = pod.tokens.add(user.username, name)
    return answer({"name": name, "token": token}, HTTPStatus.CREATED)


async def revoke_token(pod: Pod, visit: Visit, owner: Owner) -> Answer:
    """``DELETE /api/v4/personal_access_tokens/self``: the token that the request brings."""
    caller(visit)
    pod.tokens.revoke(visit.headers.get(TOKEN_HEADER, ""))
    return answer({})
