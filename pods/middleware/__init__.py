"""Make an application a pod: it bounces what is not its own, teaches routers what is, and answers
those that ask ahead.

:class:`WsgiPod` and :class:`AsgiPod` wrap an application, and
``pods.middleware.resource.ResourcePod`` a resource of twisted.web.  All of them are told by
``who_owns`` whose a request is::

    application = WsgiPod(application, me="pod_eu0", who_owns=FileTable("tenants.txt"))

But for the last one nothing here needs Twisted.
"""

from pods.errors import ConfigurationError
from pods.middleware.asgi import AsgiPod
from pods.middleware.bodies import by_body, by_graphql_variable
from pods.middleware.combining import WhoOwns, first, moved, once
from pods.middleware.helpers import by_first_segment, by_header, by_host, by_prefix, by_token
from pods.middleware.lookups import Lookup, Table
from pods.middleware.owners import Owner, Owners
from pods.middleware.question import Question
from pods.middleware.sql import SqliteTable, SqlQuery
from pods.middleware.tables import FileTable
from pods.middleware.wsgi import WsgiPod

__all__ = [
    "AsgiPod",
    "ConfigurationError",
    "FileTable",
    "Lookup",
    "Owner",
    "Owners",
    "Question",
    "SqlQuery",
    "SqliteTable",
    "Table",
    "WhoOwns",
    "WsgiPod",
    "by_body",
    "by_first_segment",
    "by_graphql_variable",
    "by_header",
    "by_host",
    "by_prefix",
    "by_token",
    "first",
    "moved",
    "once",
]
