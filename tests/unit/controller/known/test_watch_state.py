"""A watch that was not listening vouches for nothing, and for nothing before the end of its gap."""

from oomreport.controller.known.watch_state import WatchState
from support.controller import Parts
from support.evidence import after

NODES = {"worker-1": after(-100)}


class Watched:
    """A state whose watch a test opens and closes."""

    def __init__(self) -> None:
        self.parts = Parts(seconds=0)
        self.state = WatchState(("oomrecords",), self.parts.now)
        self.open = True

    def begin(self) -> None:
        self.open = True
        self.state.begin("oomrecords", lambda: self.open)

    def at(self, seconds: float) -> bool:
        self.parts.seconds = seconds
        return self.state.is_watched("oomrecords")


def test_what_has_not_begun_is_not_watched():
    one = Watched()
    assert not one.at(0)
    assert one.state.problems() == {"watch of oomrecords": "it has not begun"}
    assert one.state.heard_since("oomrecords", NODES) == {}


def test_a_watch_that_is_begun_again_at_once_has_no_gap():
    one = Watched()
    one.begin()
    one.open = False
    assert one.at(3)
    one.begin()
    assert one.at(10)
    assert one.state.heard_since("oomrecords", NODES) == NODES


def test_a_gap_takes_the_word_of_the_watch_until_it_is_over_and_for_what_was_before():
    one = Watched()
    one.begin()
    assert one.at(10)
    one.open = False
    assert not one.at(15)
    assert one.state.heard_since("oomrecords", NODES) == {}
    assert not one.state.is_open
    one.parts.seconds = 40
    one.begin()
    assert one.state.heard_since("oomrecords", NODES) == {"worker-1": after(40)}
    assert one.state.problems() == {}
    assert one.state.is_open


def test_a_watch_that_nobody_ends_has_stalled():
    one = Watched()
    one.begin()
    assert all(one.at(seconds) for seconds in range(0, 240, 2))
    one.at(241)
    assert not one.at(250)


def test_a_watch_that_still_tells_has_not_stalled():
    one = Watched()
    one.begin()
    for seconds in range(0, 600, 100):
        assert one.at(seconds)
        one.state.hear("oomrecords")
    assert one.state.is_open
