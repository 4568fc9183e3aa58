from oomreport.kernel.dump.entry import entry_of
from oomreport.kernel.line import Line
from oomreport.kernel.text.killed import Killed
from oomreport.kernel.text.kind import Kind
from oomreport.kernel.text.memcg import CgroupCounter


def test_an_entry_has_the_value_of_its_line() -> None:
    assert entry_of(Kind.USAGE, Line("swap: usage 1kB, limit 2kB, failcnt 3")).value == CgroupCounter("swap", 1, 2, 3)
    assert entry_of(Kind.KILLED, Line("Killed process 7")).value == Killed(pid=7, cut_in_pid=True)
    assert entry_of(Kind.STAT, Line("anon 1")).value == {"anon": 1}


def test_a_line_whose_text_says_nothing_more_has_no_value() -> None:
    assert entry_of(Kind.TRACE, Line("Call Trace:")).value is None
    assert entry_of(Kind.USAGE, Line("swap: usage 1kB, lim")).value is None
