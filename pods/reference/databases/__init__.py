"""The databases, split as the proposals split them: ``users``, ``routes`` and ``admin`` are
shared by all pods, ``main`` and ``ci`` are a pod's own.

Each has one primary, which takes every write, and may have a replica in each region.
"""

from pods.reference.databases.connections import Conflict, Replica, UnusableError
from pods.reference.databases.marks import COOKIE, format_marks, parse_marks
from pods.reference.databases.opening import Places, default_places, open_databases
from pods.reference.databases.schema import SCHEMAS, SHARED, Table
from pods.reference.databases.views import Database, Databases, Transaction, View, writing

__all__ = [
    "COOKIE",
    "SCHEMAS",
    "SHARED",
    "Conflict",
    "Database",
    "Databases",
    "Places",
    "Replica",
    "Table",
    "Transaction",
    "UnusableError",
    "View",
    "default_places",
    "format_marks",
    "open_databases",
    "parse_marks",
    "writing",
]
