"""The time of framing grows with the size of a log, whatever it holds."""

import time
from collections.abc import Callable

import pytest

from oomreport.kernel.framing.framer import Framer
from oomreport.kernel.framing.text_lines import TextLines

_SMALL, _LARGE = 8 * 1024, 64 * 1024
# Eight times the text: a step that is quadratic takes 64 times as long.
_MOST = 32


def _repeated(head: str, piece: str) -> Callable[[int], bytes]:
    return lambda size: (head + piece * (size // len(piece))).encode()


SHAPES = {
    "brackets": _repeated("", "["),
    "braces": _repeated("", "{"),
    "objects": _repeated('{"a":[', '{"message":"x"},'),
    "an open object": _repeated("{\n", '"a":1,\n'),
    "nested objects on lines": _repeated("", '{"a":\n'),
    "elements on lines": _repeated('{"a":[\n', '{"message":"x"\n},\n'),
    "an open string": _repeated('{"a":"', "\\\\"),
    "open cells": _repeated("a,b\n", 'x,"y\n'),
    "an open cell": _repeated('a,b\nx,"', "y\n"),
    "quotes in an open cell": _repeated('a,b\nx,"', '""\n'),
    "commas": _repeated("", ","),
    "quoted-printable": _repeated("", "=3D" * 25 + "=\n"),
    "an open journal entry": _repeated("__CURSOR=x\n", "A=1\n"),
    "an open value": _repeated("__CURSOR=x\nMESSAGE\n\xff\xff\x0f\0\0\0\0\0", "\n"),
    "a long verbose value": _repeated("Sun 2025-11-30 10:56:53 UTC [s=5;i=1]\n    A=1\n", "         x\n"),
    "a line that goes on": _repeated("", "oom-kill:constraint=CONSTRAINT_NONE,\n"),
    "backslashes": _repeated("Killed process 1 \\\n", "x \\\n"),
    "quotes of a mail": _repeated("", "> "),
    "prefixes": _repeated("", "[    1.000000] "),
    "tags": _repeated("Oct  3 06:22:43 ", "a "),
    "structured data": _repeated("<4>1 2026-02-27T23:58:41Z n kernel - - ", "[a]"),
    "colours": _repeated("", "\x1b["),
    "escape sequences": _repeated("", "\x1b]a"),
}


def _seconds(log: bytes) -> float:
    begun = time.process_time()
    framer = Framer()
    for line in log.split(b"\n"):
        framer.feed(line)
    framer.flush()
    return time.process_time() - begun


@pytest.mark.parametrize("name", SHAPES)
def test_time_grows_with_the_log(name: str) -> None:
    small = min(_seconds(SHAPES[name](_SMALL)) for _ in range(2))
    large = _seconds(SHAPES[name](_LARGE))
    assert large < _MOST * max(small, 0.002)


def test_time_grows_with_a_document_that_is_longer_than_a_line_may_be() -> None:
    """What is behind the first MiB of a line is not looked at, so that the document has no end."""
    fields = ",".join(f'"a{n}":{n}' for n in range(40_000))

    def document(entries: int) -> bytes:
        return ("{" + fields + ',"items":[' + '{"x":1},' * entries + "0]}").encode()

    whole, cut = document(10_000), document(80_000)
    assert len(whole) < 1 << 20 < len(cut)
    small = min(_seconds(whole) for _ in range(2))
    assert min(_seconds(cut) for _ in range(2)) < 30 * max(small, 0.02)


def test_blanks_in_a_commented_line_cost_by_their_number() -> None:
    """A regular expression that begins at each blank would take 64 times as long for 8 times as many."""

    def cost(blanks: int) -> float:
        line = b"# " + b" " * blanks + b"!"
        times = []
        for _ in range(3):
            started = time.process_time()
            for _ in range(5):
                TextLines().feed(line)
            times.append(time.process_time() - started)
        return min(times)

    assert cost(16_000) < 30 * cost(2_000)
