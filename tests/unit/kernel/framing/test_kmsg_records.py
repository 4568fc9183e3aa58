from oomreport.kernel.framing.kmsg_records import KmsgRecords
from oomreport.kernel.line import Line


def test_a_record_is_a_line() -> None:
    (line,) = KmsgRecords().feed(b"4,12,9000002,-;text") or ()
    assert isinstance(line, Line)
    assert (line.text, line.sequence, line.kernel) == ("text", 12, True)


def test_other_lines_are_not_its_business() -> None:
    stage = KmsgRecords()
    assert [stage.feed(raw) for raw in (b"[    9.000002] text", b" SUBSYSTEM=net", b"4,12 text", b"")] == [None] * 4
