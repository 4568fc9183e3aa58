"""What is known of a cluster between two commands."""

from pathlib import Path

import pytest

from cluster.lab import state
from cluster.lab.errors import ClusterError
from cluster.lab.processes import Process
from cluster.lab.state import State


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOMREPORT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("OOMREPORT_CACHE", str(tmp_path / "cache"))


def test_a_saved_state_is_read_back_whole() -> None:
    saved = State(
        name="dev",
        provider="native",
        ready=True,
        holder=Process(pid=7, started="1234"),
        processes={"etcd": Process(pid=8, started="1235")},
        facts={"node": "dev-node"},
    )
    saved.save()
    assert state.load("dev") == saved
    assert state.names() == ["dev"]


def test_nothing_is_left_when_the_last_cluster_is_forgotten(tmp_path: Path) -> None:
    one, other = State(name="one", provider="api"), State(name="other", provider="api")
    one.save()
    other.save()
    one.forget()
    assert state.load("one") is None
    assert state.names() == ["other"]
    other.forget()
    assert not (tmp_path / "state").exists()


def test_a_cluster_that_is_not_up_is_named_together_with_those_that_are() -> None:
    State(name="api", provider="api").save()
    with pytest.raises(ClusterError, match=r"no cluster 'dev' is up \(up: api\)"):
        state.known("dev")


@pytest.mark.parametrize("name", ["", "Dev", "../x", "-x", "x-", "a" * 21, "a/b"])
def test_a_name_that_would_not_fit_everywhere_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="cluster name"):
        state.load(name)


def test_a_damaged_state_says_which_file() -> None:
    State(name="dev", provider="api").save()
    (state.folder("dev") / "cluster.json").write_text("{")
    with pytest.raises(ClusterError, match=r"dev/cluster\.json is damaged"):
        state.load("dev")
