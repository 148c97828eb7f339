"""Pods: an HTTP router that lets one site live in many pods."""

__version__ = "0.1.0"
