"""The room that the hooks of one namespace have among all.

Who may write hooks in a namespace may write a thousand of them, to receivers that never answer: each attempt keeps a
connection open for as long as it may take.
"""

import asyncio
from collections import defaultdict

# Eight hooks with --hook-workers attempts each. A connection with TLS takes some 100 KB of the container's 512Mi.
MOST_OF_NAMESPACE = 64


class Rooms:
    """The semaphore of each namespace: whoever is in it makes an attempt or asks a filter."""

    def __init__(self, most: int = MOST_OF_NAMESPACE) -> None:
        self._rooms: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(most))

    def of(self, namespace: str) -> asyncio.Semaphore:
        """Return the room of a namespace's hooks."""
        return self._rooms[namespace]
