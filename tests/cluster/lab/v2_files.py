"""What one cluster's cgroup v2 worker has of its own: names, addresses, certificates, and the kubelet's configuration.

The disk's image is the same for all clusters, so these files travel beside it, in the initial RAM disk of each boot.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import certificates, namespaces
from .errors import ClusterError

NODE = "v2-node"
LABEL = "oomreport.dev/cgroup"
ADDRESS = "10.99.0.2"
POD_NETWORK = "10.244.78.0/24"
POD_GATEWAY = "10.244.78.1/24"
# Of the files below, those that only root may read.
PRIVATE = ("etc/kubernetes/kubelet.kubeconfig", "etc/kubernetes/pki/kubelet.key", "root/.ssh/authorized_keys")


def wanted_certificates() -> list[certificates.Certificate]:
    """The kubelet as a server and as a client."""
    return [
        certificates.server("v2-kubelet-server", f"/CN={NODE}", f"DNS:{NODE}", f"IP:{ADDRESS}"),
        certificates.client("v2-kubelet", user=f"system:node:{NODE}", group="system:nodes"),
    ]


def cni_conflist() -> str:
    """One bridge for the pods. No masquerading and no host ports: the rest of the cluster has a route to these pods,
    and every rule is a program run at every start of a pod.
    """
    addresses = {
        "type": "host-local",
        "dataDir": "/var/lib/cni/networks",
        "ranges": [[{"subnet": POD_NETWORK}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipam": addresses}
    return json.dumps({"cniVersion": "1.0.0", "name": "lab", "plugins": [bridge]}, indent=1)


def kubelet_configuration(changes: Mapping[str, Any]) -> str:
    """The kubelet's configuration: what a systemd node has, and `changes` over it. JSON, which is YAML."""
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": "/etc/kubernetes/pki/kubelet.crt",
        "tlsPrivateKeyFile": "/etc/kubernetes/pki/kubelet.key",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "systemd",
        "resolvConf": "/etc/resolv.conf",
        "imageGCHighThresholdPercent": 100,
        # There are no rules here that would need them.
        "makeIPTablesUtilChains": False,
        "evictionHard": {"memory.available": "100Mi"},
        # kubepods.slice gets a limit: the machine's memory less what is reserved, which is nothing unless asked for.
        "enforceNodeAllocatable": ["pods"],
        "crashLoopBackOff": {"maxContainerRestartPeriod": "5s"},
        # Pods that do not choose a node go to the first one, where they start faster.
        "registerWithTaints": [{"key": LABEL, "value": "v2", "effect": "PreferNoSchedule"}],
    }
    return json.dumps({**configuration, **changes}, indent=1)


def kubelet_changes(text: str) -> dict[str, Any]:
    """Changes to the kubelet's configuration, from JSON; raises ClusterError when they are no object."""
    try:
        changes = json.loads(text) if text else {}
    except ValueError as error:
        raise ClusterError(f"the kubelet's settings are no JSON ({error}): {text}") from error
    if not isinstance(changes, dict):
        raise ClusterError(f"the kubelet's settings are no JSON object: {text}")
    return changes


def node_files(*, pki: Path, authorized_key: str, cluster: str, changes: Mapping[str, Any]) -> dict[str, bytes]:
    """Path on the disk, without a leading slash, and content."""
    environment = {
        "NODE": NODE,
        "ADDRESS": ADDRESS,
        "GATEWAY": namespaces.ADDRESS,
        "POD_GATEWAY": POD_GATEWAY,
        "LABELS": f"{LABEL}=v2",
    }
    texts = {
        "etc/hostname": f"{NODE}\n",
        "etc/hosts": f"127.0.0.1 localhost\n{ADDRESS} {NODE}\n",
        "etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        # Kept through reboots and power cuts, as a real machine's is.
        "etc/machine-id": f"{hashlib.md5(f'{cluster}/{NODE}'.encode(), usedforsecurity=False).hexdigest()}\n",
        "etc/oomreport/node.env": "".join(f"{key}={value}\n" for key, value in environment.items()),
        "etc/cni/net.d/10-lab.conflist": cni_conflist(),
        "etc/kubernetes/kubelet.json": kubelet_configuration(changes),
        "root/.ssh/authorized_keys": authorized_key,
    }
    copies = {
        "etc/kubernetes/kubelet.kubeconfig": "v2-kubelet.kubeconfig",
        "etc/kubernetes/pki/ca.crt": "ca.crt",
        "etc/kubernetes/pki/kubelet.crt": "v2-kubelet-server.crt",
        "etc/kubernetes/pki/kubelet.key": "v2-kubelet-server.key",
    }
    return {
        **{path: text.encode() for path, text in texts.items()},
        **{path: (pki / name).read_bytes() for path, name in copies.items()},
    }
