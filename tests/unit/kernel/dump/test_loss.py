from oomreport.kernel.dump.loss import Loss


def lost(*lines: int | None) -> int:
    """Return the sum over lines with a number, and without one where that is None."""
    loss = Loss()
    for number in lines:
        if number is None:
            loss.passed(1)
        else:
            loss.number(number)
    return loss.records


def test_a_jump_of_the_numbers_is_loss() -> None:
    assert lost(7, 8, 12) == 3


def test_lines_without_a_number_account_for_a_jump() -> None:
    assert lost(7, None, None, 10) == 0
    assert lost(7, None, 10) == 1


def test_records_pasted_twice_are_no_gain() -> None:
    assert lost(7, 8, 7, 8, 9) == -2


def test_what_stands_before_the_first_number_counts_for_nothing() -> None:
    assert lost(None, None, 7, 9) == 1


def test_it_is_the_same_whether_lines_are_read_or_counted() -> None:
    read, counted = Loss(), Loss()
    for number in (1, 2, 5, 6, 9):
        read.number(number)
    counted.number(1)
    counted.passed(3)
    counted.number(9)
    assert read.records == counted.records == 4


def test_it_starts_anew_when_it_was_taken() -> None:
    loss = Loss()
    loss.number(1)
    loss.number(4)
    assert (loss.taken(), loss.records) == (2, 0)
