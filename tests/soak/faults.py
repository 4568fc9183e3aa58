"""The faults of a soak on a node whose processes are this machine's: each strikes as the machine itself would.

No fault needs the API server, which is away at times: processes are found by what /proc says of them.
"""

import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster.lab.processes import start_time
from e2e import nodes
from e2e.kube import controller_lease
from e2e.witness import ring_kills
from soak.plan import FIRST, Strike

AGENT, CONTROLLER = "oomreport-agent", "oomreport-controller"
# After a kill -9 the kubelet waits up to five minutes; the soak replaces such pods sooner.
_COMES_BACK_SECONDS = 120.0
_NEXT_KILL_SECONDS = 10.0
# Lines that the agent has not read when it is stopped: it looks five times a second, where it can run.
_UNREAD_SECONDS = 1.0
# So long a new agent may take until it has read the log for the first time (3.9 s on the slowest node).
_STARTS_SECONDS = 10.0
_KMSG = "/dev/kmsg"
# Facility user, level debug: it is on no console, which a serial line would make slow.
_FLOOD = b"<15>soak " + b"." * 900
_MOST_LINES = 100_000


def monotonic_us() -> int:
    """Return the present on the clock of the kernel's stamps."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def machine_kills() -> int:
    """Return how many processes the killer killed on this machine since the boot."""
    fields = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    return int(fields["oom_kill"])


def await_kill(seconds: float = _NEXT_KILL_SECONDS) -> None:
    """Wait for the next kill, so that a fault strikes just behind it; where none comes it strikes all the same."""
    before, end = machine_kills(), time.monotonic() + seconds
    while machine_kills() == before and time.monotonic() < end:
        time.sleep(0.005)


def processes(program: str) -> list[int]:
    """Return the processes of the cluster's own cgroup that run a program of the product."""
    known = nodes.cluster_state()
    assert known is not None
    group, found = f":{known.facts['cgroup']}/", []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if (
                any(word.endswith(f"/{program}".encode()) for word in words)
                and group in (folder / "cgroup").read_text()
            ):
                found.append(int(folder.name))
    return found


def awaited(program: str) -> list[int]:
    """Return the processes of a program once there are any."""
    end = time.monotonic() + _COMES_BACK_SECONDS
    while not (found := processes(program)):
        assert time.monotonic() < end, f"no {program} runs"
        time.sleep(0.2)
    return found


def overrun_ring() -> None:
    """Write lines until the kernel's ring has lost all that it had, whatever its size. Raises AssertionError."""
    mark = _newest()
    for _ in range(0, _MOST_LINES, 500):
        for _ in range(500):
            # Each opening has a rate limit of its own.
            with open(_KMSG, "wb", buffering=0) as kmsg:  # noqa: PTH123 - Path.open seeks, which this file refuses
                kmsg.write(_FLOOD)
        if _oldest() > mark:
            return
    raise AssertionError("the ring does not take lines from user space: see /proc/sys/kernel/printk_devkmsg")


def _oldest() -> int:
    return _sequence()


def _newest() -> int:
    with open(_KMSG, "wb", buffering=0) as kmsg:  # noqa: PTH123 - as above
        kmsg.write(b"<15>soak begins to overrun the ring")
    return _sequence(last=True)


def _sequence(*, last: bool = False) -> int:
    """Return the sequence number of the ring's first record, or of its last one."""
    reader = os.open(_KMSG, os.O_RDONLY | os.O_NONBLOCK)
    found = None
    try:
        os.lseek(reader, 0, os.SEEK_SET)
        while found is None or last:
            try:
                found = int(os.read(reader, 16384).split(b",", 2)[1])
            except BrokenPipeError:  # overwritten meanwhile: the next read has the oldest there is
                continue
            except BlockingIOError:
                break
    finally:
        os.close(reader)
    assert found is not None, "the ring is empty"
    return found


def lease_changes() -> int:
    """Return how often the Lease has changed hands so far."""
    return int(controller_lease().get("leaseTransitions", 0))


class _Waits(threading.Thread):
    """Keeps how long the agent's processes waited for a processor within the last ten seconds."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._seen: deque[dict[int, float]] = deque(maxlen=10)

    def run(self) -> None:
        """Look once a second, until the soak's own process ends."""
        while True:
            self._seen.append({pid: _waited(pid) for pid in processes(AGENT)})
            time.sleep(1)

    def lately(self, pid: int) -> float:
        """Return the seconds that a process waited lately; of a new one, since it began."""
        seen = list(self._seen)
        return _waited(pid) - (seen[0].get(pid, 0.0) if seen else 0.0)


def _waited(pid: int) -> float:
    """Return how many seconds a process's first thread was ready to run and did not (schedstat, in nanoseconds)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


class Faults:
    """Strikes, and counts how often each fault struck.

    `unreadable` is how many first processes at most were killed while the agent read nothing, and their lines
    overwritten before it did: only what a counter or pod status shows is known of those.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.struck: Counter[str] = Counter()
        self.unreadable = 0
        self._say = say
        self._agent_killed_us = monotonic_us()
        self._waits = _Waits()
        self._waits.start()
        self._ways: dict[str, Callable[[float], None]] = {
            "agent_killed": self._kill_agent,
            "controller_killed": self._kill_controllers,
            "leader_killed": self._kill_leader,
            "ring_overrun": self._overrun,
            "ring_overrun_without_agent": self._overrun_without_agent,
            "api_gone": self._end_api,
            "api_frozen": self._freeze_api,
        }

    def strike(self, strike: Strike) -> None:
        """Have a fault, and return when it is over. Raises AssertionError where it cannot be had."""
        self._say(f"{strike.fault} {strike.seconds:.0f} s" if strike.seconds else strike.fault)
        self._ways[strike.fault](strike.seconds)
        self.struck[strike.fault] += 1

    def _kill_agent(self, _: float) -> None:
        self._end_agent()

    def _kill_controllers(self, _: float) -> None:
        pids = awaited(CONTROLLER)
        await_kill()
        _send(pids, signal.SIGKILL)

    def _kill_leader(self, _: float) -> None:
        pids = awaited(CONTROLLER)
        with suppress(AssertionError):  # without the API server any may be the one
            holder = controller_lease().get("holderIdentity", "")
            pids = [pid for pid in pids if holder and f"\0POD_NAME={holder}\0" in _environment(pid)] or pids
        await_kill()
        _send(pids[:1], signal.SIGKILL)

    def _overrun(self, _: float) -> None:
        with _frozen(pids := awaited(AGENT)):
            begin = self._unread_since(pids)
            await_kill()
            self._overrun_since(begin)

    def _overrun_without_agent(self, _: float) -> None:
        self._overrun_since(self._end_agent())

    def _overrun_since(self, begin_us: int) -> None:
        """Overrun the ring, and take note of what it held since then, and of all that died meanwhile."""
        before = machine_kills()
        held = sum(kill.comm == FIRST for kill in ring_kills(since_us=begin_us))
        overrun_ring()
        self.unreadable += held + machine_kills() - before

    def _end_agent(self) -> int:
        """Kill the agent just behind a kill of the kernel; return since when nobody has read the log."""
        pids = awaited(AGENT)
        await_kill()
        begin = self._unread_since(pids)
        _send(pids, signal.SIGKILL)
        self._agent_killed_us = monotonic_us()
        return begin

    def _unread_since(self, pids: list[int]) -> int:
        """Return since when an agent may have left lines unread: one that is new, since the one before was killed.

        It looks five times a second, and so much later as it waited for a processor: its share of them is small.
        """
        now = monotonic_us()
        waited = max((self._waits.lately(pid) for pid in pids), default=0.0)
        ticks = min((int(started) for pid in pids if (started := start_time(pid))), default=0)
        is_new = now / 1e6 - ticks / os.sysconf("SC_CLK_TCK") < _STARTS_SECONDS
        return min(now, self._agent_killed_us if is_new else now) - int((_UNREAD_SECONDS + waited) * 1e6)

    def _end_api(self, seconds: float) -> None:
        try:
            _send([_api_server()], signal.SIGKILL)
            time.sleep(seconds)
        finally:
            nodes.cluster("start")

    def _freeze_api(self, seconds: float) -> None:
        with _frozen([_api_server()]):
            time.sleep(seconds)


def _api_server() -> int:
    known = nodes.cluster_state()
    assert known is not None
    return known.processes["apiserver"].pid


def _environment(pid: int) -> str:
    try:
        return "\0" + Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace") + "\0"
    except OSError:
        return ""


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def _frozen(pids: list[int]) -> Iterator[None]:
    _send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(pids, signal.SIGCONT)
