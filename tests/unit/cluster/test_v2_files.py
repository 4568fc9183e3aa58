"""What a cluster gives its cgroup v2 worker, and the files of the guest that rely on it."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from cluster.lab import certificates, v2_files
from cluster.lab.errors import ClusterError
from cluster.lab.node_files import PAUSE_IMAGE
from cluster.lab.v2_image import GUEST, PROGRAMS

UNITS = GUEST / "root/etc/systemd/system"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    certificates.create(tmp_path, v2_files.wanted_certificates())
    certificates.write_kubeconfig(tmp_path, "v2-kubelet", url="https://10.99.0.1:6443")
    return v2_files.node_files(pki=tmp_path, authorized_key="ssh-ed25519 AAAA\n", cluster="dev", changes={})


def test_every_file_the_kubelet_is_told_of_is_there(files: dict[str, bytes]) -> None:
    text = files["etc/kubernetes/kubelet.json"].decode() + (UNITS / "kubelet.service").read_text()
    named = set(re.findall(r"/(etc/kubernetes/[\w./-]+)", text))
    assert len(named) == 5
    assert named <= files.keys()


def test_every_variable_of_a_unit_is_in_the_environment_file(files: dict[str, bytes]) -> None:
    given = {line.partition("=")[0] for line in files["etc/oomreport/node.env"].decode().splitlines()}
    used = {
        name
        for file in (*UNITS.glob("*.service"), GUEST / "root/usr/local/sbin/node-network")
        for name in re.findall(r"\$\{?([A-Z_]+)", file.read_text())
    }
    assert used == given


def test_the_kubelet_uses_the_key_of_its_certificate(files: dict[str, bytes], tmp_path: Path) -> None:
    for kind in ("crt", "key"):
        assert files[f"etc/kubernetes/pki/kubelet.{kind}"] == (tmp_path / f"v2-kubelet-server.{kind}").read_bytes()


def test_private_files_are_among_the_files(files: dict[str, bytes]) -> None:
    assert set(v2_files.PRIVATE) <= files.keys()
    assert all(path in v2_files.PRIVATE for path, content in files.items() if b"PRIVATE KEY" in content)


def test_two_clusters_have_different_machines(tmp_path: Path, files: dict[str, bytes]) -> None:
    other = v2_files.node_files(pki=tmp_path, authorized_key="", cluster="api", changes={})
    assert other["etc/machine-id"] != files["etc/machine-id"]
    assert re.fullmatch(rb"[0-9a-f]{32}\n", files["etc/machine-id"])


def test_changes_lie_over_the_kubelets_configuration() -> None:
    changes = {"kubeReserved": {"memory": "1200Mi"}, "cgroupDriver": "cgroupfs"}
    changed = json.loads(v2_files.kubelet_configuration(changes))
    assert changed == {**json.loads(v2_files.kubelet_configuration({})), **changes}


@pytest.mark.parametrize("text", ["", "{}"])
def test_no_changes_are_none(text: str) -> None:
    assert v2_files.kubelet_changes(text) == {}


@pytest.mark.parametrize("text", ["{x", "[]", "3", "null"])
def test_changes_that_are_no_object_are_named(text: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(text)):
        v2_files.kubelet_changes(text)


def test_both_nodes_use_the_same_pause_image() -> None:
    guest = tomllib.loads((GUEST / "root/etc/containerd/config.toml").read_text())
    assert guest["plugins"]["io.containerd.cri.v1.images"]["pinned_images"]["sandbox"] == PAUSE_IMAGE


def test_programs_are_where_units_and_configurations_look() -> None:
    placed = {f"/{folder}/{program}" for places in PROGRAMS.values() for program, folder in places.items()}
    text = "".join(file.read_text() for file in (*UNITS.glob("*"), GUEST / "root/etc/containerd/config.toml"))
    named = set(re.findall(r"/usr/local/(?:bin|sbin)/[\w-]+", text)) - {"/usr/local/sbin/node-network"}
    assert named == {"/usr/local/bin/containerd", "/usr/local/bin/kubelet", "/usr/local/sbin/runc"}
    assert named <= placed
    plugins = {one["type"] for one in json.loads(v2_files.cni_conflist())["plugins"]}
    assert plugins == {"bridge"}
    assert {f"/opt/cni/bin/{name}" for name in ("bridge", "host-local", "loopback")} <= placed


def test_no_unit_of_ours_is_masked() -> None:
    masked = {line for line in (GUEST / "masked-units").read_text().splitlines() if line and line[0] != "#"}
    assert masked
    assert not masked & {file.name for file in UNITS.iterdir()}
