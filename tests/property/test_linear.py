"""Time and memory grow with the size of a line, not with its square, whatever the line holds.

A step of the clock is the best of several runs, and what counts is the ratio between two sizes: a pattern that is
quadratic needs 256 times as long for 16 times the text, a linear one 16 times.
"""

import time
import tracemalloc
from collections.abc import Callable

import pytest

from oomreport.kernel.dump.assembler import Assembler
from oomreport.kernel.dump.fast_path import whole_of
from oomreport.kernel.line import LONGEST_TEXT, Line
from oomreport.kernel.record import Invocation
from oomreport.kernel.text.killed import chosen_of, killed_of, reaped_of
from oomreport.kernel.text.kind import kind_of
from oomreport.kernel.text.memcg import line_stats, stats_of, usage_of
from oomreport.kernel.text.meminfo import total_pages
from oomreport.kernel.text.summary import summary_line_of, task_in
from oomreport.kernel.text.table import Columns, row_of
from oomreport.kernel.text.trigger import cpu_of, trigger_of

_SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a"
_KILLED = "Memory cgroup out of memory: Killed process 7 ("
_ROW = "[    7]     0     7"


def _repeated(head: str, piece: str, tail: str = "") -> Callable[[int], str]:
    return lambda size: head + piece * (size // len(piece) + 1) + tail


SHAPES = {
    "tasks of a summary": _repeated(_SUMMARY, ",task=", ",pid=1,uid=0"),
    "pids of a summary": _repeated(_SUMMARY + ",task=x", ",pid=1", "x"),
    "cgroups of a summary": _repeated(_SUMMARY, ",task_memcg=/a", ",pid=1,uid=0"),
    "limits of a summary": _repeated(_SUMMARY, ",oom_memcg=/", ",task=x,pid=1,uid=0"),
    "nodes of a summary": _repeated("oom-kill:constraint=CONSTRAINT_NONE,nodemask=", "0-1,", ",cpuset=/x"),
    "commas of a summary": _repeated(_SUMMARY, ", ", "x"),
    "letters before a header": _repeated("", "a", " invoked oom-killer: gfp_mask=0x0, order=0"),
    "headers": _repeated("", "x invoked oom-killer: "),
    "letters": _repeated("", "a"),
    "digits": _repeated("", "7"),
    "underscores": _repeated("", "\\_"),
    "blanks": _repeated("a", " ", "x"),
    "newlines": _repeated("anon 1", "\n", "x"),
    "blanks behind a name": _repeated(_KILLED + "x)", " ", "x"),
    "commas behind a name": _repeated(_KILLED + "x)", " ,", "x"),
    "fields behind a name": _repeated(_KILLED + "x)", " a:1", " x"),
    "dots behind a name": _repeated(_KILLED + "x)", ".", "x"),
    "parentheses of a name": _repeated(_KILLED, ")"),
    "digits of a pid": _repeated("Out of memory: Killed process ", "7"),
    "digits of a size": _repeated(_KILLED + "x) total-vm:", "7", "kB"),
    "digits of a score": _repeated("Out of memory: Kill process 7 (x) score ", "7", " or sacrifice child"),
    "choices": _repeated("Out of memory: ", "Kill process 7 (x) score 1 "),
    "parentheses of a choice": _repeated("Out of memory: Kill process 7 (", ") score "),
    "parentheses of the reaper": _repeated("oom_reaper: reaped process 7 (", ")"),
    "digits of the reaper": _repeated("oom_reaper: reaped process ", "7", " (x)"),
    "tasks in": _repeated("Task in /", " killed as a result of limit of "),
    "blanks of task in": _repeated("Task in /a killed as a result of limit of /", " ", "x"),
    "digits of the usage": _repeated("memory: usage ", "7", "kB, limit 1kB, failcnt 1"),
    "statistics on a line": _repeated("Memory cgroup stats for /a:", " a:1KB", " x"),
    "colons of statistics": _repeated("Memory cgroup stats for ", ": "),
    "digits of a statistic": _repeated("anon ", "7"),
    "lines of statistics": _repeated("", "anon 1\n", "x"),
    "columns of a row": _repeated(_ROW, " 1", " x"),
    "digits of a row": _repeated(_ROW + " ", "7", " 1 2 3 4 5 x"),
    "blanks of a row": _repeated(_ROW, " ", "x"),
    "taints": _repeated("CPU: 0 PID: 7 Comm: x ", "Tainted: "),
    "blanks of a taint": _repeated("CPU: 0 PID: 7 Comm: x Tainted: ", " ", "x"),
    "digits of a release": _repeated("CPU: 0 PID: 7 Comm: x Not tainted ", "7"),
    "masks": _repeated("x invoked oom-killer: ", "gfp_mask=0x"),
    "digits of a mask": _repeated("x invoked oom-killer: gfp_mask=0x", "7"),
    "digits of an order": _repeated("x invoked oom-killer: gfp_mask=0x0, order=", "7"),
    "pages": _repeated("", "7", " pages RAM"),
    "zones": _repeated("Node 0 Normal ", "present:"),
    "groups": _repeated("Tasks in ", "/" * 30 + " "),
    "frames": _repeated(" ", "a.", "x"),
    "cpusets": _repeated("x", " cpuset=/ mems_allowed="),
}
_COLUMNS = ("uid", "tgid", "total_vm", "rss", "swapents", "oom_score_adj")
READERS: dict[str, Callable[[str], object]] = {
    "kind": kind_of,
    "summary": lambda text: (line := summary_line_of(text)) and line.summary(comms=frozenset({"x"}), limited="/a"),
    "task in": task_in,
    "killed": killed_of,
    "chosen": chosen_of,
    "reaped": reaped_of,
    "usage": usage_of,
    "statistics": stats_of,
    "figures": line_stats,
    "row": row_of,
    "row of a head": lambda text: row_of(text, Columns(_COLUMNS)),
    "header": trigger_of,
    "cpu": cpu_of,
    "machine": lambda text: total_pages([text], page_bytes=4096),
}
_SMALL, _LARGE = 1024, 16 * 1024
# Below this nothing is measured: it is a fiftieth of what the quadratic patterns took that this test is made from.
_FEW_SECONDS = 0.004


def assembled(*texts: str) -> list[Invocation]:
    assembler = Assembler()
    found = [one for text in texts for one in assembler.feed(Line(text=text))]
    return found + assembler.flush()


def seconds(read: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        read(text)
        best = min(best, time.process_time() - begun)
    return best


@pytest.mark.parametrize("shape", SHAPES)
def test_the_time_to_read_a_line_grows_with_its_length(shape: str) -> None:
    small, large = SHAPES[shape](_SMALL), SHAPES[shape](_LARGE)
    for name, read in READERS.items():
        slow = seconds(read, large)
        # 16 times the text; three times that is still far from the 256 times of a square.
        assert slow < _FEW_SECONDS or slow < 48 * seconds(read, small), name


@pytest.mark.parametrize("shape", SHAPES)
def test_the_memory_to_read_a_line_does_not_grow_beyond_the_longest_text(shape: str) -> None:
    peaks = []
    for size in (LONGEST_TEXT, 4 * 1024 * 1024):
        text = SHAPES[shape](size)
        assembled(text)  # what is compiled stays
        tracemalloc.start()
        assembled(text)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 64 * 1024
    assert peaks[0] < 200 * LONGEST_TEXT


@pytest.mark.parametrize("shape", SHAPES)
def test_no_text_makes_a_number_that_no_field_holds(shape: str) -> None:
    for size in (20, 5000, 100_000):
        for one in assembled("x invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0", SHAPES[shape](size)):
            assert all(abs(value) < 2**63 for value in numbers(one))


def numbers(value: object) -> list[int]:
    if isinstance(value, bool | str) or value is None:
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, dict):
        return [number for one in value.values() for number in numbers(one)]
    if isinstance(value, tuple | list | frozenset):
        return [number for one in value for number in numbers(one)]
    return [number for name in getattr(value, "__slots__", ()) for number in numbers(getattr(value, name))]


_PARTS = {
    "trace": b" dump_header+0x4a0/0x200f",
    "usage": b"memory: usage 57344kB, limit 57344kB, failcnt 24",
    "figures": b"anon 57610240\\x0afile 12288",
    "machine": b"Node 0 DMA: 1*4kB (M) 0*8kB",
    "rows": b"[    212]     0   212    14924    13669   151552        0           939 node 1 2 3 4",
}


@pytest.mark.parametrize("part", _PARTS)
@pytest.mark.parametrize("last", [b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task=a,pid=7", b"eth0: link"])
def test_the_time_to_find_no_whole_dump_grows_with_its_length(part: str, last: bytes) -> None:
    before = {
        "figures": [b"Memory cgroup stats for /a:"],
        "rows": [b"Tasks state (memory values in pages):", b"[  pid  ]   uid  tgid total_vm name"],
    }.get(part, [])

    def dump(lines: int) -> str:
        head = b"node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939"
        kill = b"Memory cgroup out of memory: Killed process 7 (x) total-vm:1kB"
        texts = [head, *before, *[_PARTS[part]] * lines, last, kill]
        return "\n".join(f"6,{n},{5_000_000 + n},-;{text.decode()}" for n, text in enumerate(texts)) + "\n"

    def read(log: str) -> None:
        assert whole_of(log.encode(), 0, len(log)) is None

    slow = seconds(read, dump(640))
    assert slow < _FEW_SECONDS or slow < 48 * seconds(read, dump(40))
