"""What the parsers promise about any bytes at all, one module for each kind of input.

``python -m tests.fuzz TARGET --seconds N`` looks for bytes that break a promise.  Nothing is
imported here, so that the runner can have all of it instrumented.
"""
