"""Names of webhooks' hosts, resolved in threads of their own.

The C library resolves, since it alone knows a cluster's search domains, and it waits for a slow server half a minute.
In the few threads that everything shares, some names whose servers are slow would hold up everybody's.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

# A waiting thread costs some 20 KiB. A name is asked for once at a time, however many deliveries wait for it: so many
# hosts whose name servers are slow hold up nobody else.
_THREADS = 64
# As socket.getaddrinfo returns it.
_Found = list[Any]


class NameResolver(AbstractResolver):
    """Resolves names; several that ask for the same one get one answer."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolver")
        self._asked: dict[tuple[str, int, int], asyncio.Future[_Found]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises OSError."""
        key = (host, port, family)
        if key not in self._asked:
            ask = partial(
                socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
            )
            self._asked[key] = asyncio.get_running_loop().run_in_executor(self._threads, ask)
            self._asked[key].add_done_callback(lambda _: self._asked.pop(key, None))
        # One who waits no longer does not end it for the others.
        found = await asyncio.shield(self._asked[key])
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Take no more names; what is being asked is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
