"""Going through the steps to an owner, with and without an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable, iscoroutine
from typing import Any

from pods.errors import ConfigurationError, Fault
from pods.middleware.owners import Owner, Step, Steps

#: Calls a function in another thread.
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


def at_once(steps: Steps) -> Owner | None:
    """The owner; waits in this thread for whatever blocks.

    :raises ConfigurationError: a step gives an awaitable, which nobody here can await.
    """
    value = None
    while True:
        try:
            step = steps.send(value)
        except StopIteration as done:
            return _owner(done)
        value = _called(step)


async def awaited(steps: Steps, in_thread: InThread) -> Owner | None:
    """The owner; what blocks is called in another thread."""
    value = None
    while True:
        try:
            step = steps.send(value)
        except StopIteration as done:
            return _owner(done)
        value = await _outcome(step, in_thread)


def _called(step: Step) -> Any:
    value = step.call()
    if isawaitable(value):
        if iscoroutine(value):
            value.close()
        raise ConfigurationError(
            Fault("who_owns", "gives an awaitable", "under WSGI: a function that does not")
        )
    return value


async def _outcome(step: Step, in_thread: InThread) -> Any:
    value = await in_thread(step.call) if step.blocks else step.call()
    return await value if isawaitable(value) else value


def _owner(done: StopIteration) -> Owner | None:
    owner: Owner | None = done.value
    return owner
