from oomreport.kernel.line import Line
from oomreport.kernel.text.kind import Kind


def test_a_line_knows_its_kind() -> None:
    assert Line("Killed process 7 (x) total-vm:1kB").kind is Kind.KILLED
    assert Line("eth0: link becomes ready").kind is None


def test_a_changed_line_has_the_kind_of_its_new_text() -> None:
    line = Line("Nov 21 kernel: Killed process 7 (x) total-vm:1kB")
    assert line.kind is None
    assert line._replace(text="Killed process 7 (x) total-vm:1kB").kind is Kind.KILLED


def test_text_inside_a_record_is_no_part_of_a_dump() -> None:
    assert Line("Killed process 7 (x) total-vm:1kB", inner=True).kind is None


def test_lines_are_equal_by_what_they_say() -> None:
    one, other = Line("anon 1"), Line("anon 1")
    assert one.kind is Kind.STAT
    assert one == other
