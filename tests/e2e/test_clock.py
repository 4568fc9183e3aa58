"""A node whose clock is wrong: a kill is told once, and never lies in the future."""

from datetime import UTC, datetime, timedelta

import pytest

from e2e.kube import apply
from e2e.nodes import Node
from e2e.reports import assert_victim, settled_report
from e2e.test_kills import kills_in
from e2e.workloads import container, pod, pod_spec

NODES = ("v2",)
_TOLERANCE = timedelta(seconds=2)


@pytest.mark.parametrize("minutes", [60, -60], ids=["ahead", "behind"])
def test_no_kill_lies_in_the_future_of_who_reads_of_it(namespace: str, node: Node, minutes: int) -> None:
    node.sh(f"date --set='{minutes:+d} minutes'")
    try:
        apply(pod("timed", namespace, pod_spec(container("self", "128", "2", "5"), restart="Never")))
        (kill,) = kills_in(namespace, 1)
        report = settled_report(namespace, "Pod", "timed", verdict="Confirmed")
    finally:
        node.sh(f"date --set=@{datetime.now(UTC).timestamp():.3f}")
    status = report["status"]
    assert_victim(status["lastKill"], kill)
    assert status["kills"] == 1
    for time in (status["lastKill"]["time"], status["firstKillTime"], status["lastKillTime"]):
        assert datetime.fromisoformat(time) <= datetime.now(UTC) + _TOLERANCE
