"""The agent on this machine's kernel: real memory cgroups, real kills, no cluster."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.agents import Agent
from node.pods import Group, why_not

_WHY_NOT = why_not()


@pytest.fixture
def group() -> Iterator[Group]:
    if _WHY_NOT:
        pytest.skip(_WHY_NOT)
    group = Group()
    yield group
    group.remove()


@pytest.fixture(params=["kmsg", "syslog"])
def source(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "kmsg" and not Path("/dev/kmsg").exists():
        pytest.skip("needs /dev/kmsg")
    return name


@pytest.fixture
def new_agent(tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    made: list[Agent] = []

    def make(source: str, *options: str, api_server: str | None = None, under: tuple[str, ...] = ()) -> Agent:
        folder = tmp_path / f"agent-{len(made)}"
        made.append(Agent(folder, source, *options, api_server=api_server, under=under))
        return made[-1]

    yield make
    for agent in made:
        if agent.process and agent.process.poll() is None:
            agent.process.kill()
            agent.process.wait()
