import pytest

from oomreport.cli.logs.other_killers import OtherKillers


def sentences(*chunks: bytes) -> list[str]:
    others = OtherKillers()
    for chunk in chunks:
        others.feed(chunk)
    return others.sentences()


def test_an_empty_log_is_said_to_be_empty_and_one_without_a_sign_says_nothing() -> None:
    assert sentences() == sentences(b"") == ["The input is empty."]
    assert sentences(b"hello\n") == []


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_name_may_lie_on_the_border_of_two_chunks(cut: int) -> None:
    (found,) = sentences(b"systemd-oomd[1]"[:cut], b"systemd-oomd[1]"[cut:])
    assert "systemd-oomd" in found


def test_only_the_beginning_of_a_long_log_is_looked_at() -> None:
    assert sentences(b"x" * (1 << 20), b"earlyoom") == []
    assert len(sentences(b"x" * ((1 << 20) - 8), b"earlyoom")) == 1


def test_several_witnesses_are_each_told_once() -> None:
    found = sentences(b"Reason: OOMKilled\nearlyoom: sending SIGTERM\nearlyoom: sending SIGTERM\n")
    assert [sentence.split()[3].rstrip(":,") for sentence in found] == ["OOMKilled", "earlyoom"]


def test_rows_of_a_table_are_a_part_of_a_dump_and_one_line_that_looks_so_is_none() -> None:
    rows = b"[  300]     0   300     1000      100       4        0             0 a\n"
    assert sentences(rows) == []
    assert "rows of an OOM dump" in sentences(rows * 2)[0]


def test_what_is_said_already_of_a_part_is_not_said_twice() -> None:
    others = OtherKillers()
    others.feed(b"[  300]     0   300     1000      100       4        0             0 a\n" * 2)
    assert others.sentences(part_told=True) == []
