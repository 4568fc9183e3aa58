import pytest

from oomreport.cli.logs.words import process, shown, size_text
from oomreport.kernel.record import Victim


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (100 * 1024 + 1, "100 KiB"),
        (1 << 20, "1 MiB"), ((1 << 30) - 1, "1024 MiB"), (5 << 30, "5 GiB"), (3 << 40, "3 TiB"), (5000 << 40, "5000 TiB"),
    ],
)  # fmt: skip
def test_a_size_has_three_digits_and_a_binary_unit(size: int, text: str) -> None:
    assert size_text(size) == text


def test_a_name_that_a_process_chose_cannot_steer_a_terminal() -> None:
    assert shown("a\x1b[2Jb\n\u202e") == '"a\\x1b[2Jb\\n\\u202e"'
    assert process(Victim(pid=7, comm="a\rb")) == '"a\\rb" (pid 7)'
    assert process(Victim(pid=7)) == "A process (pid 7)"
