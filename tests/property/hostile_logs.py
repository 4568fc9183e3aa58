"""Logs of any size that were once, or may be, worse than linear to read."""

import json
from collections.abc import Callable

from property.test_linear import SHAPES as LINES
from property.test_linear_framing import SHAPES as FRAMED

KILL = "Memory cgroup out of memory: Killed process 7 (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB\n"
SUMMARY = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=x,"
    "pid=7,uid=0\n"
)
HEADER = "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939\n"
USAGE = "memory: usage 1kB, limit 1kB, failcnt 1\n"
COLUMNS = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n"
ROW = "[    212]     0   212    14924    13669   151552        0           939 node\n"
GROUP = "Tasks in /a are going to be killed due to memory.oom.group set\n"
GLOBAL = "Out of memory: Killed process 7 (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB\n"
_KUBELET = 'E1130 10:00:00.000000 1 kubelet.go:1] "Killed" pod="shop/web" podUID="1" containerName="api"\n'
_CRI = "2026-11-30T10:00:00.000000000Z stdout "


def repeated(head: str, piece: str, tail: str = "") -> Callable[[int], bytes]:
    return lambda size: (head + piece * max(1, (size - len(head) - len(tail)) // len(piece)) + tail).encode()


def numbered(piece: str, head: str = "", tail: str = "") -> Callable[[int], bytes]:
    """Each piece is another one: `{n}` is its number, so that nothing of it is known already."""

    def make(size: int) -> bytes:
        count = max(1, (size - len(head) - len(tail)) // len(piece))
        return (head + "".join(piece.replace("{n}", str(n)) for n in range(count)) + tail).encode()

    return make


def _wide_object(size: int) -> bytes:
    fields: dict[str, object] = {f"a{n}": n for n in range(size // 30)}
    return json.dumps({**fields, "items": [{"x": 1}] * (size // 18)}).encode()


def _wide_entries(size: int) -> bytes:
    fields: dict[str, object] = {f"a{n}": n for n in range(size // 40)}
    return json.dumps({**fields, "time": "x" * (size // 4), "items": [{"message": KILL}] * (size // 320)}).encode()


def _as_bytes(make: Callable[[int], str]) -> Callable[[int], bytes]:
    return lambda size: make(size).encode()


LOGS: dict[str, Callable[[int], bytes]] = {
    "kills": repeated("", KILL),
    "kills of many processes": numbered(KILL.replace("process 7", "process {n}")),
    "summaries": repeated("", SUMMARY),
    "summaries and kills": numbered(SUMMARY.replace("pid=7", "pid={n}") + KILL.replace("process 7", "process {n}")),
    "headers": repeated("", HEADER),
    "dumps": repeated("", HEADER + USAGE + COLUMNS + ROW * 3 + SUMMARY + KILL),
    "rows of a table": repeated(HEADER + COLUMNS, ROW, SUMMARY + KILL),
    "rows of many processes": numbered(ROW.replace("212]", "{n}]"), HEADER + COLUMNS, SUMMARY + KILL),
    "rows alone": repeated("", ROW),
    "usages": repeated("", USAGE),
    "victims of a group": numbered(KILL.replace("process 7", "process {n}"), SUMMARY + KILL + GROUP),
    "reapers": repeated(SUMMARY + KILL, "oom_reaper: reaped process 7 (x), now anon-rss:0kB, file-rss:0kB\n"),
    "choices": repeated("", "Memory cgroup out of memory: Kill process 7 (x) score 1 or sacrifice child\n"),
    "tasks in": repeated("", "Task in /a killed as a result of limit of /b\n"),
    "statistics": numbered("anon{n} 1\n", HEADER + "Memory cgroup stats for /a:\n", SUMMARY + KILL),
    "statistics of many cgroups": numbered(
        "Memory cgroup stats for /a{n}: cache:1KB rss:1KB\n", HEADER, SUMMARY + KILL
    ),
    "call traces": repeated(HEADER, " dump_header+0x4a0/0x200f\n", SUMMARY + KILL),
    "nodes of a machine": numbered("Node {n} Normal free:1kB min:1kB low:1kB high:1kB present:1kB\n", HEADER, GLOBAL),
    "blocks of a machine": repeated(HEADER, "Node 0 DMA: 1*4kB (M) 0*8kB = 4kB\n", GLOBAL),
    "hosts": numbered("Nov 30 10:00:00 h{n} kernel: " + HEADER),
    "kills of hosts": numbered("Nov 30 10:00:00 h{n} kernel: " + KILL),
    "stamps": numbered("<6>[    {n}.000000] " + KILL),
    "records": numbered("6,{n},{n},-;" + KILL),
    "records that go on": numbered("6,{n},{n},c;" + KILL),
    "properties of a record": repeated("6,1,1,-;" + KILL, " SUBSYSTEM=x\n"),
    "entries of the journal": numbered('{"MESSAGE":"' + KILL[:-1] + '","_TRANSPORT":"kernel","A{n}":"1"}\n'),
    "exports of the journal": repeated("", "__CURSOR=x\nMESSAGE=" + KILL + "\n"),
    "a wide object": _wide_object,
    "a wide object around entries": _wide_entries,
    "deep objects": repeated("", '{"a":'),
    "lists": repeated("[", "[],"),
    "entries on several lines": repeated("[\n", '{"message":\n"x"\n},\n'),
    "lines of containers": repeated("", _CRI + "F " + KILL),
    "parts of lines of containers": repeated("", _CRI + "P " + KILL),
    "lines of the kubelet": repeated("", _KUBELET),
    "quotes": repeated("", "> > " + KILL),
    "cells": repeated("a,message\n", '1,"' + KILL[:-1] + '"\n'),
    "broken lines": repeated("", SUMMARY[:60] + "\n" + SUMMARY[60:]),
    "phrases in no form": repeated("", "zzz out of memory: killed process\n"),
    "indented lines": repeated(KILL, "         x\n"),
    "empty lines": repeated("", "\n"),
    "lost newlines": repeated("", "\\n" + KILL[:-1]),
    "breaks of a page": repeated("<pre>", "<br>" + KILL[:-1]),
    **{f"line: {name}": _as_bytes(make) for name, make in LINES.items()},
    **{f"framed: {name}": make for name, make in FRAMED.items()},
}
