"""localstripe on a free port of the loopback, with its state in memory only. Prints one JSON line when
it serves, and ends when its standard input does."""
import asyncio
import json
import os
import sys
import threading

from aiohttp import web
from localstripe import resources, server

# It would keep everything in one fixed file: one instance a machine.
type(resources.store).dump_to_disk = lambda self: None
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()


async def main():
    runner = web.AppRunner(server.app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
