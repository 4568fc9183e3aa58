"""What bounds advice is read at once; what does not answer is named as not known."""

import asyncio

from oomreport.controller.known.surroundings import SurroundingsReader
from oomreport.incident.witness.surroundings import Surroundings, Unknown
from oomreport.workload.quantity import GI, MI
from support.controller import KEY, Parts

NODE = {"metadata": {"name": "worker-1"}, "status": {"allocatable": {"memory": "8Gi"}}}
RANGE = {
    "metadata": {"name": "most", "namespace": "shop"},
    "spec": {"limits": [{"type": "Container", "max": {"memory": "512Mi"}}]},
}
QUOTA = {
    "metadata": {"name": "quota", "namespace": "shop"},
    "spec": {"hard": {"limits.memory": "4Gi"}},
    "status": {"hard": {"limits.memory": "4Gi"}, "used": {"limits.memory": "1Gi"}},
}


def read(parts: Parts) -> Surroundings:
    async def story() -> Surroundings:
        reader = SurroundingsReader(parts.api, parts.policies)
        return await reader.of(KEY, node="worker-1", pod="web-7d9c-x2x4z", on_late=lambda: None)

    return asyncio.run(story())


def test_node_ranges_quotas_and_replicas_are_read():
    parts = Parts()
    asyncio.run(parts.policies.load(parts.api))
    parts.api.put("v1", "nodes", NODE)
    parts.api.put("v1", "limitranges", RANGE)
    parts.api.put("v1", "resourcequotas", QUOTA)
    found = read(parts)
    assert found.node_allocatable == 8 * GI
    assert found.limit_range_max == 512 * MI
    assert found.quota_left == 3 * GI
    # The Deployment's scale is not there.
    assert found.unknown == {Unknown.REPLICAS}


def test_the_number_of_replicas_matters_under_a_quota_only():
    parts = Parts()
    parts.api.put("v1", "nodes", NODE)
    read(parts)
    assert parts.api.asked("GET", "scale") == 0


def test_what_is_refused_is_named_and_the_rest_is_told():
    parts = Parts()
    parts.api.put("v1", "nodes", NODE)
    parts.api.refuse(403, "GET", "limitranges")
    found = read(parts)
    assert found.node_allocatable == 8 * GI
    assert found.unknown == {Unknown.POLICIES, Unknown.LIMIT_RANGES}
    assert found.bounds is None
