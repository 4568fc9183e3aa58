import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from oomreport.adapters.node.kmsg_source import KmsgSource
from oomreport.adapters.node.log_source import LogPosition


class Device:
    """A pipe in packet mode: as on /dev/kmsg, one read returns one record."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)

    def record(self, sequence: int, text: str = "text", *, stamp: int = 0, prefix: int = 6) -> None:
        os.write(self.write_fd, f"{prefix},{sequence},{stamp or sequence * 10},-;{text}\n".encode())


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    os.close(device.write_fd)


def test_records_come_in_order_and_the_position_moves_with_them(device: Device) -> None:
    device.record(5, "one")
    device.record(6, "two")
    source = KmsgSource(device.read_fd)

    reading = source.read()

    assert [line.text for line in reading.lines] == ["one", "two"]
    assert reading.drained
    assert source.position == LogPosition(sequence=6, stamp_us=60)
    assert source.read().lines == ()


def test_a_jump_of_the_sequence_counts_what_was_overwritten(device: Device) -> None:
    source = KmsgSource(device.read_fd)
    device.record(5)
    assert source.read().lost == 0
    device.record(9)
    device.record(10)

    assert source.read().lost == 3


def test_records_of_user_space_are_handed_on_because_their_numbers_count(device: Device) -> None:
    source = KmsgSource(device.read_fd)
    device.record(1)
    device.record(2, "systemd[1]: hello", prefix=30)
    device.record(3)
    reading = source.read()

    assert [line.kernel for line in reading.lines] == [True, False, True]
    assert reading.lost == 0


def test_what_a_checkpoint_has_is_skipped_and_what_was_overwritten_meanwhile_is_counted(device: Device) -> None:
    for sequence in (3, 4, 5):
        device.record(sequence)
    assert [line.sequence for line in KmsgSource(device.read_fd, after=LogPosition(sequence=4)).read().lines] == [5]

    device.record(8)
    reading = KmsgSource(device.read_fd, after=LogPosition(sequence=4)).read()
    assert [line.sequence for line in reading.lines] == [8]
    assert reading.lost == 3


def test_the_position_of_a_source_without_sequence_numbers_skips_by_stamp(device: Device) -> None:
    for sequence, stamp in ((3, 100), (4, 200), (5, 200), (6, 300)):
        device.record(sequence, stamp=stamp)
    source = KmsgSource(device.read_fd, after=LogPosition(stamp_us=200, tail=b"x"))

    assert [line.sequence for line in source.read().lines] == [4, 5, 6]


def test_an_overrun_is_no_end(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.record(7, "after the overrun")
    real = os.read
    failed: list[bool] = []

    def read(descriptor: int, count: int) -> bytes:
        if not failed:
            failed.append(True)
            raise BrokenPipeError
        return real(descriptor, count)

    monkeypatch.setattr(os, "read", read)
    reading = KmsgSource(device.read_fd, after=LogPosition(sequence=2)).read()

    assert [line.text for line in reading.lines] == ["after the overrun"]
    assert reading.lost == 4


def test_waiting_ends_with_a_record_with_a_wake_up_and_with_time(device: Device) -> None:
    source = KmsgSource(device.read_fd)
    wake_read, wake_write = os.pipe()
    assert not source.wait(0.01, wake_read)
    os.write(wake_write, b".")
    assert not source.wait(5, wake_read)
    device.record(1)
    assert source.wait(5, wake_read)


def test_what_is_no_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kmsg").write_text("6,1,1,-;text\n")
    with pytest.raises(OSError, match="not a character device"):
        KmsgSource.opened(str(tmp_path / "kmsg"))
