"""Every command block of README and docs, run as it is written on a real API server with a real namespace controller.

`support.doc_commands` fills the words in capitals and names what is not run, with the reason. What needs a kubelet runs
in tests/e2e/test_doc_commands.py.
"""

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.test_install import AGENT, HOW, SYSTEM, kubectl, served
from cluster.lab.binaries import binaries
from support.checkout import a_report, workload
from support.doc_commands import (
    ENDLESS,
    ON_A_NODE,
    ROOT,
    CommandBlock,
    command_blocks,
    filled,
    why_not_run,
)
from support.programs import program

BLOCKS = command_blocks()
LOG = ROOT / "tests/records/kernel-5.10.0-46-cloud-amd64-cgv1-01-single-cgfs-besteffort/log.kmsg"
# What has to be installed before a block, and what is after it; all else runs on any installation.
BEFORE = {
    "helm upgrade --install oomreport charts/oomreport -n oomreport-system --take-ownership": "kustomize",
    "helm upgrade --install": "nothing",
    "helm": "helm",
    "kubectl apply --server-side -k manifests/overlays/hostpid": "kustomize",
    "kubectl delete -k manifests": "kustomize",
}
BEFORE_BLOCK = {"docs/install.md-2": "nothing", "docs/upgrade.md-2": "kustomize"}
AFTER = {
    "helm uninstall": "leftovers",
    "helm": "helm",
    "kubectl apply --server-side -k": "kustomize",
    "kubectl delete -k": "leftovers",
}
_LOG_FILES = ("kern.log", "other-node.txt")


@dataclass
class Desk:
    """A cluster, a checkout, and the shell in which a reader types."""

    folder: Path
    installed: str = "leftovers"
    is_filled: bool = False

    def prepare(self, wanted: str | None) -> None:
        """Have the product installed by `wanted` (None: anyhow), with reports and hooks where it is."""
        if self.installed == "leftovers" or wanted not in (None, self.installed):
            self.clean()
        if self.installed == "nothing" and wanted in (None, "helm"):
            self.typed("helm upgrade --install oomreport charts/oomreport -n oomreport-system --create-namespace")
            self.installed = "helm"
        elif self.installed == "nothing" and wanted == "kustomize":
            self.typed("kubectl apply --server-side -k crds")
            self.typed("kubectl apply --server-side -k manifests/overlays/syslog")
            self.installed = "kustomize"
        if self.installed != "nothing" and not self.is_filled:
            self.fill()

    def clean(self) -> None:
        self.typed("helm uninstall oomreport -n oomreport-system --ignore-not-found --wait")
        for overlay in ("syslog", "hostpid"):
            self.typed(f"kubectl delete -k manifests/overlays/{overlay} --ignore-not-found")
        self.typed(f"kubectl delete namespace {SYSTEM} {AGENT} --ignore-not-found")
        self.typed("kubectl delete -k crds --ignore-not-found")
        self.installed, self.is_filled = "nothing", False

    def fill(self) -> None:
        """Make what the commands name: a report with advice and a delivery that failed, a hook, a node, a Lease."""
        served()
        report = a_report("web", limit="144Mi")
        status = report.pop("status")
        for one in (report, _HOOK, _NODE, _LEASE):
            kubectl("apply", "--server-side", "-f", "-", text=json.dumps(one))
        status["recommendation"]["previousLimit"] = "64Mi"
        kubectl(
            *("patch", "oomreport", "deployment-web-api", "-n", "shop", "--subresource=status", "--type=merge"),
            *("-p", json.dumps({"status": status | _STATUS})),
        )
        self.is_filled = True

    def typed(self, command: str, *, endless: bool = False) -> None:
        """Run a line in the checkout. What does not end by itself is ended, and must not have failed before."""
        path = f"{ROOT / '.venv/bin'}:{program('helm').parent}:{os.environ['PATH']}"
        kubeconfig = str(self.folder.parent / "kubeconfig")
        whole = f"timeout 4 {command}" if endless else command
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", whole],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "KUBECONFIG": kubeconfig},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        # No controller and no agent can run on an API server alone, and doctor says so.
        says = command == "oomreport doctor" and "no pod in namespace oomreport-system" in done.stdout
        good = (124,) if endless else (1,) if says else (0,)
        assert done.returncode in good, f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


_HOOK: dict[str, Any] = {
    "apiVersion": "oomreport.dev/v1alpha1",
    "kind": "OOMHook",
    "metadata": {"name": "chat", "namespace": "shop"},
    "spec": {"events": ["OOMKilled"], "webhook": {"url": "https://chat.example/hook"}},
}
_NODE: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1"}}
_LEASE: dict[str, Any] = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "oomreport-controller", "namespace": SYSTEM},
}
_STATUS: dict[str, Any] = {
    "conditions": [
        {
            "type": "Resolved",
            "status": "True",
            "reason": "Quiet",
            "message": "no kill since",
            "lastTransitionTime": "2026-11-20T20:21:07Z",
        }
    ],
    "deliveries": [
        {
            "hook": "shop/chat",
            "killID": "r1",
            "event": "OOMKilled",
            "time": "2026-11-20T20:21:07.000000Z",
            "state": "Failed",
            "finishedTime": "2026-11-20T20:21:07.000000Z",
        }
    ],
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    if not os.environ.get("OOMREPORT_CLUSTER") or not os.environ.get("KUBECONFIG") or not shutil.which("kubectl"):
        pytest.skip(f"no API server to install on; {HOW}")
    folder = tmp_path_factory.mktemp("reader") / "checkout"
    folder.mkdir()
    for name in ("crds", "charts", "manifests"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "web.yaml").write_text(workload("Deployment", "web").replace("256Mi", "64Mi"))
    text = LOG.read_text()
    for name in _LOG_FILES:
        (folder / name).write_text(text)
    (folder / "kern.log.1.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "pods.json").write_text(kubectl("get", "pods", "-A", "-o", "json"))
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = "shop"
    (folder.parent / "kubeconfig").write_text(yaml.safe_dump(config))
    os.environ["KUBECACHEDIR"] = str(tmp_path_factory.mktemp("kubectl-cache"))
    manager = binaries("kubernetes", "kube-controller-manager") / "kube-controller-manager"
    command = [manager, f"--kubeconfig={os.environ['KUBECONFIG']}", "--leader-elect=false", "--secure-port=0"]
    command += ["--kube-api-qps=200", "--kube-api-burst=400", "--concurrent-namespace-syncs=4"]
    command += ["--controllers=namespace-controller,serviceaccount-controller"]
    with (folder.parent / "namespaces.log").open("w") as log, subprocess.Popen(command, stderr=log) as namespaces:
        found = Desk(folder)
        kubectl("create", "namespace", "shop", codes=(0, 1))
        try:
            yield found
            found.clean()
        finally:
            namespaces.terminate()


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_does_what_it_says(desk: Desk, block: CommandBlock):
    first = block.commands[0]
    desk.prepare(BEFORE_BLOCK.get(str(block), _of(BEFORE, first)))
    for command in block.commands:
        if command.startswith(tuple(AFTER)):
            desk.installed, desk.is_filled = "leftovers", False
        if why_not_run(command) or ON_A_NODE.search(command):
            continue
        desk.typed(filled(command), endless=bool(ENDLESS.search(command)))
    desk.installed = _of(AFTER, first) or desk.installed


def _of(table: dict[str, str], command: str) -> str | None:
    return next((state for start, state in table.items() if command.startswith(start)), None)


def test_each_command_is_run_here_or_on_a_node_or_has_a_reason(capsys: pytest.CaptureFixture[str]):
    commands = [command for block in BLOCKS for command in block.commands]
    reasons = {command: why for command in commands if (why := why_not_run(command))}
    on_a_node = [command for command in commands if ON_A_NODE.search(command)]
    for command in reasons:
        if command.startswith("make "):
            subprocess.run(["make", "--dry-run", command.split()[1]], cwd=ROOT, capture_output=True, check=True)
    with capsys.disabled():
        here = len(commands) - len(reasons) - len(on_a_node)
        print(
            f"\n{len(BLOCKS)} command blocks with {len(commands)} commands: {here} run here, {len(on_a_node)} on a node,"
        )
        print(f"{len(reasons)} not run:")
        for command, why in reasons.items():
            print(f"  {command.partition(' .')[0]}: {why}")
    assert len(BLOCKS) > 30
