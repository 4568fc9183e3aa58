import pytest

from oomreport.kernel.dump.record_run import records_of

_SUMMARY = b"6,7,900,-,caller=T1;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/a\n"
_REST = b"4,8,901,c,caller=T1;/b,task_memcg=/a/b\n"


def test_records_are_numbers_stamps_and_text() -> None:
    block = b"x\n6,7,900,-;one;two\n3,8,905,-,caller=C0;three\n"
    assert records_of(block, 2, len(block)) == ([7, 8], [900, 905], "one;two\nthree\n")


def test_what_goes_on_with_a_line_that_names_a_cgroup_is_of_that_line() -> None:
    block = _SUMMARY + _REST + b"3,9,902,-;killed\n"
    text = "oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/a/b,task_memcg=/a/b\nkilled\n"
    assert records_of(block, 0, len(block)) == ([7, 8, 9], [900, 901, 902], text)


@pytest.mark.parametrize(
    "block",
    [
        b"6,7,900,-;one\n SUBSYSTEM=net\n",
        b"14,7,900,-;of user space\n",
        b"6,7,900,-;caf\xc3\xa9\n",
        b"6,7,900,+;one\n",
        b"6,7," + b"9" * 19 + b",-;one\n",
        b"6,7,900,-;one\n" + _REST,
        _REST,
        _SUMMARY + _REST.replace(b"/b", b"\\x0a"),
        _SUMMARY + _REST.replace(b"/b", b"/b" * 8192),
    ],
)
def test_other_lines_are_no_run_of_records(block: bytes) -> None:
    assert records_of(block, 0, len(block)) is None
