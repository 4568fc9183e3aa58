from datetime import UTC, datetime, timedelta

from oomreport.agent.clock import Moment, wall_time

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def read(monotonic: float) -> Moment:
    return Moment(wall=NOON, monotonic=monotonic)


def test_a_line_is_as_old_as_its_stamp() -> None:
    assert wall_time(1_000_000_000, read=read(1005.5), empty_at=None) == NOON - timedelta(seconds=5.5)


def test_no_line_is_printed_in_the_future_though_the_schedulers_clock_runs_fast() -> None:
    assert wall_time(1_052_000_000, read=read(1000.0), empty_at=None) == NOON


def test_a_line_read_live_is_no_older_than_the_empty_log_before_it() -> None:
    """After weeks the scheduler's clock may be a minute behind."""
    assert wall_time(940_000_000, read=read(1000.0), empty_at=999.9) == NOON - timedelta(seconds=0.1) + timedelta(0)


def test_a_line_without_a_stamp_was_printed_now() -> None:
    assert wall_time(None, read=read(1000.0), empty_at=None) == NOON
