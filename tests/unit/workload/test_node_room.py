from typing import Any

from oomreport.workload.node_room import pod_request, room_for
from oomreport.workload.quantity import GI, MI


def asks(name: str, memory: str | None, **more: Any) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": {"memory": memory}} if memory else {}, **more}


def pod(*containers: dict[str, Any], uid: str = "u", init: Any = (), status: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"uid": uid},
        "spec": {"containers": list(containers), "initContainers": list(init), **spec},
        "status": status or {"phase": "Running"},
    }


def test_a_pod_is_promised_what_its_containers_sidecars_and_overhead_ask_for() -> None:
    sidecar = asks("proxy", "10Mi", restartPolicy="Always")
    found = pod(asks("api", "64Mi"), asks("log", None), init=[sidecar], overhead={"memory": "5Mi"})

    assert pod_request(found) == 79 * MI
    assert pod_request(found, without="api") == 15 * MI


def test_an_init_container_counts_where_it_needs_more_than_all_that_runs_later() -> None:
    init = [asks("proxy", "10Mi", restartPolicy="Always"), asks("load", "200Mi")]

    assert pod_request(pod(asks("api", "64Mi"), init=init)) == 210 * MI
    assert pod_request(pod(asks("api", "300Mi"), init=init)) == 310 * MI


def test_a_request_of_the_pod_itself_decides() -> None:
    assert pod_request(pod(asks("api", "64Mi"), resources={"requests": {"memory": "1Gi"}})) == GI


def test_a_resize_on_its_way_counts_with_the_greater_of_asked_and_allocated() -> None:
    status = {"phase": "Running", "containerStatuses": [{"name": "api", "allocatedResources": {"memory": "128Mi"}}]}

    assert pod_request(pod(asks("api", "64Mi"), status=status)) == 128 * MI


def test_a_pod_that_has_ended_is_promised_nothing() -> None:
    assert pod_request(pod(asks("api", "64Mi"), status={"phase": "Succeeded"})) == 0


def test_the_room_of_a_container_is_what_is_not_promised_to_others() -> None:
    pods = [pod(asks("api", "64Mi"), asks("log", "36Mi"), uid="own"), pod(asks("db", "400Mi"), uid="other")]

    assert room_for(GI, pods, pod_uid="own", container="api") == (1024 - 436) * MI
    assert room_for(300 * MI, pods, pod_uid="own", container="api") == 0
