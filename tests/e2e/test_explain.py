"""The command line on a real node's log and a real cluster: whose the kill was, by the pods that the cluster knows."""

import json
import subprocess
from pathlib import Path

import pytest

from e2e.kube import Object, apply, eventually, kubectl
from e2e.nodes import Node
from e2e.witness import kills_of_pod, pods
from e2e.workloads import container, pod, pod_spec

PROGRAM = str(Path(__file__).parents[2] / ".venv/bin/oomreport")


@pytest.fixture
def killed(namespace: str) -> Object:
    """A pod whose container was killed."""
    apply(pod("named", namespace, pod_spec(container("self", "128", "1", "5"), restart="Never")))

    def look() -> Object | None:
        (found,) = pods(namespace)
        return found if kills_of_pod(found["metadata"]["uid"]) else None

    return eventually("the kill", look)


@pytest.mark.parametrize("known_by", ["--context", "--pods"])
def test_a_log_of_the_node_is_explained_with_the_pods_of_its_cluster(
    node: Node, killed: Object, known_by: str, tmp_path: Path
) -> None:
    namespace, uid = killed["metadata"]["namespace"], killed["metadata"]["uid"]
    log, listed = tmp_path / "ring", tmp_path / "pods.json"
    # dd ends with an error where nothing more is there.
    log.write_bytes(node.sh_on_kernel("dd if=/dev/kmsg iflag=nonblock bs=16k status=none").stdout)
    if known_by == "--pods":
        listed.write_text(kubectl("get", "pods", "-A", "-o", "json"))
    value = str(listed) if known_by == "--pods" else kubectl("config", "current-context").strip()

    def explained(*words: str) -> str:
        command = [PROGRAM, "explain", *words, known_by, value, str(log)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    records = [one for one in json.loads(explained("-o", "json"))["items"] if _uid(one) == uid]
    (kill,) = kills_of_pod(uid)
    assert [one["spec"]["victims"][0]["pid"] for one in records] == [kill.pid]
    subject = records[0]["spec"]["subject"]
    assert (subject["namespace"], subject["pod"], subject["container"]) == (namespace, "named", "api")
    assert records[0]["recommendation"]["previousLimit"] == "64Mi"
    told = f"container api of pod {namespace}/named on node {node.name}. Memory limits of its containers: api 64Mi."
    # Lines are broken at blanks and hyphens.
    assert "".join(told.split()) in "".join(explained().split())


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    done = subprocess.run(
        [PROGRAM, "explain", "--context", "nowhere", log], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "nowhere" in done.stderr


def _uid(record: Object) -> str | None:
    subject: Object = record["spec"].get("subject") or {}
    return subject.get("podUID")
