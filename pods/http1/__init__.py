"""HTTP/1.1 on both sides of the router: reading, writing, connections, bodies.

Pure: :mod:`~pods.http1.fields`, :mod:`~pods.http1.heads`, :mod:`~pods.http1.hops`,
:mod:`~pods.http1.request`, :mod:`~pods.http1.response`, :mod:`~pods.http1.framing`,
:mod:`~pods.http1.forwarding`, :mod:`~pods.http1.refusals`.  Holding: :mod:`~pods.http1.held`,
:mod:`~pods.http1.upload`.
On Twisted: :mod:`~pods.http1.server` (clients), :mod:`~pods.http1.upstream`,
:mod:`~pods.http1.secured`, :mod:`~pods.http1.pool`, :mod:`~pods.http1.attempt` (pods).
"""
