"""What the agent can do with the rights that it is given."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from node.agents import Agent
from node.pods import Group, eventually, hogs

NewAgent = Callable[..., Agent]


@pytest.fixture
def with_only() -> Callable[..., tuple[str, ...]]:
    """Return a command that runs another as root with these capabilities only, as Kubernetes gives them."""
    if not shutil.which("setpriv"):
        pytest.skip("needs setpriv (util-linux)")
    if Path("/proc/sys/kernel/dmesg_restrict").read_text().strip() != "1":
        pytest.skip("needs kernel.dmesg_restrict=1: else everybody may read the kernel log")

    def command(*capabilities: str) -> tuple[str, ...]:
        bounding = ",".join(["-all", *(f"+{name}" for name in capabilities)])
        return ("setpriv", "--inh-caps=-all", f"--bounding-set={bounding}")

    return command


def test_cap_syslog_is_all_that_it_needs(
    group: Group, new_agent: NewAgent, with_only: Callable[..., tuple[str, ...]]
) -> None:
    agent = new_agent("syslog", under=with_only("syslog"))
    container = group.container()
    agent.start()
    with hogs([container], 1) as (hog,):
        hog.go()
        killed = hog.killed()
        (record,) = eventually("the record", lambda: agent.of(container))
    assert [victim["pid"] for victim in record["spec"]["victims"]] == killed
    assert record["spec"]["source"] == "Syslog"


def test_without_it_kills_are_told_by_their_counters_and_the_agent_says_what_is_missing(
    group: Group, new_agent: NewAgent, with_only: Callable[..., tuple[str, ...]]
) -> None:
    agent = new_agent("auto", "--counter-wait=1", under=with_only())
    container = group.container()
    agent.start()
    with hogs([container], 1) as (hog,):
        hog.go()
        hog.killed()
        (record,) = eventually("the record", lambda: agent.of(container))
    assert record["spec"]["source"] == "CgroupCounter"
    (problem,) = [m["problem"] for m in agent.log() if m["message"] == "kernel log cannot be read, trying again"]
    assert problem.count("CAP_SYSLOG is missing") == 2
    assert "/dev/kmsg" in problem
    assert "syslog(2)" in problem
