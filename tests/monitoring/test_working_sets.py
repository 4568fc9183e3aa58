"""The query for running memory, as Prometheus itself evaluates it."""

from pathlib import Path

import yaml

from oomreport.adapters.cluster.prometheus import working_sets_query
from support.programs import run

_NAME = "container_memory_working_set_bytes"
_LABELS = '{{namespace="{namespace}",pod="web-1",container="{container}",id="/kubepods/pod1/{cgroup}"}}'


def _series(values: str, *, namespace: str = "shop", container: str = "api-v2", cgroup: str = "c1") -> dict[str, str]:
    labels = _LABELS.format(namespace=namespace, container=container, cgroup=cgroup)
    return {"series": _NAME + labels, "values": values}


def _sample(size: int, cgroup: str) -> dict[str, object]:
    return {"labels": f'{{container="api-v2",id="/kubepods/pod1/{cgroup}",pod="web-1"}}', "value": size}


def test_each_instance_has_the_highest_of_its_last_five_minutes(tmp_path: Path) -> None:
    query = working_sets_query(namespace="shop", containers=["api-v2", "web.1"])
    case = {
        "interval": "1m",
        "input_series": [
            _series("900 500 400 stale"),
            _series("_ _ _ _ 100 300 200 150 150 150 150 150", cgroup="c2"),
            _series("7x12", container="web-1"),
            _series("8x12", namespace="other"),
        ],
        "promql_expr_test": [
            {"expr": query, "eval_time": "5m30s", "exp_samples": [_sample(500, "c1"), _sample(300, "c2")]},
            {"expr": query, "eval_time": "10m30s", "exp_samples": [_sample(200, "c2")]},
        ],
    }
    file = tmp_path / "query.test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "1m", "tests": [case]}))

    assert "SUCCESS" in run("promtool", "test", "rules", file)
