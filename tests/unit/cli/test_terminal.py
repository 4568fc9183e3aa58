from oomreport.cli.terminal import printable


def test_a_process_that_names_itself_like_a_control_sequence_steers_no_terminal() -> None:
    assert printable("a\x1b[2Jb\n") == r"a\x1b[2Jb\n"


def test_letters_stay_and_what_turns_their_order_does_not() -> None:
    assert printable("\u65e5\u672c \u00e9 a\u202eb") == "\u65e5\u672c \u00e9 a\\u202eb"
