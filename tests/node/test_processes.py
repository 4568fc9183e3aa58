"""Kill lines whose summary the kernel left out, placed by their process: the agent runs in the machine's PID
namespace.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from node.agents import Agent
from node.pods import Group, Hog, eventually

NewAgent = Callable[..., Agent]


@pytest.fixture(autouse=True)
def _first_pid_namespace() -> None:
    if Path("/proc/self/ns/pid").readlink() != Path("pid:[4026531836]"):
        pytest.skip("needs the machine's own PID namespace: in another one process IDs are not the kernel's")


def test_every_line_without_a_cgroup_is_placed_by_its_process(group: Group, new_agent: NewAgent, source: str) -> None:
    """Sixteen containers that are alike in name, size and limit are hit at once: only their processes tell them
    apart.
    """
    agent = new_agent(source)
    agent.start()
    containers = [group.container(limit_mib=24) for _ in range(16)]
    started = [Hog(container, 0, comm="alike") for container in containers]
    try:
        time.sleep(7)
        for hog in started:
            hog.go()
        own = {hog.killed()[0]: hog.container.id for hog in started}
        eventually("sixteen records", lambda: len(agent.of(*containers)) >= 16)
        time.sleep(1)
    finally:
        for hog in started:
            hog.end()

    records = agent.of(*containers)
    assert {r["spec"]["victims"][0]["pid"]: r["spec"]["subject"]["containerID"] for r in records} == own
    assert len(records) == 16
    suppressed = [r["spec"]["subjectSource"] for r in records if "taskMemcg" not in r["spec"]]
    assert len(suppressed) >= 6, "the kernel printed every summary: nothing was rate-limited"
    assert set(suppressed) == {"Process"}


def test_children_that_live_for_a_moment_are_placed_too_and_counted_once(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    agent = new_agent(source, "--counter-wait=5")
    agent.start()
    containers = [group.container(limit_mib=20) for _ in range(8)]
    started = [Hog(container, 4, comm="child") for container in containers]
    try:
        time.sleep(1)
        for hog in started:
            hog.go()
        own = {pid: hog.container.id for hog in started for pid in hog.killed()}
        eventually("32 records", lambda: len(agent.of(*containers)) >= 32)
        time.sleep(6)
    finally:
        for hog in started:
            hog.end()

    records = agent.of(*containers)
    assert len(records) == 32
    placed = [r["spec"] for r in records if r["spec"].get("subjectSource") == "Process"]
    assert placed, "no process was seen in time"
    for spec in placed:
        assert own[spec["victims"][0]["pid"]] == spec["subject"]["containerID"]
