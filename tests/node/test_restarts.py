"""Nothing is lost and nothing told twice when the agent stops, is killed, cannot read the log, or cannot deliver."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from node.agents import Agent, Record
from node.pods import Group, eventually, hogs
from support.api import serving

NewAgent = Callable[..., Agent]
# The kernel prints ten dumps in five seconds for the whole machine, and only last lines beyond. What was printed while
# no agent ran can be named by its dump alone, so each story starts with all ten.
RATE_LIMIT_SECONDS = 5.5


@pytest.fixture(autouse=True)
def _all_ten_dumps() -> None:
    time.sleep(RATE_LIMIT_SECONDS)


def pids(records: list[Record]) -> list[int]:
    return sorted(victim["pid"] for record in records for victim in record["spec"]["victims"])


def test_kills_around_a_restart_are_told_once_each(group: Group, new_agent: NewAgent, source: str) -> None:
    agent = new_agent(source, "--counter-wait=2")
    containers = [group.container() for _ in range(3)]
    agent.start()
    with hogs(containers, 4, pause=0.7, comm="steady") as all_hogs:
        for hog in all_hogs:
            hog.go()
        time.sleep(1.0)
        assert agent.stop() < 3
        time.sleep(0.8)
        agent.start()
        killed = [pid for hog in all_hogs for pid in hog.killed()]
        eventually("twelve records", lambda: len(agent.of(*containers)) >= 12)
        time.sleep(4)

    records = agent.of(*containers)
    assert pids(records) == sorted(killed)
    assert Counter(r["spec"]["subject"]["containerID"] for r in records) == {c.id: 4 for c in containers}
    assert len({record["metadata"]["name"] for record in agent.records()}) == len(agent.records())


def test_a_killed_agent_may_tell_a_kill_again_but_under_the_same_name(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    agent = new_agent(source, "--counter-wait=2")
    container = group.container()
    agent.start()
    with hogs([container], 5, pause=0.5) as (hog,):
        hog.go()
        time.sleep(1.2)
        agent.stop(signal.SIGKILL)
        agent.start()
        killed = hog.killed()
        eventually("all five", lambda: set(killed) <= set(pids(agent.of(container))))
        time.sleep(4)

    by_name = {record["metadata"]["name"]: record for record in agent.of(container)}
    assert pids(list(by_name.values())) == sorted(killed)


def test_both_sources_give_a_kill_the_same_name(group: Group, new_agent: NewAgent) -> None:
    agents = [new_agent("kmsg"), new_agent("syslog")]
    container = group.container()
    for agent in agents:
        agent.start()
    with hogs([container], 2, pause=0.2) as (hog,):
        hog.go()
        hog.killed()
        eventually("two records of each", lambda: all(len(agent.of(container)) >= 2 for agent in agents))

    names = [sorted(record["metadata"]["name"] for record in agent.of(container)) for agent in agents]
    assert names[0] == names[1]
    assert len(names[0]) == 2


def test_an_agent_that_cannot_read_the_log_stays_up_and_tells_kills_by_their_counters(
    group: Group, new_agent: NewAgent
) -> None:
    agent = new_agent("kmsg", "--dev-kmsg=/nonexistent/kmsg", "--counter-wait=1")
    container = group.container()
    agent.start()
    with hogs([container], 2, pause=0.1) as (hog,):
        hog.go()
        hog.killed()
        records = eventually("two records", lambda: r if len(r := agent.of(container)) >= 2 else None)
        time.sleep(2)

    assert len(agent.of(container)) == 2
    assert {record["spec"]["source"] for record in records} == {"CgroupCounter"}
    assert [record["metadata"]["name"].rsplit("-", 1)[1] for record in records] == ["1", "2"]
    problem = next(m for m in agent.log() if m["message"] == "kernel log cannot be read, trying again")
    assert "/nonexistent/kmsg" in problem["problem"]
    assert agent.stop() < 3


def test_kills_while_the_api_server_is_down_are_delivered_when_it_is_back_also_by_a_later_process(
    group: Group, new_agent: NewAgent, source: str
) -> None:
    with serving() as api:
        port = api.port
    agent = new_agent(source, "--counter-wait=2", api_server=f"http://127.0.0.1:{port}")
    container = group.container()
    agent.start()
    with hogs([container], 3, pause=0.2) as (hog,):
        hog.go()
        killed = hog.killed()
        spool = agent.state / "spool"
        eventually("three records in the spool", lambda: len(_named(spool, container.id)) >= 3)
        agent.stop(signal.SIGKILL)
        agent.start()
        with serving(port) as api:
            eventually("everything delivered", lambda: not list(spool.iterdir()))
            time.sleep(4)
            mine = [r for r in api.created.values() if r["spec"].get("subject", {}).get("containerID") == container.id]

    assert pids(mine) == sorted(killed)
    assert agent.stop() < 3


def _named(spool: Path, container_id: str) -> list[Path]:
    return [path for path in spool.glob("*.json") if container_id in path.read_text()]
