"""The overlays as `kubectl apply -k` sends them."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.api_server import ADMIN, AGENT, CONTROLLER, MANIFESTS, Object, manifests

OVERLAYS = pytest.mark.parametrize("overlay", ["syslog", "kmsg", "hostpid"])


def workload(objects: list[Object], kind: str) -> tuple[Object, dict[str, Any]]:
    """Return the pod's spec and the container of the one Deployment or DaemonSet."""
    (found,) = [one for one in objects if one["kind"] == kind]
    spec: Object = found["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    return spec, container


@OVERLAYS
def test_an_overlay_is_applied_without_a_warning(product: list[Object], overlay: str) -> None:
    objects = manifests(overlay)

    done = ADMIN.apply(*objects, options=("--dry-run=server", "--validate=strict"))
    assert len(done.splitlines()) == len(objects)
    assert "daemonset.apps/oomreport-agent" in done
    assert "deployment.apps/oomreport-controller" in done


def test_the_example_of_the_docs_that_names_a_metrics_source_is_taken(product: list[Object], tmp_path: Path) -> None:
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    text = (MANIFESTS.parent / "docs/install.md").read_text()
    (tmp_path / "kustomization.yaml").write_text(
        next(block for block in text.split("```yaml\n") if "--prometheus-url" in block).split("```", 1)[0]
    )

    objects = [one for one in yaml.safe_load_all(ADMIN.kubectl("kustomize", str(tmp_path))) if one]
    spec, container = workload(objects, "Deployment")
    assert spec["dnsPolicy"] == "ClusterFirst"
    assert [option.split("=")[0] for option in container["args"]] == [
        "--prometheus-url",
        "--prometheus-token-file",
        "--prometheus-ca-file",
        "--prometheus-window",
    ]
    ADMIN.apply(*objects, options=("--dry-run=server", "--validate=strict"))


@OVERLAYS
def test_every_object_carries_the_recommended_labels(overlay: str) -> None:
    for one in manifests(overlay):
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "oomreport", one["metadata"]["name"]
        assert labels["app.kubernetes.io/part-of"] == "oomreport"
        assert labels["app.kubernetes.io/managed-by"] == "kustomize"
        assert one["kind"] == "CustomResourceDefinition" or labels["app.kubernetes.io/component"]


@OVERLAYS
def test_the_selectors_match_the_pods_of_their_workload_only(overlay: str) -> None:
    objects = manifests(overlay)
    pods = {}
    for kind in ("Deployment", "DaemonSet"):
        (one,) = [each for each in objects if each["kind"] == kind]
        pods[kind] = one["spec"]["template"]["metadata"]["labels"]
        assert one["spec"]["selector"]["matchLabels"].items() <= pods[kind].items()
    assert pods["Deployment"]["app.kubernetes.io/component"] != pods["DaemonSet"]["app.kubernetes.io/component"]


def test_the_default_agent_is_root_with_syslog_and_no_more() -> None:
    spec, container = workload(manifests("syslog"), "DaemonSet")

    assert container["args"][0] == "--source=syslog"
    assert container["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["SYSLOG"]},
    }
    assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["/var/lib/oomreport"]


def test_only_the_kmsg_agent_is_privileged_and_has_the_device() -> None:
    _, syslog = workload(manifests("syslog"), "DaemonSet")
    spec, kmsg = workload(manifests("kmsg"), "DaemonSet")

    assert kmsg["args"] == ["--source=kmsg", *syslog["args"][1:]]
    assert kmsg["securityContext"]["privileged"] is True
    added = [mount for mount in kmsg["volumeMounts"] if mount not in syslog["volumeMounts"]]
    assert added == [{"name": "kmsg", "mountPath": "/dev/kmsg", "readOnly": True}]
    (device,) = [volume["hostPath"] for volume in spec["volumes"] if volume["name"] == "kmsg"]
    assert device == {"path": "/dev/kmsg", "type": "CharDevice"}


def test_only_the_hostpid_agent_sees_the_nodes_processes_and_has_no_other_right_for_it() -> None:
    syslog_spec, syslog = workload(manifests("syslog"), "DaemonSet")
    spec, hostpid = workload(manifests("hostpid"), "DaemonSet")

    assert hostpid == syslog
    assert spec == syslog_spec | {"hostPID": True}


@OVERLAYS
def test_no_workload_limits_cpu_and_both_limit_memory(overlay: str) -> None:
    for kind in ("Deployment", "DaemonSet"):
        _, container = workload(manifests(overlay), kind)
        assert container["resources"]["limits"].keys() == {"memory"}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}


@OVERLAYS
def test_the_commands_are_those_of_the_image(overlay: str) -> None:
    objects = manifests(overlay)

    assert workload(objects, "Deployment")[1]["command"] == [CONTROLLER]
    assert workload(objects, "DaemonSet")[1]["command"] == [AGENT]
