"""For aiohttp: ``python aiohttp_app.py PORT``."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any

web: Any = importlib.import_module("aiohttp.web")  # installed where this runs, not where it stands
LIMITS = {"max_line_size": 65_536, "max_field_size": 65_536}


async def answer(request: Any) -> Any:
    length = len(await request.read())
    seen = json.dumps([request.method, request.raw_path, length])
    return web.Response(headers={"X-Seen": seen})


async def serve(port: int) -> None:
    runner = web.ServerRunner(web.Server(answer, access_log=None, **LIMITS))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


asyncio.run(serve(int(sys.argv[1])))
