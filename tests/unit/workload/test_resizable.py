from datetime import UTC, datetime
from typing import Any

import pytest

from oomreport.workload.quantity import MI
from oomreport.workload.resizable import (
    MemoryResources,
    ResizeState,
    last_resize,
    qos_class,
    resizable,
    resize_state,
    who_would_undo,
)
from support.reports import OURS, pod, resized_by

ARGO = "argocd.argoproj.io/tracking-id"
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
HELM = {"app.kubernetes.io/managed-by": "Helm"}
RELEASE = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}


def state_of(found: dict[str, Any]) -> tuple[ResizeState, str]:
    container = resizable(found, "api")
    assert container is not None
    return resize_state(found, container)


def answered(type_: str, *, generation: int = 2, reason: str = "", message: str = "", seen: int = 2) -> dict[str, Any]:
    condition = {"type": type_, "status": "True", "reason": reason, "message": message, "observedGeneration": seen}
    return pod(
        limit="128Mi",
        in_force="64Mi",
        metadata={"generation": generation},
        status_={"observedGeneration": generation, "conditions": [condition]},
    )


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (answered("PodResizePending", reason="Infeasible", message="no"), ResizeState.INFEASIBLE),
        (answered("PodResizePending", reason="Deferred", message="no"), ResizeState.DEFERRED),
        (answered("PodResizeInProgress", message="no"), ResizeState.IN_PROGRESS),
    ],
)
def test_the_kubelets_answer_is_read_with_its_words(found: dict[str, Any], state: ResizeState) -> None:
    assert state_of(found) == (state, "no")


def test_an_answer_to_an_earlier_change_is_none() -> None:
    assert state_of(answered("PodResizePending", reason="Infeasible", generation=3))[0] is ResizeState.UNSEEN


def test_a_kubelet_that_has_not_looked_yet_has_not_answered() -> None:
    found = pod(limit="128Mi", metadata={"generation": 2}, status_={"observedGeneration": 1})

    assert state_of(found)[0] is ResizeState.UNSEEN


def test_a_resize_is_done_once_it_is_in_force() -> None:
    assert state_of(pod(limit="128Mi", in_force="64Mi"))[0] is ResizeState.UNSEEN
    assert state_of(pod(limit="128Mi", in_force="134217728"))[0] is ResizeState.DONE


def test_a_limit_is_compared_to_the_page_as_the_kernel_keeps_it() -> None:
    assert MemoryResources(limit=100_000_000).is_limited_to(99_999_744)
    assert not MemoryResources(limit=64 * MI).is_limited_to(64 * MI - 4096)
    assert not MemoryResources().is_limited_to(64 * MI)


def test_when_a_client_resized_stands_in_the_pod() -> None:
    entries = [
        resized_by(OURS, "2026-11-21T07:50:00Z"),
        resized_by(OURS, "2026-11-21T07:59:00Z", container="other"),
        {**resized_by(OURS, "2026-11-21T07:59:00Z"), "subresource": "status"},
    ]
    found = pod(metadata={"managedFields": entries})

    assert last_resize(found, "api", OURS) == datetime(2026, 11, 21, 7, 50, tzinfo=UTC)
    assert last_resize(pod(), "api", OURS) is None


@pytest.mark.parametrize("kind", ["ReplicaSet", "StatefulSet", "DaemonSet"])
def test_the_built_in_controllers_undo_nothing_whatever_marks_their_template_hands_down(kind: str) -> None:
    found = pod(owner=("apps/v1", kind, "web"), metadata={"labels": FLUX | HELM, "annotations": RELEASE})

    assert who_would_undo(found, "api", OURS) is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            pod(owner=("v1", "Node", "worker-3"), metadata={"annotations": {"kubernetes.io/config.mirror": "x"}}),
            "static",
        ),
        (pod(metadata={"annotations": {"vpaObservedContainers": "proxy, api"}}), "VerticalPodAutoscaler"),
        (pod(metadata={"managedFields": [resized_by("vpa-updater")]}), "vpa-updater has resized this container"),
        (pod(metadata={"managedFields": [resized_by("kubectl-patch")]}), "kubectl-patch has resized"),
        (pod(owner=("postgresql.cnpg.io/v1", "Cluster", "db")), "Cluster db makes its pods itself"),
        (pod(owner=None, metadata={"labels": FLUX}), "kept by Flux (Kustomization apps)"),
        (pod(owner=None, metadata={"labels": HELM, "annotations": RELEASE}), "kept by Helm (Release shop)"),
        (
            pod(owner=None, metadata={"annotations": {ARGO: "shop:/Pod:shop/web-7d9c-x2x4z"}}),
            "kept by ArgoCD (Application shop)",
        ),
    ],
)
def test_who_would_put_another_value_back_is_named(found: dict[str, Any], words: str) -> None:
    assert words in (who_would_undo(found, "api", OURS) or "nobody")


def test_a_pod_that_nobody_keeps_and_other_containers_resizes_are_no_reason() -> None:
    other = {"managedFields": [resized_by("vpa-updater", container="proxy"), resized_by(OURS)]}

    assert who_would_undo(pod(owner=None, metadata=other), "api", OURS) is None
    assert who_would_undo(pod(metadata={"annotations": {"vpaObservedContainers": "proxy"}}), "api", OURS) is None


@pytest.mark.parametrize(
    ("resources", "qos"),
    [
        ({}, "BestEffort"),
        ({"limits": {"memory": "64Mi"}}, "Burstable"),
        ({"limits": {"memory": "64Mi", "cpu": "1"}}, "Guaranteed"),
        ({"limits": {"memory": "64Mi", "cpu": "1"}, "requests": {"memory": "65536Ki"}}, "Guaranteed"),
        ({"limits": {"memory": "64Mi", "cpu": "1"}, "requests": {"cpu": "500m"}}, "Burstable"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
    ],
)
def test_the_qos_class_follows_from_requests_and_limits(resources: dict[str, Any], qos: str) -> None:
    assert qos_class(pod(container={"resources": resources})) == qos
