"""Waits that count only the time in which the loop was there.

On a machine that gives the process no time, or while one callback takes long, nothing can happen in this process. Who
is given seconds for something then would lose them without having had them.
"""

import asyncio
from collections.abc import Collection
from typing import Any

# As often as watches have to be looked at (watch_state.py).
LOOK_SECONDS = 1.0


async def looked(tasks: Collection[asyncio.Task[Any]], seconds: float = LOOK_SECONDS) -> float:
    """Wait until all tasks are done, at most so long; return the seconds that count: 0 where the loop came late.

    Late is what takes twice as long as was asked for.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    await asyncio.wait(tasks, timeout=seconds)
    took = clock() - began
    return took if took < 2 * seconds else 0.0


async def ended(
    tasks: Collection[asyncio.Task[Any]], seconds: float, look_seconds: float = LOOK_SECONDS
) -> frozenset[asyncio.Task[Any]]:
    """Cancel tasks and wait for their end, at most so many seconds that count; return those that go on."""
    for task in tasks:
        task.cancel()
    counted = 0.0
    while (left := frozenset(task for task in tasks if not task.done())) and counted < seconds:
        counted += await looked(left, look_seconds)
    return left
