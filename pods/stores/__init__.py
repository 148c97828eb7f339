"""Where routes persist: on SQLite, and in memory where that is all there is.

:class:`pods.stores.sqlite.SQLiteStore` is for production, and the only one that several processes
can share.  :class:`pods.stores.memory.MemoryStore` keeps nothing over a restart.

No module here imports a reactor, and nothing of SQLite is touched in the reactor's thread.
"""
