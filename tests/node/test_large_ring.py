"""The agent within its limit of memory where the kernel's ring has 16 MiB, whatever stands in it.

The agent is the process of a cluster in a real cgroup of 64 MiB, as in manifests/base. This machine's ring is smaller:
a library in its process answers klogctl(3) from a file, and writes the text into the agent's own buffer as the kernel
does.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from node.agents import Agent
from node.pods import MIB, Container, Group, eventually, is_v2

NewAgent = Callable[..., Agent]
LIMIT_MIB = 64
RING = 16 * MIB
# printk's ring has a descriptor for each 32 bytes (PRB_AVGBITS in kernel/printk/printk.c): no more records than that.
MOST_RECORDS = RING // 32
_ANSWERS = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
int klogctl(int action, char *buffer, int size) {
    if (action == 10) return atoi(getenv("RING_SIZE"));
    int file = open(getenv("RING_FILE"), O_RDONLY);
    int got = 0, some;
    while (got < size && (some = read(file, buffer + got, size - got)) > 0) got += some;
    close(file);
    return got;
}
"""
KILL = (
    "Memory cgroup out of memory: Killed process {n} (java) total-vm:9000000kB, anon-rss:1040000kB, file-rss:0kB, "
    "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0"
)
HEADER = "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"
SUMMARY = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a{n},task_memcg=/a{n},"
    "task=java,pid={n},uid=0"
)
COLUMNS = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"
ROW = "[{i:7d}]     0 {i:7d}    14924    13669   151552        0             0 java"
USAGE = "memory: usage 1kB, limit 1kB, failcnt {n}"
GROUP = "Tasks in /a{n} are going to be killed due to memory.oom.group set"
# Each ring: the lines at its start, and those that fill it in turn. `n` counts the turns, `i` the lines.
RINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "plain": ((), ("eth0: link is up, and this line is as long as most of them are {n}",)),
    "short": ((), ("x",)),
    "long": ((), ("x" * 1000,)),
    "kills": ((), (KILL,)),
    "headers": ((), (HEADER,)),
    "summaries": ((), (SUMMARY,)),
    "rows": ((HEADER, COLUMNS), (ROW,)),
    "statistics": ((HEADER, "Memory cgroup stats for /a:"), ("anon{n} 1",)),
    "statistics of many cgroups": ((HEADER,), ("Memory cgroup stats for /a{n}: cache:1KB rss:1KB",)),
    "call trace": ((HEADER,), (" dump_header+0x{n}/0x200f",)),
    "memory of nodes": ((HEADER,), ("Node {n} Normal free:1kB min:1kB low:1kB high:1kB present:1kB",)),
    "victims of a group": ((SUMMARY, KILL, GROUP), (KILL,)),
    "dumps": ((), (HEADER, USAGE, "Memory cgroup stats for /a{n}:", "anon 1", COLUMNS, ROW, SUMMARY, KILL)),
    "tables of kills without a name": ((), (HEADER, COLUMNS, *(ROW,) * 900, KILL.replace("Memory cgroup out", "Out"))),
}


def ring_text(name: str, *, first: int = 0) -> bytes:
    """Return as much text as a full ring prints: 16 MiB of messages, or as many as it has descriptors for.

    Lines are a millisecond apart and numbered from `first`.
    """
    head, turn = RINGS[name]
    lines: list[str] = []
    size = 0
    while size < RING and len(lines) < MOST_RECORDS:
        at = len(lines) - len(head)
        text = head[at] if at < 0 else turn[at % len(turn)]
        text = text.format(n=first + max(0, at) // len(turn), i=first + max(0, at))
        size += len(text)
        lines.append(f"<6>[{(first + len(lines)) / 1000:12.6f}] {text}\n")
    return "".join(lines).encode()


def peak_mib(container: Container) -> float:
    """Return the highest memory of the cgroup, the page cache of the agent's own files included."""
    file = container.folder / ("memory.peak" if is_v2() else "memory.max_usage_in_bytes")
    return int(file.read_text()) / MIB


def high_water_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that answers for the kernel."""
    if not shutil.which("gcc"):
        pytest.skip("needs gcc to make a library that answers klogctl(3)")
    folder = tmp_path_factory.mktemp("answers")
    (folder / "answers.c").write_text(_ANSWERS)
    library = folder / "answers.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, folder / "answers.c"], check=True)
    return library


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", RINGS)
def test_a_full_ring_of_16_mib_is_read_within_the_agents_limit(
    name: str, group: Group, new_agent: NewAgent, answers: Path, tmp_path: Path
) -> None:
    ring = tmp_path / "ring"
    ring.write_bytes(ring_text(name))
    limited = group.container(limit_mib=LIMIT_MIB)
    enter = (
        f"echo $$ > {limited.folder}/cgroup.procs"
        f' && exec env LD_PRELOAD={answers} RING_FILE={ring} RING_SIZE={RING} "$@"'
    )
    agent = new_agent("syslog", "--counter-wait=1", under=("/bin/sh", "-c", enter, "sh"))
    agent.start(seconds=600)
    assert agent.process
    high = high_water_mib(agent.process.pid)
    # Once more, as after an overrun: nothing of the text seen last is left.
    (tmp_path / "new").write_bytes(ring_text(name, first=MOST_RECORDS))
    (tmp_path / "new").rename(ring)
    eventually("the ring is read anew", lambda: overruns(agent) >= 1, seconds=300)
    high = max(high, high_water_mib(agent.process.pid))
    print(
        f"{name}: {ring.stat().st_size / MIB:.1f} MiB of text, {high:.1f} MiB resident, {peak_mib(limited):.1f} MiB charged"
    )

    assert agent.process.poll() is None
    assert limited.oom_kills() == 0
    assert high < LIMIT_MIB
    # No line names a cgroup of a pod.
    assert [one for one in agent.records() if "podUID" in one["spec"].get("subject", {})] == []


def overruns(agent: Agent) -> int:
    return sum("overwritten" in message["message"] for message in agent.log())
