"""What is old goes, what was missed is found, and what is wanted stays."""

from datetime import timedelta
from typing import Any

from oomreport.controller.reporting.housekeeping import Housekeeping, RetentionLimits
from oomreport.controller.work.keys import RecordKey
from oomreport.names import API_VERSION, OOM_RECORDS, OOM_REPORTS
from oomreport.times import rfc3339
from oomreport.workload.pod import pod_facts
from support.controller import KEY, Parts, pod_object, run
from support.evidence import UID, after, cid, record_object

DAY = 86400.0


def housekeeping(parts: Parts, *, records_per_node: int = 100, reports: int = 100) -> Housekeeping:
    async def load_hooks() -> None:
        await parts.hooks.load()

    return Housekeeping(
        api=parts.api,
        queue=parts.queue,
        pods=parts.pods,
        records=parts.records,
        reports=parts.reports,
        policies=parts.policies,
        load_hooks=load_hooks,
        rollout_pods=parts.rollout_pods,
        on_deliveries=lambda key, found: parts.deliveries.update({key: tuple(found)}),
        unknown_after=timedelta(seconds=60),
        retention=RetentionLimits(
            record_age=timedelta(days=1),
            records_per_node=records_per_node,
            report_age=timedelta(days=7),
            reports=reports,
        ),
        now=parts.now,
    )


def report(parts: Parts, name: str, seconds: float, **status: Any) -> None:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    parts.api.put(
        API_VERSION,
        OOM_REPORTS,
        {
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"workloadRef": ref, "container": "api"},
            "status": {"lastKillTime": rfc3339(after(seconds)), "observedGeneration": 1, **status},
        },
    )


def names(parts: Parts) -> list[str]:
    return [one["metadata"]["name"] for one in parts.api.reports()]


def test_the_start_learns_what_ledgers_hold_and_which_records_are_open():
    parts = Parts()
    report(
        parts,
        "web",
        0,
        counted=[{"id": "r1", "containerID": cid(1), "time": rfc3339(after(0)), "verdict": "Confirmed"}],
    )
    for name, status in (("r1", {}), ("r2", {}), ("r3", {"outcome": "Counted", "usedTime": rfc3339(after(0))})):
        parts.api.put(API_VERSION, OOM_RECORDS, record_object(name, status=status))
    run(housekeeping(parts).begin())
    assert parts.queue.taken() == [RecordKey(name="r1"), RecordKey(name="r2")]
    assert parts.records.counted_in == {"r1": KEY}
    assert parts.pods.wants(pod_object())
    assert parts.deliveries == {KEY: ()}


def test_records_that_were_used_go_by_age_and_by_number_on_their_node():
    parts = Parts(seconds=DAY)
    for number in range(4):
        name = parts.record(f"r{number}")
        parts.records.mark_used(name, after(number * 1000 - 500))
    run(housekeeping(parts, records_per_node=2).round())
    left = [one["metadata"]["name"] for one in parts.api.all(API_VERSION, OOM_RECORDS)]
    assert left == ["r2", "r3"]


def open_after(seconds: float, *, late: float = 0.0) -> list[str]:
    """Return which of three open records are there after a round so many seconds behind them, where two may be open."""
    parts = Parts()
    for number in range(3):
        parts.record(f"r{number}")
        parts.seconds += 1
    parts.seconds += seconds
    parts.queue.late = late
    run(housekeeping(parts, records_per_node=2).round())
    return [one["metadata"]["name"] for one in parts.api.all(API_VERSION, OOM_RECORDS)]


def test_of_records_that_stay_open_the_oldest_of_a_node_go():
    assert open_after(61) == ["r1", "r2"]


def test_no_record_goes_before_it_had_its_turn_however_many_are_open():
    assert open_after(30) == ["r0", "r1", "r2"]
    assert open_after(100, late=30) == ["r0", "r1", "r2"]
    assert open_after(130, late=30) == ["r1", "r2"]


def test_reports_go_by_their_last_kill_and_by_number():
    parts = Parts(seconds=8 * DAY)
    run(parts.policies.load(parts.api))
    for name, day in (("old", 0), ("a", 6), ("b", 7), ("c", 5)):
        report(parts, name, day * DAY)
    run(housekeeping(parts, reports=2).round())
    assert names(parts) == ["a", "b"]


def test_no_report_goes_by_age_while_policies_that_may_want_it_cannot_be_read():
    parts = Parts(seconds=8 * DAY)
    report(parts, "old", 0)
    run(housekeeping(parts).round())
    assert names(parts) == ["old"]


def test_a_report_that_has_just_changed_stays():
    parts = Parts(seconds=8 * DAY)
    run(parts.policies.load(parts.api))
    report(parts, "old", 0)
    parts.api.refuse(409, "DELETE")
    run(housekeeping(parts).round())
    assert names(parts) == ["old"]


def test_a_review_that_no_watch_told_of_is_found():
    parts = Parts()
    report(parts, "web", 0, observedGeneration=0)
    run(housekeeping(parts).round())
    assert parts.queue.taken() == [KEY]


def test_a_pod_of_which_nothing_was_heard_for_long_is_asked_for():
    parts = Parts()
    parts.pods.put(pod_facts(pod_object(ended=True)), now=parts.now())
    parts.seconds += 3700
    parts.pod(ended=True)
    run(housekeeping(parts).round())
    assert parts.pods.get(UID)
    run(parts.api.delete("/api/v1/namespaces/shop/pods/web-7d9c-x2x4z"))
    parts.seconds += 3700
    run(housekeeping(parts).round())
    assert parts.pods.get(UID) is None
