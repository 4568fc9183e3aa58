"""What a release publishes: the same bytes from the same commit, one version, and no name of a build of ours."""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from chart.helm import ROOT, Objects, built, objects_of, rendered, without_owner

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def made(folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, ROOT / "release/dry.py", "--out", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("release") / "one")


def images(objects: Objects) -> set[str]:
    return {
        container["image"]
        for one in objects.values()
        if one["kind"] in ("Deployment", "DaemonSet")
        for container in one["spec"]["template"]["spec"]["containers"]
    }


def test_the_same_commit_gives_the_same_bytes(release: Path, tmp_path: Path):
    again = made(tmp_path / "two")
    assert {file.name: file.read_bytes() for file in again.iterdir()} == {
        file.name: file.read_bytes() for file in release.iterdir()
    }


def test_the_checksums_are_those_of_every_other_file(release: Path):
    sums = dict(reversed(line.split("  ")) for line in (release / "SHA256SUMS").read_text().splitlines())
    assert sums.keys() == {file.name for file in release.iterdir()} - {"SHA256SUMS"}
    for name, expected in sums.items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == expected


def test_chart_and_manifest_run_the_image_of_the_release(release: Path):
    image = {f"ghcr.io/oomreport/oomreport:{VERSION}"}
    chart = rendered({"namespace": {"create": True}}, chart=release / f"oomreport-{VERSION}.tgz")
    plain = objects_of((release / "crds.yaml").read_text() + "\n---\n" + (release / "install.yaml").read_text())
    assert images(chart) == images(plain) == image
    assert set((release / "images.txt").read_text().split()) == image
    assert without_owner(chart) == without_owner(plain)
    assert plain.keys() == built(ROOT / "manifests/overlays/syslog").keys()


def test_one_registry_takes_the_place_of_every_registry(release: Path):
    values = {"global": {"imageRegistry": "registry.local"}}
    chart = rendered(values, chart=release / f"oomreport-{VERSION}.tgz")
    assert images(chart) == {f"registry.local/oomreport/oomreport:{VERSION}"}


def test_the_wheel_holds_the_package_and_no_test(release: Path):
    with zipfile.ZipFile(release / f"oomreport-{VERSION}-py3-none-any.whl") as wheel:
        folders = {name.partition("/")[0] for name in wheel.namelist()}
    assert folders == {"oomreport", f"oomreport-{VERSION}.dist-info"}


def test_the_plugin_for_kubectl_is_small_and_its_manifest_is_what_krew_takes(release: Path):
    archive = release / f"kubectl-oomreport-{VERSION}.tar.gz"
    assert archive.stat().st_size < 600_000
    with tarfile.open(archive) as packed:
        files = {one.name: oct(one.mode) for one in packed}
    assert files == {"LICENSE": "0o644", "LICENSE.PyYAML": "0o644", "kubectl-oomreport": "0o755"}
    manifest = yaml.safe_load((release / "krew.yaml").read_text())
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("Plugin", "oomreport")
    assert re.fullmatch(r"v\d+\.\d+\.\d+", manifest["spec"]["version"])
    assert len(manifest["spec"]["shortDescription"]) <= 50
    (platform,) = manifest["spec"]["platforms"]
    assert platform["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert platform["uri"].endswith(f"/{archive.name}")
    assert platform["bin"] in files


def test_the_bill_of_materials_names_what_the_project_needs_and_no_tool_of_its_tests(release: Path):
    parts = {one["name"]: one for one in json.loads((release / "sbom.cdx.json").read_text())["components"]}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {one.split(">")[0].strip() for one in declared} <= parts.keys()
    assert not parts.keys() & {"pytest", "ruff", "mypy"}
    assert all(one["version"] and one["hashes"] for one in parts.values())


def test_the_chart_in_the_tree_is_a_version_before_the_release():
    about = yaml.safe_load((ROOT / "charts/oomreport/Chart.yaml").read_text())
    assert about["version"] == f"{VERSION}-dev"
    assert about["appVersion"] == "dev"
