from oomreport.kernel.dump.duplicate_line import is_told_twice
from oomreport.kernel.line import Line
from oomreport.kernel.reading.reader import invocations_of_text
from oomreport.kernel.record import Stamp
from oomreport.kernel.text.kind import Kind


def line(text: str, micros: int | None = None) -> Line:
    return Line(text=text, stamp=Stamp(monotonic_us=micros))


def test_the_same_line_at_the_same_moment_is_told_twice() -> None:
    assert is_told_twice(line("x", 5), Kind.HEADER, line("x", 5))
    assert not is_told_twice(line("x", 5), Kind.HEADER, line("x", 6))
    assert not is_told_twice(line("x", 5), Kind.HEADER, line("y", 5))
    assert not is_told_twice(None, Kind.HEADER, line("x", 5))


def test_the_headers_of_two_dumps_may_be_the_same_where_no_clock_tells() -> None:
    assert not is_told_twice(line("x"), Kind.HEADER, line("x"))
    assert is_told_twice(line("x"), Kind.HEADER, line("x", 5))
    assert is_told_twice(line("x"), Kind.ROW, line("x"))


def test_two_shippers_of_one_node_make_one_kill() -> None:
    killed = "Memory cgroup out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
    log = [f"Jan  2 03:04:05 node-1 kernel: {killed}", f"[    9.000002] node-1 kernel: {killed}"]
    (one,) = invocations_of_text(text.encode() for text in log)
    assert [victim.pid for victim in one.victims] == [5]
