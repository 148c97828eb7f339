"""Proofs against real programs: real sockets, real processes, real git and curl."""
