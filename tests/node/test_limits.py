"""Whose limit it was, also where the kernel left the dump out: no wrong one, and hardly ever none."""

import time
from collections import Counter
from collections.abc import Callable

import pytest

from node.agents import Agent, Record
from node.pods import MIB, Container, Group, eventually, hogs, is_v2

NewAgent = Callable[..., Agent]
# Of the kills that nothing but counters tell the limit of, at least so many are to get it.
_LEAST_SHARE = 0.95
_LIMIT_FILE = "memory.max" if is_v2() else "memory.limit_in_bytes"


def storm(agent: Agent, containers: list[Container], kills: int) -> list[Record]:
    """Have every container's children killed, so many each; return the records."""
    with hogs(containers, kills) as started:
        for hog in started:
            hog.go()
        killed = [pid for hog in started for pid in hog.killed()]
        eventually("a record of each kill", lambda: len(agent.of(*containers)) >= len(killed), seconds=60)
    return agent.of(*containers)


@pytest.mark.parametrize("level", ["Container", "Pod", "NodeAllocatable"])
def test_a_storm_without_dumps_names_the_limit_that_was_hit(
    group: Group, new_agent: NewAgent, source: str, level: str
) -> None:
    at_container = level == "Container"
    first = group.container(limit_mib=32 if at_container else 128)
    second = group.container(limit_mib=32 if at_container else 128, pod_uid=first.pod_uid)
    if level == "Pod":
        (first.folder.parent / _LIMIT_FILE).write_text(str(48 * MIB))
    if level == "NodeAllocatable":
        (group.kubepods / _LIMIT_FILE).write_text(str(48 * MIB))
    agent = new_agent(source, "--counter-wait=5")
    agent.start()
    time.sleep(1)
    specs = [record["spec"] for record in storm(agent, [first, second], 12)]

    without = [spec for spec in specs if "oomMemcg" not in spec]
    assert without, "the kernel printed every dump"
    found = Counter(spec["scope"] for spec in without)
    assert set(found) <= {level, "Unknown"}, found
    assert found[level] >= _LEAST_SHARE * len(without), (found, [spec.get("scopeCandidates") for spec in without])
    told = [spec for spec in without if spec["scope"] == level]
    assert {spec["scopeSource"] for spec in told} == {"Counters"}
    assert {spec["memory"]["limitBytes"] for spec in told} == {(32 if at_container else 48) * MIB}
