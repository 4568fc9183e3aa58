"""The chart says the same as manifests/, takes what it documents, and refuses the rest with words that help."""

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.helm import CHART, ROOT, Object, Objects, built, refusal, rendered, without_owner
from support.programs import run

MANIFESTS = ROOT / "manifests"
PLATFORMS = sorted((CHART / "platforms").glob("*.yaml"))
ALL_ON: Object = {
    "namespace": {"create": True},
    "hooks": {"jobs": True, "resize": True},
    "openshift": {"scc": {"create": True}},
    "monitoring": {"podMonitors": {"enabled": True}, "rules": {"enabled": True}, "dashboard": {"enabled": True}},
    "controller": {"replicas": 2, "podDisruptionBudget": {"enabled": True}},
}


def workload(objects: Objects, kind: str) -> tuple[Object, Object]:
    """Return the pod's spec and its container."""
    (one,) = [each for (of, _, _), each in objects.items() if of == kind]
    spec = one["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    return spec, container


@pytest.mark.parametrize(
    ("overlay", "values"),
    [
        ("syslog", {}),
        ("kmsg", {"agent": {"source": "kmsg"}}),
        ("hostpid", {"agent": {"hostPID": True}}),
    ],
)
def test_the_chart_renders_what_the_overlay_builds(overlay: str, values: Object):
    helm = without_owner(rendered({"namespace": {"create": True}, **values}))
    kustomize = without_owner(built(MANIFESTS / "overlays" / overlay))
    assert helm.keys() == kustomize.keys()
    for key, one in kustomize.items():
        assert helm[key] == one, key


@pytest.mark.parametrize(
    ("component", "values"),
    [
        ("hook-jobs", {"hooks": {"jobs": True}}),
        ("hook-resize", {"hooks": {"resize": True}}),
        (
            "monitoring",
            {"monitoring": {one: {"enabled": True} for one in ("podMonitors", "rules", "dashboard")}},
        ),
    ],
)
def test_the_chart_renders_what_a_component_adds(component: str, values: Object, tmp_path: Path):
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "manifests").mkdir()
    copy_into(MANIFESTS, folder / "manifests")
    (folder / "kustomization.yaml").write_text(
        f"resources: [manifests/overlays/syslog]\ncomponents: [manifests/components/{component}]\n"
    )
    helm = without_owner(rendered({"namespace": {"create": True}, **values}))
    assert helm == without_owner(built(folder))


def copy_into(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-rL", f"{source}/.", target], check=True)


def test_a_packaged_chart_holds_what_its_links_lead_to_and_renders_the_same(tmp_path: Path):
    run("helm", "package", str(CHART), "--destination", str(tmp_path))
    (package,) = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        assert not [one.name for one in archive if one.issym() or one.islnk()]
        assert "oomreport/files/crds/oomreport.dev_oomreports.yaml" in archive.getnames()
    assert rendered(ALL_ON, chart=package) == rendered(ALL_ON)


def test_helm_lint_has_no_complaint():
    values = json.dumps(ALL_ON)
    assert "0 chart(s) failed" in run("helm", "lint", "--strict", str(CHART), "-f", "-", text=values)


def empties(value: Any, where: str = "") -> Iterator[str]:
    """Return the places of empty maps and nulls, which GitOps tools show as drift."""
    if value is None or value == {}:
        yield where
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield from empties(one, f"{where}/{key}")


def test_nothing_empty_is_rendered_and_nothing_changes_from_one_rendering_to_the_next():
    objects = rendered(ALL_ON)
    assert objects == rendered(ALL_ON)
    of_ours = [one for one in objects.values() if one["kind"] not in ("CustomResourceDefinition", "ConfigMap")]
    assert [*empties(of_ours)] == []


def test_no_template_is_a_hook_of_helm():
    assert "helm.sh/hook" not in json.dumps([*rendered(ALL_ON).values()])


def test_crds_are_kept_when_the_release_goes_unless_that_is_switched_off():
    def annotations(values: Object) -> set[str | None]:
        crds = [one for one in rendered(values).values() if one["kind"] == "CustomResourceDefinition"]
        assert len(crds) == 4
        return {one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") for one in crds}

    assert annotations({}) == {"keep"}
    assert annotations({"crds": {"keep": False}}) == {None}
    assert not [one for one in rendered({"crds": {"install": False}}) if one[0] == "CustomResourceDefinition"]


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ({}, "ghcr.io/oomreport/oomreport:dev"),
        ({"image": {"tag": "1.2.3"}}, "ghcr.io/oomreport/oomreport:1.2.3"),
        (
            {"image": {"tag": "1.2.3", "digest": f"sha256:{'0' * 64}"}},
            f"ghcr.io/oomreport/oomreport@sha256:{'0' * 64}",
        ),
        ({"global": {"imageRegistry": "registry.local:5000"}}, "registry.local:5000/oomreport/oomreport:dev"),
        ({"image": {"registry": "", "repository": "oomreport"}}, "oomreport:dev"),
    ],
)
def test_both_workloads_run_the_image_that_the_values_name(values: Object, image: str):
    objects = rendered(values)
    assert {workload(objects, kind)[1]["image"] for kind in ("Deployment", "DaemonSet")} == {image}


KNOBS: Object = {
    "priorityClassName": "mine",
    "nodeSelector": {"pool": "system"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}},
    "resources": {"limits": {"memory": "1Gi"}},
    "extraArgs": ["--log-level=debug"],
    "extraEnv": [{"name": "A", "value": "b"}],
    "extraVolumes": [{"name": "more", "emptyDir": {"medium": "Memory"}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "podLabels": {"team": "sre"},
    "podAnnotations": {"note": "1"},
}


@pytest.mark.parametrize(("component", "kind"), [("controller", "Deployment"), ("agent", "DaemonSet")])
def test_every_knob_reaches_the_pod(component: str, kind: str):
    objects = rendered({component: KNOBS, "imagePullSecrets": ["pull"], "commonLabels": {"cost": "7"}})
    spec, container = workload(objects, kind)
    for knob in ("priorityClassName", "tolerations", "affinity"):
        assert spec[knob] == KNOBS[knob]
    assert spec["nodeSelector"]["pool"] == "system"
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert KNOBS["extraVolumes"][0] in spec["volumes"]
    assert container["resources"]["limits"]["memory"] == "1Gi"
    assert "--log-level=debug" in container["args"]
    assert KNOBS["extraEnv"][0] in container["env"]
    assert KNOBS["extraVolumeMounts"][0] in container["volumeMounts"]
    (one,) = [each for (of, _, _), each in objects.items() if of == kind]
    metadata = one["spec"]["template"]["metadata"]
    assert metadata["labels"].items() >= {"team": "sre", "cost": "7"}.items()
    assert metadata["annotations"] == {"note": "1"}
    assert all(each["metadata"]["labels"]["cost"] == "7" for each in objects.values())


def test_other_namespaces_are_named_wherever_a_namespace_is_named():
    objects = rendered({"agent": {"namespace": {"name": "kill-watchers"}}}, Path("/dev/null"))
    other = without_owner(
        rendered({"namespace": {"create": True}, "agent": {"namespace": {"name": "kill-watchers"}}}, namespace="oom")
    )
    text = json.dumps([*other.values()])
    assert "oomreport-system" not in text
    assert "serviceaccount:oomreport-agent:" not in text
    assert "system:serviceaccount:kill-watchers:oomreport-agent" in text
    assert "system:serviceaccount:oom:oomreport-controller" in text
    named = {one["metadata"].get("namespace") for one in other.values()} | {
        subject["namespace"]
        for one in other.values()
        for subject in one.get("subjects") or ()
        if "namespace" in subject
    }
    assert named == {None, "oom", "kill-watchers"}
    assert "--agent-namespace=kill-watchers" in workload(objects, "Deployment")[1]["args"]


def test_the_agent_in_the_controllers_namespace_is_refused_unless_it_is_asked_for():
    values: Object = {"agent": {"namespace": {"name": ""}}}
    assert "a namespace of its own with the Pod Security level privileged" in refusal(values)
    values["agent"]["allowSameNamespace"] = True
    values["namespace"] = {"create": True}
    namespaces = [one for one in rendered(values).values() if one["kind"] == "Namespace"]
    levels = [one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for one in namespaces]
    assert levels == ["privileged"]


def test_without_agents_nothing_of_theirs_is_left():
    objects = rendered({"agent": {"enabled": False}})
    assert not [
        one for one in objects.values() if one["metadata"]["labels"].get("app.kubernetes.io/component") == "agent"
    ]
    assert not [key for key in objects if key[1] == "oomreport-agent"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"agnet": {}}, "agnet"),
        ({"agent": {"sorce": "kmsg"}}, "sorce"),
        ({"agent": {"source": "dmesg"}}, "source"),
        ({"agent": {"podLogsDir": "var/log"}}, "podLogsDir"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"commonLabels": {"app.kubernetes.io/name": "mine"}}, "/commonLabels/app.kubernetes.io"),
        ({"nameOverride": "mine"}, "nameOverride"),
        ({"controller": {"serviceAccount": {"name": "mine"}}}, "serviceAccount"),
        ({"controller": {"replicas": "two"}}, "replicas"),
        ({"monitoring": {"rules": {"enabled": True, "alerts": {"OOMKilled": {}}}}}, "there is no alert OOMKilled"),
    ],
)
def test_a_value_that_is_wrong_is_named(values: Object, words: str):
    assert words in refusal(values)


def test_kubernetes_that_binds_no_token_to_a_node_is_refused():
    assert "incompatible with Kubernetes" in refusal({}, kubernetes="1.31.9")


def test_an_alert_can_be_switched_off_and_tuned():
    alerts = {
        "OOMReportContainerKilled": {"enabled": False},
        "OOMReportRepeatedKills": {"severity": "critical", "for": "10m", "labels": {"page": "yes"}},
    }
    rules = {"enabled": True, "alertLabels": {"team": "sre"}, "alerts": alerts}
    objects = rendered({"monitoring": {"rules": rules}})
    (rule,) = [one for one in objects.values() if one["kind"] == "PrometheusRule"]
    by_name = {one["alert"]: one for group in rule["spec"]["groups"] for one in group["rules"]}
    assert "OOMReportContainerKilled" not in by_name
    repeated = by_name["OOMReportRepeatedKills"]
    assert (repeated["labels"], repeated["for"]) == ({"severity": "critical", "page": "yes", "team": "sre"}, "10m")
    assert by_name["OOMReportSilentKill"]["labels"] == {"severity": "warning", "team": "sre"}


def test_further_objects_may_hold_templates():
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-more', namespace: x}\n"
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plain", "namespace": "x"}}
    assert {("ConfigMap", "x", "oomreport-more"), ("ConfigMap", "x", "plain")} <= rendered(
        {"extraObjects": [text, plain]}
    ).keys()


def test_the_chart_works_below_a_parent_chart(tmp_path: Path):
    parent = tmp_path / "parent"
    (parent / "charts").mkdir(parents=True)
    (parent / "charts/oomreport").mkdir()
    copy_into(CHART, parent / "charts/oomreport")
    (parent / "Chart.yaml").write_text(
        "apiVersion: v2\nname: parent\nversion: 0.1.0\ndependencies:\n"
        "- {name: oomreport, version: 0.1.0-dev, condition: oomreport.enabled}\n"
    )
    on = rendered({"global": {"anything": 1}, "oomreport": {"enabled": True}}, chart=parent)
    assert ("Deployment", "oomreport-system", "oomreport-controller") in on
    assert rendered({"oomreport": {"enabled": False}}, chart=parent) == {}


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda file: file.stem)
def test_the_values_of_a_platform_render(platform: Path):
    objects = rendered({}, platform)
    assert ("Deployment", "oomreport-system", "oomreport-controller") in objects
    assert [*empties([one for one in objects.values() if one["kind"] != "CustomResourceDefinition"])] == []


def test_openshift_has_its_constraint_and_its_selinux_type_and_no_fixed_user():
    objects = rendered({}, CHART / "platforms/openshift.yaml")
    assert objects["SecurityContextConstraints", "", "oomreport-agent"]["allowedCapabilities"] == ["SYSLOG"]
    assert workload(objects, "DaemonSet")[1]["securityContext"]["seLinuxOptions"] == {"type": "spc_t"}
    assert "runAsUser" not in workload(objects, "Deployment")[0]["securityContext"]


def test_artifact_hub_is_told_of_every_crd_in_the_crds_own_words():
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    told = {one["name"]: one for one in yaml.safe_load(about["artifacthub.io/crds"])}
    crds = [one for one in rendered().values() if one["kind"] == "CustomResourceDefinition"]
    assert told.keys() == {one["metadata"]["name"] for one in crds}
    for crd in crds:
        (version,) = crd["spec"]["versions"]
        words = version["schema"]["openAPIV3Schema"]["description"].splitlines()[0]
        one = told[crd["metadata"]["name"]]
        assert (one["kind"], one["version"], one["description"]) == (
            crd["spec"]["names"]["kind"],
            version["name"],
            words,
        )


def test_the_values_and_their_schema_name_the_same_settings():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def settings(one: Any, of: Object, where: str = "") -> Iterator[tuple[str, str]]:
        known = {name: under for name, under in of.get("properties", {}).items() if under is not False}
        if not known or not isinstance(one, dict):
            return
        yield from ((where, key) for key in known.keys() ^ one.keys())
        for key in known.keys() & one.keys():
            yield from settings(one[key], known[key], f"{where}.{key}")

    different = {*settings(values, schema)} - {("", "enabled")}
    assert {(where, key) for where, key in different if where != ".agent.seLinuxOptions"} == set()
