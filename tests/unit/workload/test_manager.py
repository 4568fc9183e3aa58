"""Marks of deployment tools, as the tools write them."""

from typing import Any

import pytest

from oomreport.workload.manager import Tool, manager_of


def workload(kind: str = "Deployment", version: str = "apps/v1", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "web", "namespace": "shop", **metadata}}


def tracked(tracking_id: str, **more: Any) -> dict[str, Any]:
    return workload(annotations={"argocd.argoproj.io/tracking-id": tracking_id}, **more)


def wrote(manager: str, container: str = "api", *, time: str = "2026-11-20T20:21:07Z", **at: Any) -> dict[str, Any]:
    """An entry of managedFields, as the API server prints it."""
    limits = {"f:limits": {".": {}, "f:memory": {}}}
    item = {f'k:{{"name":"{container}"}}': {".": {}, "f:name": {}, "f:resources": limits}}
    spec = {"f:template": {"f:spec": {"f:containers": item}}}
    return {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": "apps/v1",
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": at or {"f:spec": spec},
    }


def found(item: dict[str, Any], container: str | None = None) -> dict[str, str] | None:
    manager = manager_of(item, container)
    return manager.as_json() if manager else None


def test_nothing_is_known_of_a_workload_without_marks():
    assert manager_of(workload()) is None
    assert manager_of({}) is None
    assert manager_of({"metadata": {"labels": None, "annotations": [], "managedFields": "x"}}, "api") is None


def test_the_writer_of_a_pods_own_limit_is_named_where_its_containers_have_none():
    own = {"f:spec": {"f:template": {"f:spec": {"f:resources": {"f:limits": {"f:memory": {}}}}}}}
    assert found(workload(managedFields=[wrote("kubectl-client-side-apply", **own)]), "api") == {
        "tool": "Kubectl",
        "fieldManager": "kubectl-client-side-apply",
    }


def test_argo_cd_by_its_tracking_id():
    shown = found(tracked("shop-prod:apps/Deployment:shop/web"))
    assert shown == {"tool": "ArgoCD", "kind": "Application", "name": "shop-prod"}


def test_an_application_outside_argo_cds_namespace():
    shown = found(tracked("team-a_shop-prod:apps/Deployment:shop/web"))
    assert shown == {"tool": "ArgoCD", "kind": "Application", "name": "shop-prod", "namespace": "team-a"}


@pytest.mark.parametrize(
    "tracking_id",
    ["shop:apps/Deployment:shop/other", "shop:apps/Deployment:test/web", "shop:apps/StatefulSet:shop/web", "shop", ""],
)
def test_a_tracking_id_that_was_copied_from_another_object_is_none(tracking_id: str):
    assert manager_of(tracked(tracking_id)) is None


def test_a_pod_of_the_core_group_is_tracked_too():
    pod = workload("Pod", "v1", annotations={"argocd.argoproj.io/tracking-id": "one:/Pod:shop/web"})
    assert found(pod) == {"tool": "ArgoCD", "kind": "Application", "name": "one"}


def test_a_label_that_helm_charts_set_too_is_argo_cds_only_where_argo_cd_has_written():
    labels = {"app.kubernetes.io/instance": "shop"}
    assert manager_of(workload(labels=labels)) is None
    mine = workload(labels=labels, managedFields=[wrote("argocd-controller")])
    assert found(mine) == {"tool": "ArgoCD", "kind": "Application", "name": "shop"}
    assert found(workload(labels={"argocd.argoproj.io/instance": "shop"})) == {
        "tool": "ArgoCD",
        "kind": "Application",
        "name": "shop",
    }


def test_flux_by_kustomization_and_by_helm_release():
    kustomize = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    helm = {"helm.toolkit.fluxcd.io/name": "podinfo", "helm.toolkit.fluxcd.io/namespace": "shop"}
    release = {"meta.helm.sh/release-name": "podinfo", "meta.helm.sh/release-namespace": "shop"}
    by_helm = {"app.kubernetes.io/managed-by": "Helm"}
    assert found(workload(labels=kustomize)) == {
        "tool": "Flux",
        "kind": "Kustomization",
        "name": "apps",
        "namespace": "flux-system",
    }
    assert found(workload(labels=helm | by_helm | kustomize, annotations=release)) == {
        "tool": "Flux",
        "kind": "HelmRelease",
        "name": "podinfo",
        "namespace": "shop",
    }


def test_helm_itself_and_not_what_a_template_alone_says():
    labels = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "podinfo"}
    release = {"meta.helm.sh/release-name": "podinfo", "meta.helm.sh/release-namespace": "shop"}
    # Rendered by `helm template` and applied by something else.
    assert manager_of(workload(labels=labels)) is None
    helm = manager_of(workload(labels=labels, annotations=release))
    assert helm
    assert helm.as_json() == {"tool": "Helm", "kind": "Release", "name": "podinfo", "namespace": "shop"}
    assert not helm.reconciles


def test_an_operator_comes_before_the_marks_it_hands_down():
    owner = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "name": "k8s",
        "uid": "1",
        "controller": True,
    }
    labels = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    operator = manager_of(workload("StatefulSet", ownerReferences=[owner], labels=labels))
    assert operator
    assert operator.as_json() == {"tool": "Operator", "kind": "Prometheus", "name": "k8s", "namespace": "shop"}
    assert operator.reconciles
    assert manager_of(workload(ownerReferences=[owner | {"controller": False}])) is None


def test_the_client_that_wrote_the_limit_last():
    entries = [
        wrote("kubectl-client-side-apply", time="2026-11-20T20:00:00Z"),
        wrote("kubectl-edit", time="2026-11-20T21:00:00Z"),
        wrote("kustomize-controller", "sidecar", time="2026-11-20T22:00:00Z"),
        wrote("kube-controller-manager", time="2026-11-20T23:00:00Z", **{"f:status": {}}),
    ]
    item = workload(managedFields=entries)
    assert found(item, "api") == {"tool": "Kubectl", "fieldManager": "kubectl-edit"}
    assert found(item, "sidecar") == {"tool": "Flux", "fieldManager": "kustomize-controller"}
    assert found(item, "unlimited") is None
    assert manager_of(workload(managedFields=[wrote("unknown")]), "api") is None
    assert found(item) is None


@pytest.mark.parametrize(
    ("writer", "tool"),
    [
        ("argocd-controller", Tool.ARGO_CD),
        ("helm-controller", Tool.FLUX),
        ("helm", Tool.HELM),
        ("Terraform", Tool.TERRAFORM),
        ("kubectl", Tool.KUBECTL),
        ("deploy-bot", Tool.OTHER),
    ],
)
def test_a_writer_without_marks(writer: str, tool: Tool):
    manager = manager_of(workload(managedFields=[wrote(writer)]), "api")
    assert manager
    assert (manager.tool, manager.name, manager.field_manager) == (tool, None, writer)


def test_a_mark_says_more_than_the_last_writer_who_stands_beside_it():
    item = tracked("shop:apps/Deployment:shop/web", managedFields=[wrote("kubectl-set")])
    assert found(item, "api") == {
        "tool": "ArgoCD",
        "kind": "Application",
        "name": "shop",
        "fieldManager": "kubectl-set",
    }


def test_the_limit_of_a_cron_job_and_of_a_pod_stand_elsewhere():
    limits = {"f:resources": {"f:limits": {"f:memory": {}}}}
    pod_spec = {"f:containers": {'k:{"name":"api"}': limits}}
    cron = {"f:spec": {"f:jobTemplate": {"f:spec": {"f:template": {"f:spec": pod_spec}}}}}
    job = workload("CronJob", "batch/v1", managedFields=[wrote("helm", **cron)])
    assert found(job, "api") == {"tool": "Helm", "fieldManager": "helm"}
    pod = workload("Pod", "v1", managedFields=[wrote("kubectl-client-side-apply", **{"f:spec": pod_spec})])
    assert found(pod, "api") == {"tool": "Kubectl", "fieldManager": "kubectl-client-side-apply"}
