"""The reactor on uvloop: ``twistd --reactor=uvloop``, and so for ``twist`` and ``trial``."""

from twisted.application.reactors import Reactor

uvloop = Reactor(
    "uvloop",
    "pods.uvloop_reactor",
    "uvloop's own TCP and UNIX streams (needs pip install 'pods-router[uvloop]').",
)
