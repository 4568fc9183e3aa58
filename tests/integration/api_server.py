"""A real API server by kubectl and plain JSON, as an administrator or as the holder of a token."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from oomreport.incident.oom_record import record_name
from oomreport.names import API_VERSION

Object = dict[str, Any]
MANIFESTS = Path(__file__).parents[2] / "manifests"
AGENT = "oomreport-agent"
CONTROLLER = "oomreport-controller"
AGENT_NAMESPACE = "oomreport-agent"
CONTROLLER_NAMESPACE = "oomreport-system"
# What the API server alone cannot do without nodes, and should not do with some: run the product.
WORKLOADS = {"DaemonSet", "Deployment"}
BOOT = "9f1c2b7a-1111-2222-3333-444455556666"
TIME = "2026-11-20T20:21:07.433434Z"


class RefusedError(Exception):
    """The API server, or kubectl, said no; the text is its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Someone who calls the API server: the administrator of KUBECONFIG, or whom another kubeconfig names."""

    kubeconfig: str | None = None

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what kubectl prints; raise RefusedError with what it complains about."""
        environment = os.environ | ({"KUBECONFIG": self.kubeconfig} if self.kubeconfig else {})
        command = ["kubectl", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise RefusedError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def create(self, *objects: Object, dry_run: bool = False) -> None:
        """Create objects; unknown fields are an error."""
        options = ["--validate=strict", *(["--dry-run=server"] if dry_run else [])]
        for one in objects:
            self.kubectl("create", *options, "-f", "-", stdin=json.dumps(one))

    def apply(self, *objects: Object, options: tuple[str, ...] = ()) -> str:
        """Apply objects on the server's side."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        return self.kubectl("apply", "--server-side", "--force-conflicts", *options, "-f", "-", stdin=text)

    def merge(self, kind: str, name: str, patch: Object, *options: str) -> None:
        """Apply a JSON merge patch."""
        self.kubectl("patch", kind, name, *options, "--type=merge", "-p", json.dumps(patch))

    def get(self, kind: str, name: str, *options: str) -> Object:
        """Return an object."""
        found: Object = json.loads(self.kubectl("get", kind, name, *options, "-o", "json"))
        return found

    def names(self, kind: str, *options: str) -> set[str]:
        """Return the names of objects."""
        return {
            item["metadata"]["name"] for item in json.loads(self.kubectl("get", kind, *options, "-o", "json"))["items"]
        }


ADMIN = Caller()


def holder_of(token: str, folder: Path) -> Caller:
    """Return the caller who has a token and nothing else: with the administrator's certificate beside it, that would
    win.
    """
    config = json.loads(ADMIN.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    file = folder / f"kubeconfig-{len(list(folder.iterdir()))}"
    file.write_text(json.dumps(config))
    return Caller(kubeconfig=str(file))


@cache
def manifests(overlay: str) -> list[Object]:
    """Return the CRDs and the objects of an overlay, as `kubectl apply -k` would send them."""
    folders = (MANIFESTS.parent / "crds", MANIFESTS / "overlays" / overlay)
    texts = (ADMIN.kubectl("kustomize", str(folder)) for folder in folders)
    return [one for text in texts for one in yaml.safe_load_all(text) if one]


def install(objects: list[Object], *, seconds: int = 30) -> None:
    """Apply objects but the workloads: CRDs and namespaces first, which are waited for so long at most."""
    first = [one for one in objects if one["kind"] in {"Namespace", "CustomResourceDefinition"}]
    ADMIN.apply(*first)
    kinds = [f"crd/{one['metadata']['name']}" for one in first if one["kind"] == "CustomResourceDefinition"]
    ADMIN.kubectl("wait", "--for=condition=Established", f"--timeout={seconds}s", *kinds)
    ADMIN.apply(*(one for one in objects if one not in first and one["kind"] not in WORKLOADS))


def token(account: str, namespace: str, *, bound_to: str | None = None) -> str:
    """Return a token of a service account by TokenRequest, bound to a pod or to nothing."""
    bound = ["--bound-object-kind=Pod", f"--bound-object-name={bound_to}"] if bound_to else []
    if bound_to:
        bound.append(f"--bound-object-uid={ADMIN.get('pod', bound_to, '-n', namespace)['metadata']['uid']}")
    return ADMIN.kubectl("create", "token", account, "-n", namespace, *bound).strip()


def node(name: str) -> Object:
    """Return a node that nobody runs."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def pod(name: str, namespace: str, **spec: Any) -> Object:
    """Return a pod; `spec` is added to one that the level `restricted` allows."""
    container = {
        "name": "api",
        "image": "none",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    secure = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [container], "securityContext": secure, "automountServiceAccountToken": False} | spec,
    }


def record(node_name: str = "worker-3", *, name: str | None = None, stamp_us: int = 35_435_120, **spec: Any) -> Object:
    """Return a small record of a node; `spec` is added to it."""
    name = name or record_name(node_name=node_name, boot_id=BOOT, stamp_us=stamp_us)
    small = {"nodeName": node_name, "bootID": BOOT, "time": TIME, "source": "Kmsg", "scope": "Container"}
    return {"apiVersion": API_VERSION, "kind": "OOMRecord", "metadata": {"name": name}, "spec": small | spec}


def report(name: str, namespace: str, **spec: Any) -> Object:
    """Return a report of Deployment web, container api; `spec` is added to it."""
    whose = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "container": "api"}
    return {
        "apiVersion": API_VERSION,
        "kind": "OOMReport",
        "metadata": {"name": name, "namespace": namespace},
        "spec": whose | spec,
    }


def eventually(what: str, look: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait until `look` is true: policies, rights and new kinds are in force a moment after they were written."""
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.2)
