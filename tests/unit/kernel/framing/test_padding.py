"""Tests of `oomreport.kernel.framing.padding`, on lines as they stand in a published log of a Raspberry Pi."""

from oomreport.kernel.framing.padding import parts_of

_PAD = " " * 130


def test_a_line_that_a_terminal_filled_with_blanks_falls_into_its_parts() -> None:
    head = "Killed process 6155 (python) total-vm:1054044kB, anon-rss:832856k"
    rest = "B, file-rss:2788kB, shmem-rss:0kB"
    assert parts_of(f"[86120.080694] {head}{_PAD}{rest}", f"{head}{_PAD}{rest}") == [f"[86120.080694] {head}", rest]


def test_blanks_in_a_path_between_columns_and_before_a_line_stay() -> None:
    path = f"Task in /a{_PAD}b killed as a result of limit of /a"
    row = f"[ 6150]     0  6150     2476      309       9       0       29{_PAD}0 pigpiod"
    for text in (path, row, f"{_PAD}anon 14409728", "Killed process 5 (a             b) total-vm:8kB"):
        assert parts_of(text, text) == [text]
