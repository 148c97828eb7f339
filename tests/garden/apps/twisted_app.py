"""For Twisted's own web server: ``python twisted_app.py PORT``."""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site


class Seen(Resource):
    isLeaf = True

    def render(self, request: Any) -> bytes:
        length = len(request.content.read())
        seen = json.dumps([request.method.decode(), request.uri.decode("latin-1"), length])
        request.setHeader("X-Seen", seen)
        return b""


running: Any = reactor
running.listenTCP(int(sys.argv[1]), Site(Seen()), backlog=1024, interface="127.0.0.1")
running.run()
