r"""Names in lines that the kubelet and the runtimes really wrote, as published in notes of their users.

The lines of nginx are of AKS, those of group-0 of kind, that of node-density of OpenShift; Docker's is made by the rule
of its shim (makeContainerName() in pkg/kubelet/dockershim/naming.go).
"""

import re

import pytest

from oomreport.workload.log_names import LogNames, PodName

NGINX = "51a5ca8e-4e46-451b-bbac-525543a80861"
SANDBOX = "ee86fb8be61987b83e1da1338b09fc0a83dcd12f9754455e668b16dc98f20f48"
STARTED = "82d037df98acb953a319e50419b1da7079d9ba9159c6d25e58b79db8d86e4e2c"
RAN = rf'containerd[2707]: time="2024-08-28T09:46:32.480291720Z" level=info msg="RunPodSandbox for &PodSandboxMetadata{{Name:nginx,Uid:{NGINX},Namespace:default,Attempt:0,}} returns sandbox id \"{SANDBOX}\""'
CREATED = rf'containerd[2707]: time="2024-08-28T09:46:33.527441738Z" level=info msg="CreateContainer within sandbox \"{SANDBOX}\" for &ContainerMetadata{{Name:nginx,Attempt:0,}} returns container id \"{STARTED}\""'


def names_of(*lines: str) -> LogNames:
    names = LogNames(key for line in lines for key in re.findall(r"[0-9a-f]{64}|[0-9a-f-]{36}", line))
    for line in lines:
        names.learn(line)
    return names


def test_containerd_names_the_pod_by_uid_and_the_container_by_id() -> None:
    names = names_of(CREATED, RAN)
    assert names.pods(NGINX, STARTED) == {PodName("default", "nginx")}
    assert names.container(NGINX, STARTED, is_only=False) == "nginx"


@pytest.mark.parametrize(
    ("line", "uid", "container_id", "pod", "container"),
    [
        (
            'kubelet[10264]: E1211 17:29:21.519957   10264 pod_workers.go:191] Error syncing pod 0f5eb28f-6722-4cf5-ab0f-b62748c018d4 ("memory-request-limit-54ff657644-wm7pj_default(0f5eb28f-6722-4cf5-ab0f-b62748c018d4)"), skipping: failed to "StartContainer" for "memory-demo-ctr" with CrashLoopBackOff',
            "0f5eb28f-6722-4cf5-ab0f-b62748c018d4",
            "0" * 64,
            "default/memory-request-limit-54ff657644-wm7pj",
            None,
        ),
        (
            'kubelet[2480]: I1012 19:34:45.000152    2480 kuberuntime_container.go:709] "Killing container with a grace period" pod="default/nginx" podUID=27aff94d-e0d9-43d1-84d6-9ab000aa57e2 containerName="nginx" containerID="containerd://4296b9e2377fddb0e7e42d20223c36771268cb7a1828315331405b66f0030add" gracePeriod=30',
            "27aff94d-e0d9-43d1-84d6-9ab000aa57e2",
            "4296b9e2377fddb0e7e42d20223c36771268cb7a1828315331405b66f0030add",
            "default/nginx",
            "nginx",
        ),
        (
            'kubelet[2840]: I0429 13:03:33.114877    2840 kubelet.go:2131] "SyncLoop (PLEG): event for pod" pod="default/nginx" event=&{ID:86c65bdf-b6fa-4d56-ba35-dec83dcf6450 Type:ContainerStarted Data:dec6b2f22c29eeae136cdcd16f681c806477b8dcfd311aedbdd3c7e00fd88a7c}',
            "86c65bdf-b6fa-4d56-ba35-dec83dcf6450",
            "dec6b2f22c29eeae136cdcd16f681c806477b8dcfd311aedbdd3c7e00fd88a7c",
            "default/nginx",
            None,
        ),
        (
            'kubelet[4052]: I0516 18:34:06.951598    4052 kubelet.go:2439] "SyncLoop (PLEG): event for pod" pod="default/liveness-exec" event={"ID":"93e17ecc-ab55-461a-b526-29248d2554ad","Type":"ContainerStarted","Data":"05657a9c673d612aedd955a65136ccca36b82ba987831de7844cdc0238f1d707"}',
            "93e17ecc-ab55-461a-b526-29248d2554ad",
            "05657a9c673d612aedd955a65136ccca36b82ba987831de7844cdc0238f1d707",
            "default/liveness-exec",
            None,
        ),
        (
            'crio[2440]: time="2026-05-27T16:02:35.014226005Z" level=info msg="Created container 75ef25174d7d464246c9cb27d850db42604394b920e6f66b56a94ab3d9c5c983: node-density-0/node-density-956/node-density"',
            None,
            "75ef25174d7d464246c9cb27d850db42604394b920e6f66b56a94ab3d9c5c983",
            "node-density-0/node-density-956",
            "node-density",
        ),
        (
            f"container die {STARTED} (image=nginx, name=k8s_nginx_web-1_shop_{NGINX}_0)",
            NGINX,
            STARTED,
            "shop/web-1",
            "nginx",
        ),
    ],
    ids=["before 1.19", "structured", "PLEG", "PLEG in JSON", "CRI-O", "Docker"],
)
def test_each_form_names_what_it_holds(
    line: str, uid: str | None, container_id: str, pod: str, container: str | None
) -> None:
    names = names_of(line)
    assert set(map(str, names.pods(uid, container_id))) == {pod}
    assert names.container(uid, container_id, is_only=False) == container


def test_two_names_for_one_uid_are_both_told() -> None:
    forged = RAN.replace("Name:nginx", "Name:database")
    assert set(map(str, names_of(RAN, forged).pods(NGINX, None))) == {"default/nginx", "default/database"}


def test_two_names_for_one_id_name_no_container() -> None:
    forged = CREATED.replace("Name:nginx", "Name:sidecar")
    assert names_of(CREATED, forged).container(NGINX, STARTED, is_only=True) is None


def test_a_name_beside_the_pod_is_that_of_its_only_container() -> None:
    failed = f'Error syncing pod {NGINX} ("web_shop({NGINX})"), skipping: failed to "StartContainer" for "api" with CrashLoopBackOff'
    assert names_of(failed).container(NGINX, STARTED, is_only=True) == "api"
    assert names_of(failed).container(NGINX, STARTED, is_only=False) is None


@pytest.mark.parametrize("name", ["Name:Ng inx", "Name:../x", "Name:\x1b[31m"])
def test_what_is_no_name_of_kubernetes_is_none(name: str) -> None:
    assert names_of(RAN.replace("Name:nginx", name)).pods(NGINX, None) == frozenset()


def test_names_that_nobody_asked_for_are_not_kept() -> None:
    names = LogNames()
    names.learn(RAN)
    assert names.pods(NGINX, None) == frozenset()


def test_no_number_of_names_fills_the_memory() -> None:
    assert len(names_of(*(RAN.replace("Name:nginx", f"Name:nginx-{n}") for n in range(100))).pods(NGINX, None)) == 5
