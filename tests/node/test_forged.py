"""Text that an unprivileged process has the kernel print makes no record, and hides no kill."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from node.agents import Agent, Record
from node.forger import PID
from node.pods import Group, eventually, hogs, is_v2

NewAgent = Callable[..., Agent]
_NOBODY = 65534
_SECONDS = 20


def forging(pod_uid: str, container_id: str, *paths: str, seconds: float = _SECONDS) -> subprocess.Popen[str]:
    """Start the forger as a user without rights. It lies outside the checkout, which that user need not reach."""
    program = (Path(__file__).parent / "forger.py").read_text()
    return subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", program, str(seconds), pod_uid, container_id, *paths],
        user=_NOBODY,
        group=_NOBODY,
        extra_groups=[],
        cwd="/",
        stdout=subprocess.PIPE,
        text=True,
    )


def forged(records: list[Record]) -> list[Record]:
    return [
        record
        for record in records
        if any(victim["pid"] >= PID for victim in record["spec"]["victims"])
        or (not record["spec"]["victims"] and record["spec"]["source"] != "CgroupCounter")
    ]


def test_forged_kills_of_a_neighbour_are_refused_and_its_real_ones_told(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    agent = new_agent(source, "--counter-wait=3")
    container, other = group.container(), group.container()
    agent.name(container, namespace="shop", pod="web", of="api")
    agent.start()
    with hogs([container], 3, pause=_SECONDS / 5) as (hog,):
        forger = forging(container.pod_uid, container.id, container.path, f"{other.path}{container.path}")
        time.sleep(1)
        hog.go()
        killed = hog.killed()
        printed = int(forger.communicate(timeout=2 * _SECONDS)[0])
        eventually("three records", lambda: len(agent.of(container)) >= 3)
    time.sleep(4)

    assert printed > _SECONDS
    assert sorted(v["pid"] for r in agent.of(container) for v in r["spec"]["victims"]) == sorted(killed)
    assert len(agent.of(container)) == 3
    assert forged(agent.records()) == []
    if source == "syslog":
        assert any("refused" in message["message"] for message in agent.log())


def test_what_was_forged_before_the_agent_started_is_refused_as_well(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    container = group.container()
    forging(container.pod_uid, container.id, container.path, seconds=3).communicate(timeout=20)
    agent = new_agent(source, "--counter-wait=3")
    agent.start()
    with hogs([container], 1) as (hog,):
        hog.go()
        (pid,) = hog.killed()
        eventually("the real kill", lambda: agent.of(container))
    time.sleep(1)

    assert [v["pid"] for r in agent.of(container) for v in r["spec"]["victims"]] == [pid]
    assert forged(agent.records()) == []


def test_a_kill_in_a_cgroup_named_like_a_neighbours_is_no_kill_of_the_neighbour(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    """Who may make cgroups below its own names them as the kubelet names those of another pod."""
    agent = new_agent(source, "--counter-wait=3")
    own, neighbour = group.container(limit_mib=64), group.container()
    nested = own.folder / "kubepods" / f"pod{neighbour.pod_uid}" / neighbour.id
    nested.mkdir(parents=True)
    if not is_v2():
        (nested / "memory.limit_in_bytes").write_text(str(16 << 20))
    agent.start()
    with hogs([type(own)(own.pod_uid, own.id, nested)], 1) as (hog,):
        hog.go()
        hog.killed()
        eventually("the record", lambda: agent.of(own))
    time.sleep(1)
    for each in (nested, nested.parent, nested.parent.parent):
        each.rmdir()

    assert len(agent.of(own)) == 1
    assert agent.of(neighbour) == []
