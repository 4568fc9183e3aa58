"""The files a node's daemons are configured by."""

import json
from pathlib import Path

from .namespaces import ADDRESS, POD_NETWORK

PAUSE_IMAGE = "registry.k8s.io/pause:3.10"


def containerd_toml(*, folder: Path, runc: Path, cni: Path, snapshotter: str, may_lower_oom_score: bool) -> str:
    """containerd's configuration, everything it keeps in `folder`."""
    state = folder / "containerd"
    return f"""\
version = 3
root = '{state}/root'
state = '{state}/state'
oom_score = 0

[grpc]
  address = '{socket(folder)}'

[ttrpc]
  address = '{socket(folder)}.ttrpc'

[plugins.'io.containerd.cri.v1.images']
  snapshotter = '{snapshotter}'

  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = '{PAUSE_IMAGE}'

[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE an oom_score_adj cannot be lowered, and pods of system priority would not start.
  restrict_oom_score_adj = {json.dumps(not may_lower_oom_score)}
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true

  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'

    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = false
      BinaryName = '{runc}/runc'

  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['{cni}']
    conf_dir = '{folder}/cni'

[plugins.'io.containerd.internal.v1.opt']
  path = '{state}/opt'

[plugins.'io.containerd.nri.v1.nri']
  disable = true
"""


def socket(folder: Path) -> Path:
    """containerd's socket; short, since a unix socket's path has room for 107 bytes."""
    return folder / "containerd.sock"


def cni_conflist() -> str:
    """One bridge for all pods of the node."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": "/var/lib/cni/networks",
            "ranges": [[{"subnet": POD_NETWORK}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "1.0.0", "name": "lab", "plugins": [bridge, ports]}, indent=1)


def kubelet_configuration(*, folder: Path, cgroup: str, may_lower_oom_score: bool) -> str:
    """The kubelet's configuration. JSON, which is YAML."""
    certificates = folder / "pki"
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(certificates / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificates / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(certificates / "kubelet-server.key"),
        "containerRuntimeEndpoint": f"unix://{socket(folder)}",
        "cgroupDriver": "cgroupfs",
        # Never the root: the kubelet removes pod groups that it does not know.
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "resolvConf": str(folder / "resolv.conf"),
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi"},
        "volumePluginDir": str(folder / "volume-plugins"),
        "syncFrequency": "5s",
        # A crash loop of five kills takes 20 s, not two minutes and a half.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "5s"},
        **({} if may_lower_oom_score else {"oomScoreAdj": 0}),
    }
    return json.dumps(configuration, indent=1)
