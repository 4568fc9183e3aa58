"""The whole way: a real kill, and the product itself raises the limit or runs the Job of the samples."""

import yaml

from e2e.hooks import lend_kubectl
from e2e.kube import Object, apply, eventually, item, items, kubectl
from e2e.nodes import Node
from e2e.reports import report_of
from e2e.witness import kills_of_pod, running_id, statuses
from e2e.workloads import container, deployment, pod_spec, twice
from integration.api_server import MANIFESTS
from oomreport.workload.quantity import parse_quantity


def sample(name: str, namespace: str) -> list[Object]:
    """Return a sample with the test's namespace for its own, as its first lines say."""
    text = (MANIFESTS / "samples" / f"{name}.yaml").read_text().replace("namespace: shop", f"namespace: {namespace}")
    return [one for one in yaml.safe_load_all(text) if one]


def is_ready(namespace: str, hook: str) -> bool:
    found = item("oomhook", hook, namespace) or {}
    conditions = found.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def finished(namespace: str, name: str) -> Object | None:
    """Return the report once a delivery of it is no longer pending."""
    report = report_of(namespace, "Deployment", name) or {}
    deliveries = report.get("status", {}).get("deliveries", [])
    return report if any(one["state"] != "Pending" for one in deliveries) else None


def running_again(namespace: str, restarts: int) -> Object | None:
    """Return the workload's pod while its container runs and was restarted so many times."""
    pod = items("pods", namespace, "app=web")[0]
    return pod if running_id(pod, "api") and statuses(pod)[0]["restartCount"] == restarts else None


def test_a_hook_raises_the_limit_by_itself_and_the_report_tells_of_it(namespace: str, node: Node) -> None:
    apply(*sample("resize", namespace))
    eventually("the hook is ready", lambda: is_ready(namespace, "resize"))
    apply(deployment("web", namespace, pod_spec(container(*twice()))))
    report = eventually("the delivery", lambda: finished(namespace, "web"), seconds=120)

    (delivery,) = report["status"]["deliveries"]
    assert (delivery["state"], delivery["hook"]) == ("Delivered", f"{namespace}/resize"), delivery
    (change,) = report["status"]["changes"]
    # The hook may act before the kubelet has seen that the container ended.
    restarts = 1 if node.groups else 0
    pod = eventually("the container runs", lambda: running_again(namespace, restarts))
    name, limit = pod["metadata"]["name"], pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
    assert change["what"] == f"memory limit of container api in pod {name}"
    assert change["before"] == parse_quantity("64Mi")
    assert change["after"] == parse_quantity(limit) == parse_quantity(report["status"]["recommendation"]["memoryLimit"])
    kills = len(kills_of_pod(pod["metadata"]["uid"]))
    instance = running_id(pod, "api")
    assert instance

    def whole_load() -> bool:
        lines = kubectl("logs", name, "-n", namespace).splitlines()
        return any("allocated" in line and "mib=80" in line for line in lines)

    assert eventually("the load that was killed has its memory", whole_load, seconds=90)
    after = item("pod", name, namespace)
    assert after
    assert running_id(after, "api") == instance
    assert statuses(after)[0]["restartCount"] == restarts
    assert len(kills_of_pod(pod["metadata"]["uid"])) == kills
    hook = eventually(
        "the hook counts it",
        lambda: h if (h := item("oomhook", "resize", namespace) or {}).get("status", {}).get("delivered") else None,
    )
    assert hook["status"]["delivered"] == 1
    assert hook["status"].get("failed", 0) == 0


def test_a_hook_that_may_not_says_so_before_the_first_kill_and_works_once_it_is_granted(
    namespace: str, node: Node
) -> None:
    hook, *rights = sample("resize", namespace)
    apply(hook)

    def refusal() -> str:
        found = item("oomhook", "resize", namespace) or {}
        conditions = found.get("status", {}).get("conditions", [])
        return "".join(one["message"] for one in conditions if one["reason"] == "NotGranted")

    assert f"may not resize pods in namespace {namespace}" in eventually("it is said", refusal)
    apply(*rights)
    eventually("the hook is ready", lambda: is_ready(namespace, "resize"), seconds=90)


def test_repeated_kills_restart_the_workload_by_the_samples_job(namespace: str, node: Node) -> None:
    objects = sample("restart-job", namespace)
    (hook,) = [one for one in objects if one["kind"] == "OOMHook"]
    lend_kubectl(hook["spec"]["job"]["template"]["spec"]["template"]["spec"], node)
    apply(*objects)
    eventually("the hook is ready", lambda: is_ready(namespace, "restart"))
    apply(deployment("web", namespace, pod_spec(container("child", "80", "3", "2", "5"))))
    before = eventually("a pod", lambda: items("pods", namespace, "app=web"))[0]["metadata"]["name"]

    def done() -> Object | None:
        found = [
            one for one in items("jobs", namespace) if one["status"].get("succeeded") or one["status"].get("failed")
        ]
        return found[0] if found else None

    job = eventually("the Job ends", done, seconds=120)
    words = kubectl("logs", f"job/{job['metadata']['name']}", "-n", namespace)
    assert job["status"].get("succeeded") == 1, words
    assert "deployment.apps/web restarted" in words

    def replaced() -> bool:
        return before not in {one["metadata"]["name"] for one in items("pods", namespace, "app=web")}

    assert eventually("another pod", replaced)
