"""A Prometheus of Debian's in the cluster, and the controller told of it by its own option."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from bench.programs.image import IMAGE
from e2e.kube import CONTROLLER_NAMESPACE, Object, apply, eventually, item, kubectl, roll_out
from e2e.nodes import chosen

NAMESPACE = "bench-metrics"
_NAME = "prometheus"
_CONTROLLER = "deployment/oomreport-controller"
_ARGUMENTS = "/spec/template/spec/containers/0/args"
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"


@contextmanager
def prometheus() -> Iterator[None]:
    """Have the controller read running memory from a Prometheus that scrapes the kubelet every 15 s."""
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true")
    kubectl("create", "namespace", NAMESPACE)
    apply(*_rights(), _configuration(), _pod(), _service())
    kubectl("wait", "pod", _NAME, "-n", NAMESPACE, "--for=condition=Ready", "--timeout=90s")
    address = eventually("an address", lambda: item("service", _NAME, NAMESPACE))["spec"]["clusterIP"]
    _patch({"op": "add", "path": _ARGUMENTS, "value": [f"--prometheus-url=http://{address}:9090"]})
    try:
        yield
    finally:
        _patch({"op": "remove", "path": _ARGUMENTS})
        kubectl("delete", "clusterrole,clusterrolebinding", NAMESPACE, "--ignore-not-found")
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def _patch(change: Object) -> None:
    kubectl("patch", _CONTROLLER, "-n", CONTROLLER_NAMESPACE, "--type=json", "-p", json.dumps([change]))
    roll_out(_CONTROLLER, CONTROLLER_NAMESPACE)


def _object(version: str, kind: str, name: str, **more: object) -> Object:
    namespaced = {} if kind.startswith("Cluster") else {"namespace": NAMESPACE}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **namespaced}, **more}


def _rights() -> list[Object]:
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["nodes/proxy", "nodes/metrics"], "verbs": ["get"]}]
    account = {"kind": "ServiceAccount", "name": _NAME, "namespace": NAMESPACE}
    role = {"apiGroup": group, "kind": "ClusterRole", "name": NAMESPACE}
    return [
        _object("v1", "ServiceAccount", _NAME),
        _object(f"{group}/v1", "ClusterRole", NAMESPACE, rules=rules),
        _object(f"{group}/v1", "ClusterRoleBinding", NAMESPACE, subjects=[account], roleRef=role),
    ]


def _configuration() -> Object:
    job = {
        "job_name": "kubelet",
        "scheme": "https",
        "metrics_path": f"/api/v1/nodes/{chosen().name}/proxy/metrics/resource",
        "authorization": {"credentials_file": f"{_TOKEN}/token"},
        "tls_config": {"ca_file": f"{_TOKEN}/ca.crt"},
        "static_configs": [{"targets": [_api_server()]}],
        # Its other series are not asked for.
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "regex": "container_memory_working_set_bytes", "action": "keep"}
        ],
    }
    # JSON is YAML.
    text = json.dumps({"global": {"scrape_interval": "15s"}, "scrape_configs": [job]})
    return _object("v1", "ConfigMap", _NAME, data={"prometheus.yml": text})


def _api_server() -> str:
    spec = eventually("the API server's address", lambda: item("service", "kubernetes", "default"))["spec"]
    return f"{spec['clusterIP']}:{spec['ports'][0]['port']}"


def _pod() -> Object:
    container = {
        "name": _NAME,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "command": ["prometheus", "--config.file=/etc/bench/prometheus.yml", "--storage.tsdb.path=/tmp/data"],
        "volumeMounts": [{"name": "configuration", "mountPath": "/etc/bench"}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": 9090}, "periodSeconds": 2},
    }
    spec = {
        "serviceAccountName": _NAME,
        "nodeSelector": {"kubernetes.io/hostname": chosen().name},
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "configuration", "configMap": {"name": _NAME}}],
    }
    made = _object("v1", "Pod", _NAME, spec=spec)
    made["metadata"]["labels"] = {"app": _NAME}
    return made


def _service() -> Object:
    return _object("v1", "Service", _NAME, spec={"selector": {"app": _NAME}, "ports": [{"port": 9090}]})
