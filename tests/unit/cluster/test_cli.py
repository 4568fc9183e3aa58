"""The command itself, started as people and scripts start it, with folders of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.lab.places import CLUSTER

PROGRAM = CLUSTER / "cluster"


def cluster(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"OOMREPORT_STATE": str(folder / "state"), "OOMREPORT_CACHE": str(folder / "cache"), **environment}
    return subprocess.run(
        [sys.executable, PROGRAM, *arguments],
        env={key: value for key, value in os.environ.items() if key != "OOMREPORT_CLUSTER"} | own,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("verb", ["up", "load", "images", "deploy", "exec", "logs", "status", "stop", "start", "down"])
def test_every_verb_explains_itself(tmp_path: Path, verb: str) -> None:
    answer = cluster(tmp_path, verb, "--help")
    assert answer.returncode == 0
    assert f"cluster {verb}" in answer.stdout


@pytest.mark.parametrize(
    "arguments", [(), ("fly",), ("exec",), ("exec", "--"), ("exec", "ls"), ("up", "--", "ls"), ("load",)]
)
def test_a_wrong_call_ends_with_status_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert cluster(tmp_path, *arguments).returncode == 2


@pytest.mark.parametrize(
    "arguments", [("status",), ("logs",), ("exec", "--", "ls"), ("deploy",), ("load", "x.tar"), ("stop", "etcd")]
)
def test_without_a_cluster_a_verb_says_how_to_get_one(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    answer = cluster(tmp_path, *arguments)
    assert answer.returncode == 1
    assert answer.stderr == "cluster: no cluster 'dev' is up; run: tests/cluster/cluster up\n"


def test_down_without_a_cluster_is_done_already(tmp_path: Path) -> None:
    answer = cluster(tmp_path, "down", "--name", "other")
    assert answer.returncode == 0
    assert answer.stderr == "cluster: no cluster 'other' is up\n"


def test_the_environment_names_the_cluster_and_the_option_wins(tmp_path: Path) -> None:
    assert "'first'" in cluster(tmp_path, "status", OOMREPORT_CLUSTER="first").stderr
    assert "'second'" in cluster(tmp_path, "--name", "second", "status", OOMREPORT_CLUSTER="first").stderr


def test_status_for_programs_is_json_even_without_a_cluster(tmp_path: Path) -> None:
    answer = cluster(tmp_path, "status", "--json")
    assert answer.returncode == 1
    assert '"up": false' in answer.stdout


def test_a_machine_that_cannot_run_a_cluster_gets_status_3_and_the_reasons(tmp_path: Path) -> None:
    answer = cluster(tmp_path, "up", "--provider", "kind", PATH=str(tmp_path))
    assert answer.returncode == 3
    assert "what is missing:\n  kind: Docker is not installed" in answer.stderr
    assert not (tmp_path / "state").exists()
