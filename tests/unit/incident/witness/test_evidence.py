from datetime import datetime, timedelta

import pytest

from oomreport.incident.witness.evidence import is_used, record_facts
from oomreport.times import rfc3339
from support.evidence import after, record_object


def created(record: dict[str, object], at: datetime) -> dict[str, object]:
    """The record as the API server has it: it cuts the time of creation to whole seconds."""
    text = rfc3339(at.replace(microsecond=0))
    return {**record, "metadata": {"name": "worker-1-9f1c2b7a-1", "resourceVersion": "1", "creationTimestamp": text}}


@pytest.mark.parametrize("ahead", [timedelta(minutes=1), timedelta(days=400)])
def test_a_kill_that_a_fast_clock_puts_in_the_future_was_before_its_record(ahead: timedelta) -> None:
    facts = record_facts(created(record_object(seconds=ahead.total_seconds()), after(0.3)))
    assert facts
    assert after(0) <= facts.time <= after(1.3)


@pytest.mark.parametrize("behind", [timedelta(seconds=0.2), timedelta(hours=3)])
def test_a_kill_of_the_past_keeps_its_time(behind: timedelta) -> None:
    """A record may have waited in an agent's spool for hours."""
    facts = record_facts(created(record_object(seconds=-behind.total_seconds()), after(0.3)))
    assert facts
    assert facts.time == after(-behind.total_seconds())


def test_a_record_is_used_once_its_status_says_when():
    assert is_used({"status": {"usedTime": "2026-11-20T20:12:00.000000Z"}})
    assert not is_used({"status": {}})
    assert not is_used({})
