from oomreport.kernel.framing.framer import Framer
from oomreport.kernel.line import Line


def fed(*lines: bytes) -> list[Line]:
    framer = Framer()
    return [line for raw in lines for line in framer.feed(raw)] + framer.flush()


def test_formats_may_be_mixed_line_by_line() -> None:
    found = fed(b"4,12,9000002,-;a", b'{"MESSAGE": "b", "_TRANSPORT": "kernel"}', b"[    9.000002] c\r", b"> d")
    assert [line.text for line in found] == ["a", "b", "c", "d"]


def test_a_stage_that_holds_an_entry_is_asked_first() -> None:
    found = fed(b"facility,message", b'user,"x', b"4,12,9000002,-;Out of memory: Killed process 5 (x)", b'y"')
    assert found == []


def test_what_is_held_comes_at_the_end() -> None:
    framer = Framer()
    assert framer.feed(b"__CURSOR=s=ab") == framer.feed(b"_TRANSPORT=kernel") == framer.feed(b"MESSAGE=text") == []
    assert not framer.idle
    assert [line.text for line in framer.flush()] == ["text"]
