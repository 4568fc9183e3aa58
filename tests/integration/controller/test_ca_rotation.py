"""A rotation of the cluster's CA, which neither the controller nor an agent is restarted for.

A second kube-apiserver on the same etcd gets the new certificate, so that the tests' own way to the cluster stays.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.lab import control_plane, state
from integration.api_server import AGENT, AGENT_NAMESPACE, CONTROLLER, CONTROLLER_NAMESPACE, token
from integration.controller.client import eventually, report_at
from integration.controller.process import PROGRAM, Controller, free_port
from integration.controller.shop import Shop, record
from integration.controller.test_reports import send
from oomreport.adapters.cluster.record_client import Delivered, RecordClient
from support.api import certificate

# The folder of a pod's service account, in a mount namespace of the controller's own.
_MOUNTED = (
    "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount"
    ' && mount --bind "$1" /run/secrets/kubernetes.io/serviceaccount && shift && exec "$@"'
)


class SecondServer:
    """A kube-apiserver beside the cluster's own; each start takes another certificate."""

    def __init__(self, known: state.State, folder: Path) -> None:
        self.port, self._known, self._folder = free_port(), known, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, name: str) -> Path:
        """Start it with a certificate of a CA of its own; return the file of that CA."""
        own = self._folder / name
        own.mkdir()
        ca, _ = certificate(own)
        known = self._known
        program = shutil.which("kube-apiserver", path=os.pathsep.join(known.path))
        assert program
        command = control_plane.api_server(
            program=Path(program),
            folder=known.folder,
            address="127.0.0.1",
            port=self.port,
            etcd_port=int(known.facts["etcd"]),
        )
        tls = [f"--tls-cert-file={ca}", f"--tls-private-key-file={own / 'tls.key'}", f"--cert-dir={own}"]
        kept = [one for one in command if not one.startswith(("--tls-", "--cert-dir"))]
        with (own / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*kept, *tls, *control_plane.ALONE], stdout=log, stderr=log, start_new_session=True
            )
        eventually(f"the API server {name}", lambda: self._answers(ca), seconds=120)
        return ca

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self, ca: Path) -> bool:
        command = ["curl", "-sf", "--cacert", str(ca), f"https://127.0.0.1:{self.port}/readyz"]
        return subprocess.run(command, check=False, capture_output=True).stdout == b"ok"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SecondServer]:
    known = state.load(os.environ.get("OOMREPORT_CLUSTER", ""))
    if known is None or "etcd" not in known.facts:
        pytest.skip("needs the etcd of a cluster by `tests/cluster/cluster up --api-only`")
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs root: the controller gets a mount namespace of its own")
    made = SecondServer(known, tmp_path)
    yield made
    made.stop()


def reported(shop: Shop, name: str) -> int:
    return int(((report_at(shop.client, shop.namespace, name) or {}).get("status") or {}).get("kills", 0))


@pytest.mark.timeout(600)
def test_reports_are_written_again_once_the_new_ca_is_mounted(shop: Shop, server: SecondServer, tmp_path: Path) -> None:
    account = tmp_path / "account"
    account.mkdir()
    old_ca = server.start("old")
    (account / "token").write_text(token(CONTROLLER, CONTROLLER_NAMESPACE))
    (account / "namespace").write_text(CONTROLLER_NAMESPACE)
    (account / "ca.crt").write_bytes(old_ca.read_bytes())
    agent_token = tmp_path / "agent-token"
    agent_token.write_text(token(AGENT, AGENT_NAMESPACE))
    agent = RecordClient(f"https://127.0.0.1:{server.port}", token_file=agent_token, ca_file=account / "ca.crt")
    controller = Controller(
        "",
        tmp_path,
        program=("unshare", "--mount", "sh", "-c", _MOUNTED, "sh", str(account), str(PROGRAM)),
        variables={"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)},
    )
    try:
        controller.wait_ready()
        before, after = shop.name("before"), shop.name("after")
        pods = {name: shop.deployment(name) for name in (before, after)}
        send(shop.client, record(pods[before], node=shop.node))
        eventually("a report before the rotation", lambda: reported(shop, f"deployment-{before}-api") == 1)

        server.stop()
        new_ca = server.start("new")
        send(shop.client, record(pods[after], node=shop.node))
        assert not isinstance(agent.create(json.dumps(record(pods[after], node=shop.node)).encode()), Delivered)
        eventually("a server that is not trusted", lambda: "certificate" in controller.log.read_text(), seconds=60)
        assert reported(shop, f"deployment-{after}-api") == 0

        # As the kubelet writes a volume: the new file is whole before it has the name.
        (account / "new").write_bytes(old_ca.read_bytes() + new_ca.read_bytes())
        (account / "new").rename(account / "ca.crt")
        eventually("a report after it", lambda: reported(shop, f"deployment-{after}-api") == 1, seconds=90)
        answer = agent.create(json.dumps(record(pods[after], node=shop.node)).encode())
        # Its node is none that this token is bound to: the API server has heard it, and said so.
        assert "certificate" not in str(answer)
        assert "HTTP 4" in str(answer) or isinstance(answer, Delivered)
        assert controller.process.poll() is None
    finally:
        controller.stop()
        print(controller.log.read_text())
