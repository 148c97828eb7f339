"""Hostile requests, sent through the router; real servers read what comes out.

``corpus`` holds the requests, ``case`` says what a request and its right outcome are, ``client``
sends them, ``pod`` records what the router makes of them, ``servers`` and ``replay`` have real
servers read that, ``judge`` compares, ``table`` shows.  ``python -m tests.garden`` prints the table
of ``docs/explanation/garden.rst``.
"""
