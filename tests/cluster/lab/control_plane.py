"""Command lines of etcd and the control plane, for the full cluster and for the API server alone."""

from pathlib import Path

from .namespaces import ADDRESS, POD_NETWORK, SERVICE_NETWORK


def etcd(*, program: Path, folder: Path, port: int, peer_port: int) -> list[str]:
    """One etcd on the loopback interface. What a crash of the machine would lose is of no interest here."""
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [
        str(program),
        "--unsafe-no-fsync",
        # The most that etcd advises; by default it refuses all writes from 2 GiB on, which 100 000 pods reach.
        f"--quota-backend-bytes={8 << 30}",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--log-level=warn",
    ]


def api_server(*, program: Path, folder: Path, address: str, port: int, etcd_port: int) -> list[str]:
    """A kube-apiserver with what every real one has: Node and RBAC authorization, NodeRestriction, bound tokens."""
    certificates = folder / "pki"
    return [
        str(program),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--bind-address={address}",
        f"--advertise-address={address}",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'apiserver'}",
        f"--client-ca-file={certificates / 'ca.crt'}",
        f"--tls-cert-file={certificates / 'apiserver.crt'}",
        f"--tls-private-key-file={certificates / 'apiserver.key'}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={certificates / 'sa.key'}",
        f"--service-account-key-file={certificates / 'sa.pub'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
    ]


def kubelet_access(folder: Path) -> list[str]:
    """How the API server reaches kubelets, for logs and exec."""
    certificates = folder / "pki"
    return [
        f"--kubelet-certificate-authority={certificates / 'ca.crt'}",
        f"--kubelet-client-certificate={certificates / 'kubelet-client.crt'}",
        f"--kubelet-client-key={certificates / 'kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
    ]


# Without controllers nobody makes a namespace's default service account, or the endpoints of the API's own Service.
ALONE = ["--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none"]


def controller_manager(*, program: Path, folder: Path) -> list[str]:
    """A kube-controller-manager, each controller with its own rights."""
    return [
        str(program),
        *_as(folder, "controller-manager"),
        f"--service-account-private-key-file={folder / 'pki' / 'sa.key'}",
        f"--root-ca-file={folder / 'pki' / 'ca.crt'}",
        "--use-service-account-credentials=true",
    ]


def scheduler(*, program: Path, folder: Path) -> list[str]:
    """A kube-scheduler."""
    return [str(program), *_as(folder, "scheduler")]


def _as(folder: Path, name: str) -> list[str]:
    kubeconfig = folder / "pki" / f"{name}.kubeconfig"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder / name}",
        "--leader-elect=false",
    ]


def kubelet(*, program: Path, folder: Path, node: str) -> list[str]:
    """The kubelet of the one node."""
    return [
        str(program),
        f"--config={folder / 'kubelet.json'}",
        f"--kubeconfig={folder / 'pki' / 'kubelet.kubeconfig'}",
        f"--root-dir={folder / 'kubelet'}",
        f"--cert-dir={folder / 'kubelet-pki'}",
        f"--hostname-override={node}",
        f"--node-ip={ADDRESS}",
        "--v=2",
    ]


def kube_proxy(*, program: Path, folder: Path, node: str) -> list[str]:
    """kube-proxy, so that pods reach Services and the API server by its cluster address."""
    return [
        str(program),
        f"--kubeconfig={folder / 'pki' / 'proxy.kubeconfig'}",
        "--proxy-mode=iptables",
        "--bind-address=127.0.0.1",
        "--healthz-bind-address=127.0.0.1:10256",
        "--metrics-bind-address=127.0.0.1:10249",
        f"--hostname-override={node}",
        f"--cluster-cidr={POD_NETWORK}",
        # The limits of connection tracking belong to the machine, not to this network namespace.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    ]
