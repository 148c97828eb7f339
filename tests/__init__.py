"""Tests of the router, the pods' side, and of what the documentation says."""
