"""Several processes for one router: ``workers`` in ``router.toml``.

The process that was started is the supervisor: it opens the sockets and accepts nobody.  The
workers accept on these sockets; each is a whole router with its share of the bounds.
"""
