"""Pauses grow, and never end."""

from itertools import islice

from oomreport.controller.work.backoff import Backoff


def test_pauses_grow_to_the_last_one_and_go_on():
    pauses = list(islice(Backoff(), 20))
    assert pauses == sorted(pauses)
    assert pauses[0] < 1
    assert set(pauses[10:]) == {pauses[-1]}
