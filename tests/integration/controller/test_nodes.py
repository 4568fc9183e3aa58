"""A node tells of kills in its own pods, and of no other's."""

from integration.api_server import CONTROLLER_NAMESPACE
from integration.controller.client import eventually, report_at
from integration.controller.conftest import Start
from integration.controller.shop import Shop, record
from integration.controller.test_reports import send, settled


def test_a_record_of_another_nodes_pod_is_counted_for_the_records_node(shop: Shop, start: Start):
    start()
    web, other = shop.name("web"), f"{shop.node}-x"
    pod = shop.deployment(web)
    send(shop.client, record(pod, node=other))
    report = settled(shop, f"node-{other}-unknown", kills=1, verdict="KernelOnly", namespace=CONTROLLER_NAMESPACE)
    assert report["spec"]["workloadRef"] == {"apiVersion": "v1", "kind": "Node", "name": other}
    (why,) = (one["message"] for one in report["status"]["findings"] if one["rule"] == "ContainerUnknown")
    assert f"of pod {shop.namespace}/{pod.name}" in why
    assert "on another node" in why
    assert report["status"]["recommendation"]["action"] == "None"
    assert "which container it was is not known" in report["status"]["recommendation"]["basis"]
    assert report_at(shop.client, shop.namespace, f"deployment-{web}-api") is None

    send(shop.client, record(pod, node=shop.node))
    settled(shop, f"deployment-{web}-api", kills=1, verdict="KernelOnly")
    assert eventually("the other node's stays as it was", lambda: report["status"]["kills"] == 1)
