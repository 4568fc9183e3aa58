from oomreport.kernel.dump.loss import Loss


def test_a_jump_of_the_numbers_is_loss() -> None:
    loss = Loss()
    assert [loss.number(number) for number in (7, 8, 12)] == [0, 0, 3]
    assert loss.records == 3


def test_records_pasted_twice_are_no_gain() -> None:
    loss = Loss()
    for number in (7, 8, 7, 8, 9):
        loss.number(number)
    assert loss.records == -2


def test_it_starts_anew_when_it_was_taken() -> None:
    loss = Loss()
    loss.number(1)
    loss.number(4)
    assert (loss.taken(), loss.records) == (2, 0)


def test_nothing_is_known_across_records_that_were_not_read() -> None:
    loss = Loss()
    loss.number(1)
    loss.passed_over()
    assert loss.number(900) == 0
    assert loss.taken() is None
    loss.number(902)
    assert loss.taken() == 1


def test_a_dump_that_was_none_gives_its_sum_back() -> None:
    loss = Loss()
    loss.number(1)
    loss.number(4)
    loss.give_back(loss.taken())
    assert loss.taken() == 2
    loss.passed_over()
    loss.give_back(loss.taken())
    assert loss.taken() is None
