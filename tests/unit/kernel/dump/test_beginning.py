from oomreport.kernel.dump.assembler import Assembler
from oomreport.kernel.dump.beginning import is_trace_of_killer, is_unfounded, may_begin_dump
from oomreport.kernel.dump.entry import Entry, entry_of
from oomreport.kernel.line import Line
from oomreport.kernel.reading.reader import invocations_of_text
from oomreport.kernel.record import SYSRQ_ORDER, Stamp
from oomreport.kernel.text.kind import Kind

CPU = "CPU: 1 PID: 900 Comm: svc Tainted: G           O      4.19.81 #1"
KILLER = (" dump_stack+0x66/0x8b", " dump_header+0x66/0x28e", " oom_kill_process+0x251/0x270")
KILLED = "Memory cgroup out of memory: Killed process 7 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"


def entry(text: str) -> Entry:
    line = Line(text, Stamp(5_000_000))
    assert line.kind is not None
    return entry_of(line.kind, line)


def log(*texts: str) -> list[bytes]:
    return [f"[    5.{place:06}] {text}".encode() for place, text in enumerate(texts)]


def test_the_trace_of_the_killer_has_nothing_above_dump_header_but_what_prints_it() -> None:
    entries = [entry(text) for text in (CPU, "Call Trace:", *KILLER)]
    assert is_trace_of_killer(entries[:-1], entries[-1])
    assert not is_trace_of_killer(entries[:-2], entries[-1])
    assert is_trace_of_killer((), entries[-1])
    stalled = [entry(text) for text in (" console_unlock+0x2/0x4", *KILLER)]
    assert not is_trace_of_killer(stalled[:-1], stalled[-1])
    split = entry(" oom_kill_process.cold+0xb/0x10")
    assert is_trace_of_killer(entries[:-1], split)
    arm = [entry(text) for text in (" dump_header from oom_kill_process+0x1/0x2", " oom_kill_process from x+0x1/0x2")]
    assert is_trace_of_killer(arm[:-1], arm[-1])


def test_a_dump_may_begin_with_its_cpu_line_or_within_its_trace() -> None:
    assert all(may_begin_dump(entry(text)) for text in (CPU, "Call Trace:", KILLER[1], "SysRq : Manual OOM execution"))
    assert not may_begin_dump(entry(" schedule+0x2/0x4"))


def test_another_message_of_the_kernel_is_no_beginning() -> None:
    assert is_unfounded({Kind.CPU, Kind.TRACE}, entry(KILLED))
    assert not is_unfounded({Kind.CPU, Kind.MEM_INFO}, entry(KILLED))
    (warned,) = invocations_of_text(log("WARNING: x", CPU, "Call Trace:", " schedule+0x2/0x4", KILLED))
    assert (warned.trigger, warned.first.monotonic_us) == (None, 5_000_004)


def test_the_cpu_line_tells_trigger_and_kernel_where_the_header_is_lost() -> None:
    (found,) = invocations_of_text(log(CPU, "Call Trace:", *KILLER, " mem_cgroup_out_of_memory+0xb0/0xd0", KILLED))
    assert found.trigger is not None
    assert (found.trigger.comm, found.trigger.pid, found.kernel_release) == ("svc", 900, "4.19.81")
    assert [victim.pid for victim in found.victims] == [7]


def test_who_asked_for_a_kill_is_told_where_the_kernel_panicked() -> None:
    panic = "Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled"
    (found,) = invocations_of_text(log("sysrq: SysRq : Manual OOM execution", panic, "", CPU))
    assert found.trigger is not None
    assert (found.trigger.comm, found.trigger.order, found.panicked) == ("svc", SYSRQ_ORDER, True)
    (killed,) = invocations_of_text(log("sysrq: SysRq : Manual OOM execution", KILLED))
    assert killed.trigger is None


def test_a_live_log_begins_no_dump_within_a_trace() -> None:
    assembler = Assembler()
    for text in (CPU, "Call Trace:", *KILLER):
        assert assembler.feed(Line(text, Stamp(5_000_000))) == []
    assert not assembler.open
