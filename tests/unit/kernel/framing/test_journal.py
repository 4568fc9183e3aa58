import struct

from oomreport.kernel.framing.journal import JournalEntries
from oomreport.kernel.framing.stage import Item
from oomreport.kernel.line import Line


def fed(*lines: bytes) -> list[Item]:
    entries = JournalEntries()
    return [one for line in lines for one in entries.feed(line) or ()] + entries.flush()


def test_an_entry_of_the_export_format_ends_with_an_empty_line() -> None:
    (line,) = fed(b"__CURSOR=s=ab", b"_TRANSPORT=kernel", b"_HOSTNAME=node-1", b"MESSAGE=text", b"")
    assert isinstance(line, Line)
    assert (line.text, line.host, line.kernel) == ("text", "node-1", True)


def test_a_value_with_newlines_is_counted_by_its_bytes() -> None:
    value = b"first\n\nMESSAGE=third"
    lines = (b"MESSAGE\n" + struct.pack("<Q", len(value)) + value + b"\n").split(b"\n")[:-1]
    (line,) = fed(b"__REALTIME_TIMESTAMP=1764500213782402", b"_TRANSPORT=kernel", *lines, b"")
    assert isinstance(line, Line)
    assert line.text == value.decode()


def test_an_entry_of_the_verbose_format_ends_where_the_next_begins() -> None:
    head = b"Sun 2025-11-30 10:56:53.782402 UTC [s=57;i=1;b=6e;m=cb;t=64;x=2e]"
    found = fed(head, b"    _TRANSPORT=kernel", b"    MESSAGE=one", b"            two", head, b"    MESSAGE=three")
    assert [item.text for item in found if not isinstance(item, bytes)] == ["one\ntwo", "three"]


def test_what_a_program_wrote_is_not_the_kernels() -> None:
    (line,) = fed(b"__CURSOR=s=ab", b"_TRANSPORT=syslog", b"MESSAGE=text", b"")
    assert isinstance(line, Line)
    assert not line.kernel


def test_other_lines_are_not_its_business() -> None:
    assert JournalEntries().feed(b"[    9.000002] MESSAGE=x") is None


def test_a_line_that_is_no_field_is_given_back() -> None:
    assert fed(b"__CURSOR=s=ab", b"MESSAGE=text", b"[    9.000002] x")[-1] == b"[    9.000002] x"
