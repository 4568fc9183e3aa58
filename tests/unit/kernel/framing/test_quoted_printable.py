import quopri

from oomreport.kernel.framing.quoted_printable import QuotedPrintable
from oomreport.kernel.framing.stage import Item

_LONG = b"[ 4843.936881] oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task=x"


def fed(*lines: bytes) -> list[Item]:
    stage = QuotedPrintable()
    found: list[Item] = []
    for line in lines:
        done = stage.feed(line)
        found += [line] if done is None else done
    return found + stage.flush()


def test_a_line_is_joined_and_decoded() -> None:
    assert fed(*quopri.encodestring(_LONG).split(b"\n")) == [_LONG]


def test_other_lines_stay_as_they_are() -> None:
    lines = (b"task=x,pid=1", b"a =3 b =3D c =zz", b"short=")
    assert fed(*lines) == [*lines]


def test_a_line_whose_end_does_not_come_is_kept() -> None:
    begin = b"x" * 70 + b"="
    assert fed(begin) == [begin[:-1]]
    assert fed(begin, b"a = b") == [begin[:-1], b"a = b"]
