import pytest

from oomreport.kernel.reading.line_count import Lines, lines_in
from oomreport.kernel.reading.phrases import PLAIN

_RECORD = b"6,1,1,-;" + b"x" * 90 + b"\n"
_PROPERTY = b" SUBSYSTEM=net\n"


@pytest.mark.parametrize("first", [0, len(_RECORD), 40 * len(_RECORD)])
@pytest.mark.parametrize("last", [300, 1000])
def test_lines_counted_at_once_are_as_many_as_lines_counted_where_they_stand(first: int, last: int) -> None:
    block = (_RECORD * 3 + _PROPERTY) * 300 + b" 6,2,2,-;a record that stands in\n" * 20 + _RECORD * 500
    begins = [0]
    while (at := block.find(b"\n", begins[-1]) + 1) < len(block):
        begins.append(at)
    start = next(at for at in begins if at >= first)
    end = begins[last]
    far = Lines(block, sorted([start + 50, begins[450] + 3, begins[900] + 9, len(block)]), PLAIN.indents)
    assert far.between(start, end) == lines_in([block[start:end]], PLAIN.indents)


def test_a_property_is_no_line_of_its_own() -> None:
    block = _RECORD + _PROPERTY + _PROPERTY + _RECORD
    assert Lines(block, [len(block)], PLAIN.indents).between(0, len(block)) == 2
    assert Lines(_PROPERTY + _RECORD, [], PLAIN.indents).between(0, len(_PROPERTY + _RECORD)) == 1
