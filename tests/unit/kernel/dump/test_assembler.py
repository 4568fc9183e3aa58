"""Lines that a name with newlines tore, as syslog(2) shows them."""

import pytest

from oomreport.kernel.dump.assembler import Assembler
from oomreport.kernel.kmsg import line_of_record, line_of_syslog
from oomreport.kernel.reading.reader import invocations_of_records, invocations_of_text
from oomreport.kernel.record import Invocation
from records.records import FOLDERS, log_of

_TAIL = b") total-vm:46640kB, anon-rss:41148kB, file-rss:0kB, shmem-rss:708kB, UID:0 pgtables:124kB oom_score_adj:939"


def ring_of(log: bytes) -> list[bytes]:
    """Return the lines that syslog(2) gives for records of /dev/kmsg: each line of a text has the prefix."""
    lines = []
    for raw in log.split(b"\n"):
        line = line_of_record(raw)
        if line is not None and line.stamp.monotonic_us is not None:
            seconds, micros = divmod(line.stamp.monotonic_us, 1_000_000)
            prefix = b"<%d>[%5d.%06d] " % ((line.facility or 0) * 8 + (line.priority or 0), seconds, micros)
            lines += [prefix + text for text in line.text.encode("utf-8", "replace").split(b"\n")]
    return lines


def assembled(lines: list[bytes], **bounds: int) -> list[Invocation]:
    assembler = Assembler(**bounds)
    found = [one for raw in lines if (line := line_of_syslog(raw)) is not None for one in assembler.feed(line)]
    return found + assembler.flush()


@pytest.mark.parametrize("folder", [f for f in FOLDERS if "comm-newline" in f.name], ids=lambda folder: folder.name)
def test_a_comm_with_a_newline_is_whole_in_the_ring_too(folder) -> None:  # type: ignore[no-untyped-def]
    log = log_of(folder)
    expected = [[(v.pid, v.comm) for v in one.victims] for one in invocations_of_records(log.split(b"\n"))]
    assert any("\n" in comm for victims in expected for _, comm in victims if comm)
    for found in (assembled(ring_of(log)), list(invocations_of_text(ring_of(log)))):
        assert [[(v.pid, v.comm) for v in one.victims] for one in found] == expected


def test_a_kill_line_in_several_pieces_is_one() -> None:
    kill = [b"Memory cgroup out of memory: Killed process 7 (a", b"", b"b" + _TAIL]
    (one,) = assembled([b"<3>[   12.345678] " + text for text in kill])
    assert [(v.pid, v.comm, v.total_vm_bytes) for v in one.victims] == [(7, "a\n\nb", 46640 * 1024)]


@pytest.mark.parametrize(
    "after",
    [b"<3>[   12.345679] b" + _TAIL, b"<11>[   12.345678] b" + _TAIL, b"<3>[   12.345678] device eth0 left"],
    ids=["another stamp", "user space", "other text"],
)
def test_what_does_not_complete_a_cut_kill_line_is_left_alone(after: bytes) -> None:
    (one,) = assembled([b"<3>[   12.345678] Memory cgroup out of memory: Killed process 7 (a", after])
    assert [(v.pid, v.comm) for v in one.victims] == [(7, None)]


def test_a_kill_line_before_tasks_in_begins_the_next_group() -> None:
    """Beyond the limit of dumps nothing but the chosen victim's line stands between the groups of two containers."""
    groups = [(11, 10, b"a" * 64), (21, 20, b"b" * 64)]
    lines = [
        line
        for child, parent, container in groups
        for line in (
            b"Memory cgroup out of memory: Killed process %d (child" % child + _TAIL,
            b"Tasks in /kubepods.slice/cri-containerd-%s.scope are going to be killed due to memory.oom.group set"
            % container,
            b"Memory cgroup out of memory: Killed process %d (parent" % parent + _TAIL,
            b"Memory cgroup out of memory: Killed process %d (child" % child + _TAIL,
        )
    ]
    found = assembled([b"<3>[   12.%06d] " % number + line for number, line in enumerate(lines)])
    assert [[victim.pid for victim in one.victims] for one in found] == [[11, 10], [21, 20]]
    assert all(one.group_kill for one in found)


def test_records_lost_behind_a_kill_leave_its_table_whole() -> None:
    (folder,) = (f for f in FOLDERS if f.name == "kernel-6.1.0-56-cloud-amd64-cgv2-01-single-cgfs-guaranteed")
    log = log_of(folder).split(b"\n")
    number = max(line.sequence or 0 for raw in log if (line := line_of_record(raw)) is not None)
    (one,) = invocations_of_records([*log, b"6,%d,999999999,-;eth0: link becomes ready" % (number + 100)])
    assert one.table_whole


def test_beyond_its_bound_a_dump_keeps_the_lines_that_say_who_is_killed() -> None:
    rows = ["[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"]
    rows += [
        f"[{pid:7d}]     0 {pid:7d}    14924    {pid}   151552        0             0 java" for pid in range(1, 401)
    ]
    killed = "Memory cgroup out of memory: Killed process 400 (java) total-vm:59696kB, anon-rss:1600kB, file-rss:0kB"
    summary = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,"
    text = [
        "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        *rows,
        f"{summary}task=java,pid=400,uid=0",
        killed,
    ]
    lines = [b"<6>[%12.6f] %s" % (number / 1000, line.encode()) for number, line in enumerate(text)]
    (whole,), (cut,) = assembled(lines), assembled(lines, most_lines=1200)
    assert (len(whole.tasks), whole.table_whole) == (400, True)
    assert (len(cut.tasks), cut.table_whole) == (198, False)
    for one in (whole, cut):
        assert [victim.pid for victim in one.victims] == [400]
        assert one.task_memcg == "/a"
        assert one.log.endswith(killed)
