"""The chart on a real API server: install, change, upgrade, uninstall, come from kustomize; what stays and what goes.

No controller and no node runs there, so namespaces are made beforehand and nothing of the product starts.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.helm import CHART, ROOT
from support.programs import program

SYSTEM, AGENT = "oomreport-system", "oomreport-agent"
REPORTS = "oomreports.oomreport.dev"
# Where no namespace is ever deleted for good, one that goes with a release could not be made again.
VALUES = ("--set", "agent.namespace.create=false")
HOW = "tests/cluster/cluster --name chart up --api-only, then tests/cluster/cluster --name chart exec -- .venv/bin/pytest tests/chart"
REPORT = {
    "apiVersion": "oomreport.dev/v1alpha1",
    "kind": "OOMReport",
    "metadata": {"name": "deployment-web-api", "namespace": "shop"},
    "spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "container": "api"},
}


def kubectl(*arguments: str, text: str | None = None, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(["kubectl", *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode in codes, f"kubectl {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def helm(*arguments: str, fails: bool = False) -> str:
    done = subprocess.run([program("helm"), *arguments, "-n", SYSTEM], capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, f"helm {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def install(chart: Path = CHART, *options: str, fails: bool = False) -> str:
    return helm("upgrade", "--install", "oomreport", str(chart), *VALUES, *options, fails=fails)


def uninstall() -> None:
    helm("uninstall", "oomreport", "--ignore-not-found")


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An API server without the product, and with the namespaces that it needs."""
    if not os.environ.get("OOMREPORT_CLUSTER") or not os.environ.get("KUBECONFIG") or not shutil.which("kubectl"):
        pytest.skip(f"no API server to install on; {HOW}")
    os.environ["KUBECACHEDIR"] = str(tmp_path_factory.mktemp("kubectl-cache"))
    _clean()
    for name in (SYSTEM, AGENT, "shop"):
        kubectl("apply", "-f", "-", text=f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n")
    yield
    _clean()


def _clean() -> None:
    uninstall()
    kubectl("delete", "crd", "-l", "app.kubernetes.io/name=oomreport", "--ignore-not-found", "--timeout=180s")
    objects = yaml.safe_load_all(kubectl("kustomize", str(ROOT / "manifests/overlays/syslog")))
    kept = [one for one in objects if one and one["kind"] not in ("Namespace", "CustomResourceDefinition")]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": kept})
    kubectl("delete", "-f", "-", "--ignore-not-found", "--wait=false", text=text)


def served() -> None:
    kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{REPORTS}")


def get(*arguments: str) -> dict[str, Any]:
    return dict(json.loads(kubectl("get", *arguments, "-o", "json")))


def test_what_is_installed_does_not_differ_from_what_is_rendered(cluster: None):
    install()
    served()
    rendered = subprocess.run(
        [program("helm"), "get", "manifest", "oomreport", "-n", SYSTEM], capture_output=True, text=True, check=True
    ).stdout
    assert kubectl("diff", "--server-side", "--force-conflicts", "--field-manager=helm", "-f", "-", text=rendered) == ""
    assert "unchanged" not in install()


def test_an_upgrade_brings_new_fields_and_loses_no_report_and_no_review(cluster: None, tmp_path: Path):
    old = tmp_path / "oomreport"
    subprocess.run(["cp", "-rL", CHART, old], check=True)
    file = old / "files/crds/oomreport.dev_oomreports.yaml"
    crd = yaml.safe_load(file.read_text())
    status = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    del status["lastSilentKillTime"]
    file.write_text(yaml.safe_dump(crd))
    install(old)
    served()
    kubectl("apply", "-f", "-", text=json.dumps(REPORT))
    patch = {"spec": {"review": {"decision": "Accepted", "note": "ok"}}}
    kubectl("patch", "oomreport", "deployment-web-api", "-n", "shop", "--type=merge", "-p", json.dumps(patch))

    install()
    found = get("crd", REPORTS)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert "lastSilentKillTime" in found["properties"]
    assert get("oomreport", "deployment-web-api", "-n", "shop")["spec"]["review"]["note"] == "ok"


def test_an_upgrade_keeps_what_the_user_set_and_takes_new_defaults(cluster: None, tmp_path: Path):
    old = tmp_path / "oomreport"
    subprocess.run(["cp", "-rL", CHART, old], check=True)
    values = yaml.safe_load((old / "values.yaml").read_text())
    del values["controller"]["podDisruptionBudget"]
    (old / "values.yaml").write_text(yaml.safe_dump(values))
    template = old / "templates/controller.yaml"
    template.write_text(template.read_text().replace("$controller.podDisruptionBudget.enabled", "false"))
    install(old, "--set", "clusterName=blue")
    upgrade = ("upgrade", "oomreport", str(CHART))
    assert "podDisruptionBudget" in helm(*upgrade, "--reuse-values", fails=True)
    helm(*upgrade, "--reset-then-reuse-values")
    container = get("deploy", "oomreport-controller", "-n", SYSTEM)["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--cluster-name=blue"]


def test_uninstalling_leaves_reports_and_takes_rights_and_installing_again_goes_on(cluster: None):
    install()
    served()
    kubectl("apply", "-f", "-", text=json.dumps(REPORT))
    uninstall()
    assert get("oomreport", "deployment-web-api", "-n", "shop")["spec"]["container"] == "api"
    left = ("clusterrole", "clusterrolebinding", "validatingadmissionpolicy", "validatingadmissionpolicybinding")
    for kind in left:
        names = [one["metadata"]["name"] for one in get(kind)["items"]]
        assert not [name for name in names if name.startswith("oomreport")], kind
    install()
    assert get("oomreport", "deployment-web-api", "-n", "shop")["spec"]["container"] == "api"


def test_who_came_with_kustomize_goes_on_with_helm(cluster: None):
    overlay = str(ROOT / "manifests/overlays/syslog")
    for folder in (str(ROOT / "crds"), overlay):
        kubectl("apply", "--server-side", "--force-conflicts", "-k", folder)
    served()
    kubectl("apply", "-f", "-", text=json.dumps(REPORT))
    assert "invalid ownership metadata" in install(fails=True)
    install(CHART, "--take-ownership")
    assert get("oomreport", "deployment-web-api", "-n", "shop")["spec"]["container"] == "api"
    labels = get("deploy", "oomreport-controller", "-n", SYSTEM)["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "Helm"


def test_the_api_server_takes_what_every_platform_renders(cluster: None):
    install()
    served()
    platforms = sorted((CHART / "platforms").glob("*.yaml"))
    assert len(platforms) >= 8
    for values in platforms:
        arguments = ["template", "oomreport", str(CHART), "-n", SYSTEM, "--kube-version", "1.36.3", "-f", str(values)]
        text = subprocess.run([program("helm"), *arguments, *VALUES], capture_output=True, text=True, check=True).stdout
        # No API server but OpenShift's knows its kinds.
        known = [one for one in yaml.safe_load_all(text) if one and "openshift.io" not in one["apiVersion"]]
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": known})
        options = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
        kubectl("apply", *options, "-f", "-", text=items)
