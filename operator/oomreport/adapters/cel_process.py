"""Filters evaluated in a process with a limit of time and memory.

A filter is written by whoever may write hooks in one namespace. Text and loops are bounded (cel.py), but within them a
filter can still ask for hours or gigabytes, as by the regular expression of `matches` or by texts that double. So it
runs where the controller can lose nothing: the process ends, the controller says why and starts another one.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from oomreport.adapters.cel import FilterFailed, FilterInvalid
from oomreport.adapters.cel_worker import MOST_BYTES, MOST_SECONDS

# On a machine where nothing else runs it starts in a tenth of a second, and a request takes half a second at most.
_PATIENCE_SECONDS = 20.0
_ENDS = {
    signal.SIGPROF: f"takes more than {MOST_SECONDS:g} s of processor time for one event",
    signal.SIGABRT: f"needs more than {MOST_BYTES >> 20} MiB of memory for one event",
    signal.SIGSEGV: "is nested too deep",
}


class FilterProcess:
    """Compiles and evaluates filters; the process starts with the first one. One filter at a time."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._one = asyncio.Lock()

    async def check(self, text: str) -> None:
        """Compile a filter. Raises FilterInvalid, FilterFailed where there is no answer."""
        await self._asked({"filter": text})

    async def matches(self, text: str, event: Mapping[str, Any]) -> bool:
        """Return whether an event fits. Raises FilterInvalid, also where it asks for too much; FilterFailed."""
        return bool((await self._asked({"filter": text, "event": event}))["fits"])

    async def close(self) -> None:
        """End the process."""
        async with self._one:
            await self._end()

    async def _asked(self, request: Mapping[str, Any]) -> dict[str, Any]:
        line = json.dumps(request).encode() + b"\n"
        async with self._one:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    answer = await self._answer(line)
                status = None if answer else await self._end()
            except TimeoutError:
                await self._end()
                raise FilterFailed(f"gives no answer within {_PATIENCE_SECONDS:g} s") from None
            except asyncio.CancelledError:
                await self._end()
                raise
        if not answer:
            self._say_why(status)
        found: dict[str, Any] = json.loads(answer)
        if "invalid" in found:
            raise FilterInvalid(found["invalid"])
        if "failed" in found:
            raise FilterFailed(found["failed"])
        return found

    async def _answer(self, line: bytes) -> bytes:
        """Return the answer, empty where the process ended."""
        if self._process is None or self._process.returncode is not None:
            self._process = await _started()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(line)
            await self._process.stdin.drain()
        return await self._process.stdout.readline()

    async def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        if process.stdout is None or not process.stdout.at_eof():
            with suppress(ProcessLookupError):
                process.kill()
        return await process.wait()

    @staticmethod
    def _say_why(status: int | None) -> None:
        why = _ENDS.get(signal.Signals(-status)) if status is not None and status < 0 else None
        if why is not None:
            raise FilterInvalid(why)
        raise FilterFailed(f"gives no answer: its process ended with status {status}")


async def _started() -> Process:
    # Nothing of the controller's environment is needed there, and a filter is not to see it.
    modules = os.pathsep.join(part for part in sys.path if part)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "oomreport.adapters.cel_worker", stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
        env={"PYTHONPATH": modules},
    )  # fmt: skip
