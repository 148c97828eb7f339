"""The applications that real servers run here: each says in ``X-Seen`` what it was asked.

``X-Seen`` is a JSON list of the method, the target as it was sent, and the length of the body.
"""
