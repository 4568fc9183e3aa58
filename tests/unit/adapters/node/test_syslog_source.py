import mmap
import os
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomreport.adapters.node.log_source import LogPosition
from oomreport.adapters.node.syslog_source import RingText, SyslogSource


class Ring:
    """The kernel's ring: holds the newest lines that fit."""

    def __init__(self, capacity: int = 100_000) -> None:
        self.lines: list[bytes] = []
        self.capacity = capacity

    def print(self, text: str, at: float = 1.0) -> None:
        self.lines.append(b"<6>[%12.6f] %s\n" % (at, text.encode()))

    def text(self) -> bytes:
        size, start = 0, len(self.lines)
        while start and size + len(self.lines[start - 1]) <= self.capacity:
            start -= 1
            size += len(self.lines[start])
        return b"".join(self.lines[start:])


def source_on(ring: Ring, after: LogPosition | None = None) -> SyslogSource:
    return SyslogSource(ring.text, lambda: 0, after=after)


def texts(source: SyslogSource) -> list[str]:
    return [line.text for line in source.read().lines]


def test_each_line_comes_once_also_when_lines_are_identical() -> None:
    ring = Ring()
    ring.print("a")
    source = source_on(ring)
    assert texts(source) == ["a"]
    ring.print("a")
    ring.print("a")
    assert texts(source) == ["a", "a"]
    assert texts(source) == []


def test_a_ring_that_wrapped_past_what_was_seen_is_a_loss() -> None:
    ring = Ring(capacity=3000)
    source = source_on(ring)
    for number in range(10):
        ring.print(f"early {number}", at=number)
    source.read()
    for number in range(1000):
        ring.print(f"flood {number}", at=100 + number)
    reading = source.read()

    assert reading.lost == 1
    assert reading.lines[0].behind_cut
    assert reading.lines[-1].text == "flood 999"


def test_a_ring_that_still_holds_the_last_line_seen_lost_nothing() -> None:
    ring = Ring(capacity=3000)
    source = source_on(ring)
    for number in range(60):
        ring.print(f"early {number:03}", at=number)
    source.read()
    fits = ring.capacity // len(ring.lines[0])
    for number in range(fits - 1):
        ring.print(f"later {number:03}", at=100 + number)
    reading = source.read()

    assert reading.lost == 0
    assert [line.text for line in reading.lines] == [f"later {number:03}" for number in range(fits - 1)]


def test_a_cleared_ring_is_a_loss_and_what_follows_is_read() -> None:
    ring = Ring()
    ring.print("seen")
    source = source_on(ring)
    source.read()
    ring.lines.clear()
    ring.print("after dmesg --clear", at=2)

    reading = source.read()
    assert [line.text for line in reading.lines] == ["after dmesg --clear"]
    assert reading.lost == 1


def test_a_later_process_goes_on_behind_the_position() -> None:
    ring = Ring()
    ring.print("old", at=1)
    first = source_on(ring)
    first.read()
    ring.print("new", at=1)

    assert texts(source_on(ring, after=first.position)) == ["new"]


def test_the_position_of_another_source_is_joined_by_stamp() -> None:
    ring = Ring()
    for at in (1, 2, 3):
        ring.print(f"at {at}", at=at)

    assert texts(source_on(ring, after=LogPosition(sequence=77, stamp_us=2_000_000))) == ["at 2", "at 3"]


def test_a_kernel_without_stamps_gets_those_of_reading_each_line_its_own() -> None:
    ring = Ring()
    ring.lines = [b"<6>one\n", b"<6>two\n"]
    stamps = [line.stamp.monotonic_us for line in source_on(ring).read().lines]

    assert all(stamp is not None and stamp <= time.monotonic_ns() // 1000 + 10 for stamp in stamps)
    assert len(set(stamps)) == 2


def test_waiting_ends_when_the_machines_count_of_kills_moves_and_goes_on_until_quiet() -> None:
    ring, kills = Ring(), [0]
    source = SyslogSource(ring.text, lambda: kills[0], slow_seconds=60)
    source.read()
    assert not source.wait(0.12)
    kills[0] += 1
    assert source.wait(1)
    source.read()
    readings = 0
    while source.wait(0.2):
        assert not source.read().lines
        readings += 1
    assert 2 <= readings <= 6


def test_the_count_is_looked_at_seldom_where_nothing_was_killed_for_a_while() -> None:
    looks = 0

    def count() -> int:
        nonlocal looks
        looks += 1
        return 7

    source = SyslogSource(Ring().text, count)
    source.wait(0)
    source.read()
    looks = 0
    assert not source.wait(0.5)
    assert looks <= 4  # on a busy machine less


def test_waiting_ends_with_a_wake_up_and_when_a_slow_reading_is_due() -> None:
    source = SyslogSource(Ring().text, lambda: 0, slow_seconds=0.2)
    source.read()
    wake_read, wake_write = os.pipe()
    assert source.wait(1, wake_read)
    source.read()
    os.write(wake_write, b".")
    assert not source.wait(1, wake_read)


def test_there_is_no_waiting_while_text_that_was_fetched_is_unread() -> None:
    ring = Ring()
    source = source_on(ring)
    for number in range(2000):
        ring.print(f"line {number}", at=number)
    read: list[str] = []
    while source.wait(0):
        read += texts(source)
    assert read == [f"line {number}" for number in range(2000)]


def test_a_machine_that_does_not_count_kills_has_its_ring_read_at_a_steady_pace() -> None:
    source = SyslogSource(Ring().text, lambda: None, poll_seconds=0.05)
    source.read()
    since = time.monotonic()
    assert source.wait(5)
    assert 0.03 < time.monotonic() - since < 1


def test_a_ring_that_cannot_be_read_is_an_error_at_once() -> None:
    def forbidden() -> bytes:
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(PermissionError):
        SyslogSource(forbidden, lambda: 0)


@given(
    batches=st.lists(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1)), max_size=30), max_size=8),
    restart_at=st.integers(0, 8),
)
def test_no_line_is_lost_or_told_twice_while_the_ring_holds_it(
    batches: list[list[tuple[str, int]]], restart_at: int
) -> None:
    """Stamps stand still or move by a microsecond, texts repeat, but not for 2 KiB; a restart changes nothing."""
    ring, clock, told = Ring(), 0, []
    source = source_on(ring)
    for number, batch in enumerate(batches):
        if number == restart_at:
            source = source_on(ring, after=source.position)
        for index, (text, step) in enumerate(batch):
            clock += step or index % 8 == 7
            ring.print(f"{text}", at=clock / 1_000_000)
        told += [(line.text, line.stamp.monotonic_us) for line in source.read().lines]
    printed = [(line.split(b"] ")[1].decode().strip(), round(float(line[4:16]) * 1_000_000)) for line in ring.lines]
    assert told == printed


def test_a_large_ring_is_read_without_a_copy_of_it() -> None:
    """The agent may use 64 MiB, and a ring of 16 MiB has as much text; here it is 4 MiB."""
    count = (4 << 20) // 121
    text = b"".join(b"<6>[%12.6f] %s\n" % (number, b"x" * 103) for number in range(count))
    with mmap.mmap(-1, len(text)) as buffer:
        buffer[:] = text
        released = []
        source = SyslogSource(lambda: RingText(buffer, len(text)), lambda: 0, release=lambda: released.append(1))
        tracemalloc.start()
        lines = 0
        while True:
            reading = source.read()
            lines += len(reading.lines)
            if reading.drained:
                break
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert lines == count
    assert released == [1]
    assert peak < 2 << 20
