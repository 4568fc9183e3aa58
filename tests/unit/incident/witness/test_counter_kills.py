"""A kill that a counter told, and its line: one kill, in whatever order they arrive."""

from itertools import permutations
from typing import Any

import pytest

from oomreport.incident.oom_record import counter_record_name
from oomreport.incident.report.decision import decide
from oomreport.incident.witness.evidence import RecordFacts
from support.evidence import PATIENCE, UID, cid, ended, evidence, pod, record

BOOT = "9f1c2b7a-0000-4000-8000-000000000000"


def line(seconds: float) -> RecordFacts:
    return record(f"line-{seconds}", seconds=seconds)


def by_counter(count: int, seconds: float) -> RecordFacts:
    name = counter_record_name(node_name="worker-1", boot_id=BOOT, container_id=cid(1), count=count)
    return record(name, seconds=seconds, source="CgroupCounter", victims=[], memory=None, oomMemcg=None, taskMemcg=None)


@pytest.mark.parametrize(
    ("records", "kills"),
    [
        ((by_counter(1, 5), line(0)), 1),
        ((by_counter(1, 5), line(60)), 2),
        ((by_counter(2, 5), line(0)), 2),
        ((by_counter(1, 5), by_counter(2, 25), line(0), line(20)), 2),
        ((by_counter(1, 5), by_counter(2, 25), line(20)), 2),
        ((by_counter(1, 5), by_counter(2, 5), by_counter(3, 5)), 3),
        ((by_counter(1, 5), by_counter(2, 6), line(0)), 2),
        ((line(0), line(1), by_counter(3, 5), by_counter(4, 5)), 4),
    ],
    ids=[
        "its line comes",
        "a later line",
        "the line of the first",
        "both lines come",
        "one line is lost",
        "three in one reading",
        "a line of two in one reading",
        "two in one reading behind lines",
    ],
)
def test_a_counters_kill_and_its_line_are_one_in_any_order(records: tuple[RecordFacts, ...], kills: int):
    for order in permutations(records):
        status: dict[str, Any] = {}
        for one in order:
            status = decide(evidence(one, status=status, seconds=299), PATIENCE).status or status
        assert status["kills"] == kills
    assert decide(evidence(*records, seconds=299), PATIENCE).status["kills"] == kills


def test_status_and_counter_and_line_of_one_kill_are_one():
    pods = (pod(ended(seconds=1)),)
    status = decide(evidence(pods=pods, seconds=299), PATIENCE).status
    for one in (by_counter(1, 5), line(0)):
        status = decide(evidence(one, pods=pods, status=status, seconds=299), PATIENCE).status
    assert (status["kills"], status["lastKill"]["id"]) == (1, "line-0")


def by_pod(count: int, seconds: float) -> RecordFacts:
    """A kill that its pod's counter told, of an instance that pod status named."""
    name = counter_record_name(node_name="worker-1", boot_id=BOOT, container_id=UID.replace("-", ""), count=count)
    nothing = {"victims": [], "memory": None, "oomMemcg": None, "taskMemcg": None}
    status = {"containerID": cid(1)}
    return record(name, seconds=seconds, container=None, source="CgroupCounter", status=status, **nothing)


@pytest.mark.parametrize(
    ("records", "kills"),
    [
        ((by_pod(17, 5), line(0)), 1),
        ((by_pod(17, 5), line(60)), 2),
        ((by_pod(17, 5), line(0), line(60)), 2),
    ],
    ids=["its line comes", "a later line", "both lines come"],
)
def test_a_kill_that_the_pods_counter_told_and_its_line_are_one(records: tuple[RecordFacts, ...], kills: int):
    pods = (pod(ended(seconds=1)),)
    status: dict[str, Any] = decide(evidence(pods=pods, seconds=30), PATIENCE).status
    for one in records:
        status = decide(evidence(one, pods=pods, status=status, seconds=299), PATIENCE).status or status
    assert status["kills"] == kills
