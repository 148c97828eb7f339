"""The site as an ASGI application, WebSockets included."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
site = get_asgi_application()

from wiki.talk import Talk  # noqa: E402 -- only now that Django is set up

talks = URLRouter([path("<slug:company>/talk", Talk.as_asgi())])
application = ProtocolTypeRouter(
    {"http": site, "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(talks))}
)
