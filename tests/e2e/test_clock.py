"""A node whose clock is wrong, or that was suspended: a kill is told once, and never lies in the future."""

from datetime import UTC, datetime, timedelta

import pytest

from e2e.kube import apply
from e2e.nodes import Node
from e2e.reports import assert_victim, settled_report
from e2e.test_kills import kills_in
from e2e.test_outages import kill_in, no_agent
from e2e.witness import killed, monotonic_us
from e2e.workloads import container, pod, pod_spec

NODES = ("v2",)
_TOLERANCE = timedelta(seconds=2)
# A slow guest takes a part of it to fall asleep.
SUSPENDED_SECONDS, LEAST_SECONDS = 30, 10


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


def test_a_kill_after_a_suspend_is_told_at_its_time_by_an_agent_that_came_later(namespace: str, node: Node) -> None:
    """The kernel's stamps stand still in a suspend, as CLOCK_MONOTONIC does; CLOCK_BOOTTIME does not."""
    with no_agent():
        node.sh(f"rtcwake --mode mem --seconds {SUSPENDED_SECONDS}")
        ring = monotonic_us() / 1e6
        slept = float(node.sh("cat /proc/uptime").split()[0]) - ring
        assert slept > LEAST_SECONDS, f"the guest was suspended for {slept} s"
        found = kill_in(namespace, "late")
    report = settled_report(namespace, "Pod", "late", verdict="Confirmed", seconds=90)
    ended = killed(found, "api")
    assert ended
    told, known = (datetime.fromisoformat(text) for text in (report["status"]["lastKill"]["time"], ended["finishedAt"]))
    assert abs(told - known) < 2 * _TOLERANCE
