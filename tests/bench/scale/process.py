"""Memory and processor time of a process by /proc, and a bare watch of pods to compare with.

process.py SECONDS     watch all pods of KUBECONFIG's cluster with aiohttp and orjson, and print a JSON object:
                       events, processor seconds, resident MiB. It does what any watcher must, and no more.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid: int, which: str) -> float:
    """Return a process's VmRSS, VmHWM or RssAnon in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(which + ":")).split()[1]) / 1024


async def bare_watch(seconds: float) -> dict[str, float]:
    """Watch pods for a while; return events after the first listing, and what they took."""
    import orjson  # noqa: PLC0415 - of the process that watches only

    from oomreport.adapters.cluster.api_access import api_access  # noqa: PLC0415
    from oomreport.adapters.cluster.api_server import session  # noqa: PLC0415

    access = api_access(os.environ)
    query = {"watch": "true", "allowWatchBookmarks": "true"}
    initial = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    events, started, buffer = 0, 0.0, b""
    # Not before all pods are listed, however many.
    end: float | None = None
    async with (
        session(access, agent="bare-watch") as client,
        client.get(access.server + "/api/v1/pods", params={**query, **initial}, timeout=None) as response,
    ):
        while True:
            try:
                async with asyncio.timeout_at(end):
                    chunk = await response.content.readany()
            except TimeoutError:
                break
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                kind = orjson.loads(line)["type"]
                if started:
                    events += kind != "BOOKMARK"
                elif kind == "BOOKMARK":
                    started = processor_seconds(os.getpid())
                    print("listed", flush=True)
                    end = asyncio.get_running_loop().time() + seconds
    used = processor_seconds(os.getpid()) - started
    return {"events": events, "processor_s": used, "rss_mib": memory_mib(os.getpid(), "VmRSS")}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(bare_watch(float(sys.argv[1])))))
