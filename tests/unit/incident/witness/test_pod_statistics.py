"""Whose memory filled a pod's limit, where the kernel prints every cgroup below it."""

from dataclasses import replace
from typing import Any

import pytest

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.recommendation import recommendation
from oomreport.incident.kill import Cause
from oomreport.incident.witness.cause import cause_of
from oomreport.incident.witness.evidence import RecordFacts
from oomreport.incident.witness.pod_statistics import used_by_containers
from support.evidence import UID, cid, kill, record

POD = f"/kubepods/burstable/pod{UID}"
PAUSE = "[25160]     0 25160      256        1    28672        0          -998 pause\n"


def stats(path: str, rss: int) -> str:
    return f"Memory cgroup stats for {path}: cache:0KB rss:{rss}KB rss_huge:0KB shmem:0KB\n"


def at_limit(*used: int, rows: str = PAUSE, **spec: Any) -> RecordFacts:
    containers = "".join(stats(f"{POD}/{cid(number)}", rss) for number, rss in enumerate(used, 1))
    known = {"scope": "Pod", "oomMemcg": POD, "taskMemcg": f"{POD}/{cid(1)}", "limit": 10 << 20, **spec}
    facts = record(**known)
    return replace(facts, spec=replace(facts.spec, log=f"{stats(POD, 0)}{containers}{rows}"))


@pytest.mark.parametrize(
    ("facts", "known"),
    [
        (at_limit(9000, 40), [cid(1)]),
        (at_limit(9000, rows=""), [cid(1)]),
        (at_limit(3000, 6000, 40), [cid(2), cid(1)]),
        (at_limit(9000, 40, rows=""), []),
        (at_limit(9000, 40, taskMemcg=f"{POD}/{cid(5)}"), []),
        (at_limit(40, rows=""), []),
        (at_limit(9000, 40, scope="Container", oomMemcg=f"{POD}/{cid(1)}"), []),
    ],
    ids=[
        "beside the sandbox",
        "alone",
        "two",
        "which is the sandbox is not told",
        "the victim's is missing",
        "lines are cut off",
        "no pod's",
    ],
)
def test_the_containers_of_a_pod_are_those_beside_its_sandbox(facts: RecordFacts, known: list[str]) -> None:
    assert list(used_by_containers(facts.spec)) == known


def test_the_limit_of_a_pod_with_one_container_is_the_containers() -> None:
    assert cause_of(at_limit(9000, 40), None, None) is Cause.CONTAINER_LIMIT
    assert cause_of(at_limit(3000, 6000, 40), None, None) is Cause.POD_LIMIT


def test_no_limit_of_a_pod_is_advised_where_it_is_the_sum_of_its_containers() -> None:
    facts = at_limit(3072, 6144, 40)
    last = kill(cause=Cause.POD_LIMIT, container_id=cid(1), memory=facts.spec.memory)
    advice = recommendation(Case(kill=last, container="api", record=facts)).as_json()
    assert advice["action"] == "None"
    assert f"{cid(2)[:12]} used 6Mi, {cid(1)[:12]} used 3Mi" in advice["basis"]
