"""How many pods a workload is to have, by kind."""

from typing import Any

import pytest

from oomreport.workload.replicas import wanted_replicas


@pytest.mark.parametrize(
    ("kind", "item", "wanted"),
    [
        ("DaemonSet", {"spec": {}, "status": {"desiredNumberScheduled": 7}}, 7),
        ("DaemonSet", {"spec": {"replicas": 3}}, None),
        ("Job", {"spec": {"parallelism": 4}}, 4),
        ("Job", {"spec": {}}, 1),
        ("Deployment", {"spec": {"replicas": 2}}, 2),
        ("Deployment", {"spec": {}}, 0),
        ("Deployment", {}, 0),
    ],
)
def test_each_kind_says_it_in_its_own_field(kind: str, item: dict[str, Any], wanted: int | None):
    assert wanted_replicas(kind, item) == wanted
