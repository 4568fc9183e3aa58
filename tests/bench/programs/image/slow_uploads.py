"""Clients on slow lines: each has sent most of a body, and the rest is yet to come.

slow_uploads.py CONNECTIONS SECONDS
"""

import asyncio
import sys

SENT = b"x" * (96 * 1024)
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 131000\r\n\r\n"


async def upload(after: float) -> None:
    """One client, which comes again when it was thrown out."""
    await asyncio.sleep(after)
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", 8080)
            writer.write(HEAD)
            writer.write(SENT)
            await writer.drain()
            await reader.read()
            writer.close()
        except OSError:
            pass
        await asyncio.sleep(3)


async def main() -> None:
    """All clients, one after another."""
    number, seconds = int(sys.argv[1]), float(sys.argv[2])
    await asyncio.gather(*(upload(seconds * at / number) for at in range(number)))


asyncio.run(main())
