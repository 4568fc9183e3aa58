"""A real Git checkout of ten workloads in every form that `oomreport apply` knows, and the reports of their kills."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from oomreport.cli.main import main

Object = dict[str, Any]
BASIS = "the container's limit fired at 256Mi (as the kernel printed it); kills so far: 3, raises seen: 0"
GROUPS = {"CronJob": "batch/v1", "Job": "batch/v1", "Pod": "v1"}


def a_report(
    workload: str,
    *,
    kind: str = "Deployment",
    container: str = "api",
    namespace: str = "shop",
    previous: str | None = "256Mi",
    limit: str | None = "480Mi",
    request: str | None = None,
    action: str = "RaiseLimit",
    **more: Any,
) -> Object:
    """A report; `more` are: review, findings, labels, annotations, and other fields of the status."""
    metadata = {key: more.pop(key) for key in ("labels", "annotations") if key in more}
    review = more.pop("review", {"decision": "Pending"})
    sizes = {"memoryLimit": limit, "memoryRequest": request, "previousLimit": previous}
    recommendation = {
        "action": action,
        **{key: size for key, size in sizes.items() if size is not None},
        "confidence": "High",
        "basis": BASIS,
    }
    time = "2026-11-20T20:21:07.433434Z"
    status = {
        "kills": 3,
        "firstKillTime": time,
        "lastKillTime": time,
        "lastKill": {
            "time": time,
            "pod": f"{workload}-7d9c-x2x4z",
            "node": "worker-3",
            "verdict": "Confirmed",
            "cause": "ContainerLimit",
            "victim": {"pid": 212, "comm": "node", "oomScore": 1873, "anonRSSBytes": 55_271_424, "reaped": False},
            "memory": {"usageBytes": 268_435_456, "limitBytes": 268_435_456},
        },
        "recommendation": recommendation,
    }
    return {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMReport",
        "metadata": {"name": f"{kind.lower()}-{workload}-{container}", "namespace": namespace, **metadata},
        "spec": {
            "workloadRef": {"apiVersion": GROUPS.get(kind, "apps/v1"), "kind": kind, "name": workload},
            "container": container,
            "review": review,
        },
        "status": status | more,
    }


def a_list(*reports: Object) -> str:
    """Reports as `kubectl get oomreports -o yaml` writes them."""
    return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": list(reports)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GitCheckout:
    """A checkout with everything committed."""

    folder: Path
    capture: Any

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "as it was")

    def git(self, *arguments: str) -> str:
        environment = os.environ | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        command = ["git", "-c", "core.autocrlf=false", "-C", str(self.folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, env=environment).stdout.decode()

    def numstat(self) -> dict[str, tuple[int, int]]:
        """Lines added and removed, by file, as `git diff --numstat` counts them."""
        self.git("add", "-A", "--intent-to-add")
        rows = [line.split("\t") for line in self.git("diff", "--numstat").splitlines()]
        return {name: (int(added), int(removed)) for added, removed, name in rows}

    def apply(self, reports: Iterable[Object], *options: str, paths: Iterable[str] = (".",)) -> Ran:
        """Run `oomreport apply` in the checkout."""
        file = self.folder.parent / "reports.yaml"
        file.write_text(a_list(*reports))
        here = Path.cwd()
        os.chdir(self.folder)
        try:
            self.capture.readouterr()
            status = main(["apply", *paths, "--reports", str(file), *options])
        finally:
            os.chdir(here)
        done = self.capture.readouterr()
        return Ran(status=status, out=done.out, err=done.err)

    def text(self, name: str) -> str:
        return (self.folder / name).read_bytes().decode()


def new_checkout(folder: Path, capture: Any) -> GitCheckout:
    checkout = GitCheckout(folder=folder / "checkout", capture=capture)
    checkout.folder.mkdir()
    checkout.git("init", "-q")
    return checkout


def workload(
    kind: str, name: str, *, memory: str = "256Mi", namespace: str | None = "shop", container: str = "api"
) -> str:
    """A manifest as people write them: comments, quotes, an order of their own."""
    where = f"\n  namespace: {namespace}" if namespace else ""
    limit = f"resources: {{limits: {{cpu: 500m, memory: {memory}}}}}   # raised in May"
    pod = f"containers:\n- image: 'example/{name}:1.2'   # pinned\n  name: {container}\n  {limit}\n"
    if kind == "Pod":
        body = f"spec:\n{_indented(pod, 2)}"
    elif kind == "CronJob":
        template = f"template:\n  spec:\n    restartPolicy: Never\n{_indented(pod, 4)}"
        body = f'spec:\n  schedule: "*/5 * * * *"\n  jobTemplate:\n    spec:\n{_indented(template, 6)}'
    elif kind == "Job":
        body = f"spec:\n  template:\n    spec:\n      restartPolicy: Never\n{_indented(pod, 6)}"
    else:
        labels = (
            f"selector: {{matchLabels: {{app: {name}}}}}\ntemplate:\n  metadata: {{labels: {{app: {name}}}}}\n  spec:\n"
        )
        service = "serviceName: none\n" if kind == "StatefulSet" else ""
        body = f"spec:\n{_indented(service + labels, 2)}{_indented(pod, 6)}"
    return f"apiVersion: {GROUPS.get(kind, 'apps/v1')}\nkind: {kind}\nmetadata:\n  name: {name}{where}\n{body}"


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


def ten_workloads() -> tuple[dict[str, str], list[Object]]:
    """Files of ten workloads (plain, kustomize, Helm values, marked lines), and a report of each."""
    files = {
        # Plain: several documents, CRLF with a byte order mark, a List in flow style.
        "plain/web.yaml": "# the shop\n---\n"
        + workload("Deployment", "web")
        + "---\n"
        + workload("CronJob", "nightly"),
        "plain/db.yml": "\ufeff" + workload("StatefulSet", "db", memory='"256Mi"').replace("\n", "\r\n"),
        "plain/list.json": '{"apiVersion": "v1", "kind": "List", "items": [\n  {"apiVersion": "apps/v1", "kind": "DaemonSet",'
        ' "metadata": {"name": "node-agent", "namespace": "shop"}, "spec": {"selector": {"matchLabels": {"app": "n"}},\n'
        '  "template": {"metadata": {"labels": {"app": "n"}}, "spec": {"containers": [{"name": "api", "image": "n:1",\n'
        '    "resources": {"limits": {"memory": "256Mi"}}}]}}}}]}\n',
        # Kustomize: the base's line, a strategic-merge patch in a file, an inline JSON 6902 patch.
        "kustomize/base/kustomization.yaml": "resources:\n- cart.yaml\n- search.yaml\n- mail.yaml\n",
        "kustomize/base/cart.yaml": workload("Deployment", "cart", namespace=None),
        "kustomize/base/search.yaml": workload("Deployment", "search", namespace=None, memory="128Mi"),
        "kustomize/base/mail.yaml": workload("Deployment", "mail", namespace=None, memory="128Mi"),
        "kustomize/prod/kustomization.yaml": "namespace: shop\nnamePrefix: prod-\nresources: [../base]\n"
        "patches:\n- path: search-memory.yaml\n- target: {kind: Deployment, name: mail}\n  patch: |-\n"
        "    # the mailer needs more here\n    - op: replace\n"
        "      path: /spec/template/spec/containers/0/resources/limits/memory\n      value: 256Mi   # since May\n",
        "kustomize/prod/search-memory.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: search}\nspec:\n"
        "  template:\n    spec:\n      containers:\n      - name: api\n        resources:\n          limits: {memory: 256Mi}\n",
        # Helm: a values file by .oomreport.yaml, one by the workload's annotation, one by marked lines.
        ".oomreport.yaml": "values:\n- workload: Deployment/pay\n  namespace: shop\n  container: api\n"
        "  file: charts/pay/values.yaml\n  resources: api.resources\nannotations: {shop: charts/mixer}\n",
        "charts/pay/values.yaml": "# values of pay\napi:\n  resources:\n    limits:\n      memory: '256Mi' # per pod\nother: 1\n",
        "charts/pay/templates/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n"
        '  name: {{ include "pay.fullname" . }}\nspec:\n  template:\n    spec:\n      containers:\n      - name: api\n'
        "        resources: {{- toYaml .Values.api.resources | nindent 10 }}\n",
        "charts/mixer/values.yaml": "resources: &r\n  limits: {memory: 256Mi, cpu: 1}\n",
        "charts/ship/values.yaml": 'memory: 256Mi   # {"$oomreport": "shop:Deployment/ship:api:limit"}\nreplicas: 2\n',
    }
    reports = [
        a_report("web"),
        a_report("nightly", kind="CronJob"),
        a_report("db", kind="StatefulSet"),
        a_report("node-agent", kind="DaemonSet"),
        a_report("prod-cart"),
        a_report("prod-search"),
        a_report("prod-mail"),
        a_report("pay"),
        a_report("mixer", annotations={"values.oomreport.dev/api": "charts/mixer/values.yaml#resources"}),
        a_report("ship"),
    ]
    return files, reports
