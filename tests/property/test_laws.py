"""Laws of reading kernel logs, whatever the log."""

from hypothesis import given, settings
from hypothesis import strategies as st

from oomreport.kernel.dump.assembler import Assembler
from oomreport.kernel.kmsg import line_of_record, unescaped
from oomreport.kernel.reading.reader import Reader, invocations_of_records, invocations_of_text
from oomreport.kernel.reading.scanner import Scanner
from oomreport.kernel.text.summary import summary_line_of
from records.records import FOLDERS, log_of

_LOGS = [log_of(folder) for folder in FOLDERS]
_CAPTURE = next(log_of(f) for f in FOLDERS if "01-single-systemd-burstable-containerd" in f.name)
_PIECES = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [b"Memory cgroup out of memory: Killed process ", b"oom-kill:constraint=CONSTRAINT_MEMCG,", b"\n",
             b" invoked oom-killer: gfp_mask=0x", b"[  pid  ]   uid  tgid", b"[   12]  0 1 2 3 4 5 6 7 x", b"6,1,1,-;",
             b"[12.345678] ", b"Oct  3 06:22:43 h kernel: ", b"{", b"}", b'"MESSAGE":[', b"__CURSOR=x\n", b"MESSAGE\n",
             b"pid=5,uid=0", b"Task in / killed as a result of limit of /", b"\\", b"--\n", b"total-vm:1kB, "]
        ),
    ),
    max_size=40,
).map(b"".join)  # fmt: skip
# A comm is up to 15 bytes of anything but NUL.
_COMM = st.binary(max_size=15).filter(lambda comm: b"\0" not in comm)


def record(sequence: int, level: int, text: bytes) -> bytes:
    escaped = b"".join(b"\\x%02x" % b if b < 32 or b >= 127 or b == 92 else bytes((b,)) for b in text)
    return b"%d,%d,%d,-;%s" % (level, sequence, 5_000_000 + sequence * 100, escaped)


def dump(comm: bytes, pid: int, *, first: int = 1, memcg: bytes = b"/kubepods/pod1/c") -> list[bytes]:
    texts = [
        (4, comm + b" invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=939"),
        (4, b"CPU: 0 PID: %d Comm: %s Not tainted 6.1.0 #1" % (pid, comm)),
        (6, b"memory: usage 40960kB, limit 40960kB, failcnt 47"),
        (6, b"Memory cgroup stats for " + memcg + b":"),
        (6, b"anon 41766912"),
        (6, b"Tasks state (memory values in pages):"),
        (6, b"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"),
        (6, b"[%7d]     0 %5d    11660    10464   126976        0           939 %s" % (pid, pid, comm)),
        (6, b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=%s,task_memcg=%s,"
            b"task=%s,pid=%d,uid=0" % (memcg, memcg, comm, pid)),
        (3, b"Memory cgroup out of memory: Killed process %d (%s) total-vm:46640kB, anon-rss:41148kB, file-rss:0kB, "
            b"shmem-rss:708kB, UID:0 pgtables:124kB oom_score_adj:939" % (pid, comm)),
    ]  # fmt: skip
    return [record(first + n, level, text) for n, (level, text) in enumerate(texts)]


@given(_PIECES)
@settings(max_examples=400, deadline=None)
def test_any_bytes_give_records_and_never_an_exception(log: bytes) -> None:
    for one in invocations_of_text(log.split(b"\n")):
        assert len({victim.pid for victim in one.victims}) == len(one.victims)
    list(invocations_of_records(log.split(b"\n")))


@given(st.sampled_from(_LOGS), st.data())
@settings(max_examples=60, deadline=None)
def test_a_log_gives_the_same_in_whatever_chunks_it_comes(log: bytes, data: st.DataObject) -> None:
    whole = Scanner()
    expected = whole.feed(log) + whole.flush()
    size = data.draw(st.integers(min_value=50, max_value=max(len(log), 51)))
    scanner = Scanner()
    found = [one for start in range(0, len(log), size) for one in scanner.feed(log[start : start + size])]
    assert found + scanner.flush() == expected


@given(_PIECES)
@settings(max_examples=200, deadline=None)
def test_bytes_survive_being_escaped_and_unescaped_once(text: bytes) -> None:
    line = line_of_record(record(1, 6, text))
    assert line is not None
    assert line.text == text.decode("utf-8", "replace")
    assert unescaped(b"\\x5cx0a") == b"\\x0a"


@given(_COMM, st.integers(min_value=1, max_value=4_194_304))
@settings(max_examples=400, deadline=None)
def test_no_name_forges_a_pid_or_a_cgroup(comm: bytes, pid: int) -> None:
    (one,) = invocations_of_records(dump(comm, pid))
    assert [(victim.pid, victim.comm) for victim in one.victims] == [(pid, comm.decode("utf-8", "replace"))]
    assert (one.oom_memcg, one.task_memcg) == ("/kubepods/pod1/c", "/kubepods/pod1/c")
    assert one.trigger is not None
    assert one.trigger.pid == pid
    assert not one.missing


@given(
    st.text(alphabet=",=abcdefgoklimtpudsxy_0123456789 -", min_size=1, max_size=40).filter(lambda name: name.strip("."))
)
@settings(max_examples=300, deadline=None)
def test_no_name_of_a_nested_cgroup_forges_the_limit(name: str) -> None:
    line = (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/kubepods/pod1/c,"
        f"task_memcg=/kubepods/pod1/c/{name},task=python3,pid=77,uid=5"
    )
    parts = summary_line_of(line)
    assert parts is not None
    said = parts.summary(comms=frozenset({"python3"}), limited="/kubepods/pod1/c")
    assert (said.oom_memcg, said.pid, said.uid, said.comm) == ("/kubepods/pod1/c", 77, 5, "python3")


@given(kept=st.integers(min_value=1, max_value=9), first_lost=st.booleans())
def test_a_truncated_dump_never_eats_the_next(*, kept: int, first_lost: bool) -> None:
    cut = dump(b"first", 100)[:kept]
    whole = dump(b"second", 200, first=50 if first_lost else kept + 1, memcg=b"/kubepods/pod2/d")
    found = list(invocations_of_records(cut + whole))
    assert [victim.pid for victim in found[-1].victims] == [200]
    assert found[-1].oom_memcg == "/kubepods/pod2/d"
    assert not found[-1].missing
    assert len(found) == 2


@given(st.integers(min_value=1, max_value=12))
def test_there_is_one_record_per_dump(count: int) -> None:
    records = [one for n in range(count) for one in dump(b"app", 100 + n, first=1 + 10 * n)]
    assert [one.victims[0].pid for one in invocations_of_records(records)] == [100 + n for n in range(count)]


@given(st.integers(min_value=0, max_value=9))
def test_records_of_user_space_change_nothing(place: int) -> None:
    genuine = dump(b"app", 100)
    forged = record(0, 11, b"Memory cgroup out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB")
    log = [*genuine[:place], forged, *genuine[place:]]
    renumbered = [b"%s,%d,%s" % (r.split(b",", 2)[0], n, r.split(b",", 2)[2]) for n, r in enumerate(log)]
    (one,) = invocations_of_records(renumbered)
    assert [victim.pid for victim in one.victims] == [100]
    assert one.lost_before == 0


@given(st.integers(min_value=1, max_value=1000))
def test_lost_records_are_counted(lost: int) -> None:
    (_, second) = invocations_of_records(dump(b"a", 1) + dump(b"b", 2, first=11 + lost))
    assert second.lost_before == lost


@given(st.sampled_from(_LOGS), st.integers(min_value=0, max_value=100_000))
@settings(max_examples=60, deadline=None)
def test_a_log_cut_anywhere_names_no_victim_that_the_whole_log_does_not(log: bytes, cut: int) -> None:
    def pids(data: bytes) -> set[int]:
        return {victim.pid for one in invocations_of_text(data.split(b"\n")) for victim in one.victims}

    end = log.rfind(b"\n", 0, cut % (len(log) + 1)) + 1
    whole = pids(log)
    named_alone = {pid for pid in pids(log[:end]) if str(pid).encode() in log}
    assert pids(log[:end]) <= whole | named_alone


def test_late_lines_of_a_dump_that_was_flushed_make_no_second_record() -> None:
    assembler = Assembler()
    for raw in dump(b"app", 100):
        line = line_of_record(raw)
        assert line is not None
        assert assembler.feed(line) == []
    assert assembler.kill_seen
    assert len(assembler.flush()) == 1
    late = [
        record(11, 6, b"Tasks in /kubepods/pod1/c are going to be killed due to memory.oom.group set"),
        record(12, 3, b"Memory cgroup out of memory: Killed process 100 (app) total-vm:46640kB, anon-rss:41148kB"),
        record(13, 6, b"oom_reaper: reaped process 100 (app), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"),
    ]
    for raw in late:
        line = line_of_record(raw)
        assert line is not None
        assert assembler.feed(line) == []
    assert assembler.flush() == []


def test_reading_a_log_twice_gives_the_same() -> None:
    for log in _LOGS[:40]:
        first, second = Reader(), Reader()
        a = [one for raw in log.split(b"\n") for one in first.feed(raw)] + first.flush()
        b = [one for raw in log.split(b"\n") for one in second.feed(raw)] + second.flush()
        assert a == b
