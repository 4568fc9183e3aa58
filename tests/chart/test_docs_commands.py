"""The commands of README and docs that install, change and remove the product, run as they are written."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from chart.helm import ROOT
from chart.test_install import cluster as cluster  # noqa: PLC0414 - a fixture
from chart.test_install import get, kubectl, served
from support.programs import program

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
REPORT = """
apiVersion: oomreport.dev/v1alpha1
kind: OOMReport
metadata: {name: deployment-web-api, namespace: shop}
spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}, container: api, review: {decision: Rejected, note: it grows on Mondays}}
"""


def blocks(page: str) -> list[list[str]]:
    """Return the command blocks of a page."""
    text = (ROOT / page).read_text()
    found = re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [[line.partition("  #")[0].strip() for line in block.splitlines() if line.strip()] for block in found]


def commands(page: str, *words: str) -> list[str]:
    """Return the lines of the first block of a page that has all these words."""
    return next(block for block in blocks(page) if all(any(word in line for line in block) for word in words))


def run(command: str, *, codes: tuple[int, ...] = (0,)) -> str:
    """Run a line in the checkout, with helm and oomreport on PATH. The namespaces are there, as test_install says."""
    path = f"{ROOT / '.venv/bin'}:{program('helm').parent}:{os.environ['PATH']}"
    if command.startswith("helm upgrade"):
        command += " --set agent.namespace.create=false"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode in codes, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_helm_installs_upgrades_and_uninstalls_as_written_and_reports_stay(cluster: None):
    (install,) = commands("docs/install.md", "helm upgrade --install")
    assert install in commands("README.md", "helm upgrade")
    run(install)
    served()
    kubectl("apply", "-f", "-", text=REPORT)
    (upgrade,) = commands("docs/upgrade.md", "helm upgrade oomreport")
    run(upgrade)
    (uninstall,) = commands("docs/upgrade.md", "helm uninstall")
    run(uninstall)
    assert get("oomreport", "deployment-web-api", "-n", "shop")["spec"]["container"] == "api"
    for line in commands("docs/upgrade.md", "kubectl delete -k crds"):
        run(line)
    assert "oomreports.oomreport.dev" not in kubectl("get", "crd", "-o", "name")


def test_kustomize_installs_backs_up_and_uninstalls_as_written_and_reports_stay(cluster: None, tmp_path: Path):
    for line in commands("docs/install.md", "kubectl apply --server-side -k crds"):
        # The namespaces of the fixture were made by another writer.
        run(line.replace("--server-side", "--server-side --force-conflicts"))
    served()
    kubectl("apply", "-f", "-", text=REPORT)
    (backup,) = commands("docs/upgrade.md", "oomreport-backup.yaml")
    run(backup.replace("> oomreport-backup.yaml", f"> {tmp_path}/oomreport-backup.yaml"))
    assert "deployment-web-api" in (tmp_path / "oomreport-backup.yaml").read_text()
    doctor, reports = commands("docs/install.md", "oomreport doctor")
    # Nothing runs on an API server alone, and doctor says so.
    assert "no pod in namespace oomreport-system" in run(doctor, codes=(1,))
    assert "deployment-web-api" in run(reports)
    restore = re.search(r"`(kubectl create [^`]*oomreport-backup.yaml)`", (ROOT / "docs/upgrade.md").read_text())
    assert restore
    kubectl("delete", "-k", str(ROOT / "crds"))
    for line in commands("docs/upgrade.md", "kubectl apply --server-side -k")[:1]:
        run(line)
    served()
    run(restore[1].replace("oomreport-backup.yaml", f"{tmp_path}/oomreport-backup.yaml"))
    assert get("oomreport", "deployment-web-api", "-n", "shop")["spec"]["review"]["note"] == "it grows on Mondays"


def test_an_overlay_holds_no_crd_so_that_deleting_it_loses_no_report():
    done = subprocess.run(
        ["grep", "-rlE", "crds|CustomResourceDefinition", ROOT / "manifests", "--include=kustomization.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    bases = [Path(line) for line in done.stdout.splitlines()]
    assert not [file for file in bases if re.search(r"^- .*crds", file.read_text(), re.MULTILINE)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_links_to_is_there(page: Path):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing
