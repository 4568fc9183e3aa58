#!/usr/bin/env python3
"""Everything that a release publishes, made on this machine.

    make release-dry        the files below dist/release, and their checksums

The same commit gives the same bytes: each time is that of the commit, archives are sorted, nothing is drawn at random.
Nothing is uploaded. `--key FILE` signs the checksums with an SSH key (verify: ssh-keygen -Y verify -n oomreport).
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from plugin import write_plugin

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "charts/oomreport"
IMAGE = "ghcr.io/oomreport/oomreport"
# What .helmignore names; Helm is not asked, since its archives hold the time of packing.
LEFT_OUT = {".helmignore", "tests"}


def main() -> int:
    """Make the files; return the exit status."""
    parser = argparse.ArgumentParser(description="Make everything that a release publishes, on this machine.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist/release", help="write here (default: dist/release)")
    parser.add_argument("--key", type=Path, help="sign the checksums with this SSH key (default: do not sign)")
    options = parser.parse_args()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    epoch = int(_said("git", "log", "-1", "--format=%ct"))
    if options.out.exists():
        shutil.rmtree(options.out)
    options.out.mkdir(parents=True)
    _python(options.out, epoch)
    _chart(options.out, version, epoch)
    _manifest(options.out, version)
    write_plugin(options.out, version, epoch)
    (options.out / "images.txt").write_text(f"{IMAGE}:{version}\n")
    (options.out / "sbom.cdx.json").write_text(json.dumps(_bill(version), indent=1, sort_keys=True) + "\n")
    sums = "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(options.out.iterdir())
    )
    (options.out / "SHA256SUMS").write_text(sums)
    if options.key:
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-n", "oomreport", "-f", options.key, options.out / "SHA256SUMS"],
            check=True,
        )
    print(sums, end="")
    return 0


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _python(out: Path, epoch: int) -> None:
    """Build wheel and source archive; hatchling takes its times from SOURCE_DATE_EPOCH."""
    uv = shutil.which("uv") or str(ROOT / ".venv/bin/uv")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run([uv, "build", "--quiet", "--out-dir", out], cwd=ROOT, env=environment, check=True)
    for file in out.glob(".gitignore"):
        file.unlink()


def _chart(out: Path, version: str, epoch: int) -> None:
    """Pack the chart with the version, links followed."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "oomreport")
        shutil.copytree(CHART, folder, symlinks=False, ignore=shutil.ignore_patterns(*LEFT_OUT))
        about = yaml.safe_load((folder / "Chart.yaml").read_text())
        about |= {"version": version, "appVersion": version}
        (folder / "Chart.yaml").write_text(yaml.safe_dump(about, sort_keys=False))
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
            # Helm reads Chart.yaml first.
            for file in sorted(folder.rglob("*"), key=lambda one: (one.name != "Chart.yaml", str(one))):
                if file.is_file():
                    archive.addfile(*_entry(file, folder.parent, epoch))
        (out / f"oomreport-{version}.tgz").write_bytes(gzip.compress(raw.getvalue(), mtime=0))


def _entry(file: Path, above: Path, epoch: int) -> tuple[tarfile.TarInfo, io.BytesIO]:
    data = file.read_bytes()
    entry = tarfile.TarInfo(str(file.relative_to(above)))
    entry.size, entry.mtime, entry.mode = len(data), epoch, 0o644
    return entry, io.BytesIO(data)


def _manifest(out: Path, version: str) -> None:
    """Write the CRDs and the default overlay as a file each, for who has neither Helm nor kustomize."""
    for name, folder in (("crds.yaml", "crds"), ("install.yaml", "manifests/overlays/syslog")):
        text = _said(_kubectl(), "kustomize", str(ROOT / folder))
        (out / name).write_text(text.replace(f"{IMAGE}:dev", f"{IMAGE}:{version}"))


def _kubectl() -> str:
    if found := shutil.which("kubectl"):
        return found
    sys.path.insert(0, str(ROOT / "tests"))
    from cluster.lab.binaries import binaries  # noqa: PLC0415 - only where no kubectl is installed

    return str(binaries("kubernetes", "kubectl") / "kubectl")


def _bill(version: str) -> dict[str, Any]:
    """Return a bill of materials (CycloneDX 1.6): what the lock file has for the project without its groups."""
    packages = {one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "oomreport", "version": version}},
        "components": [
            {
                "type": "library",
                "name": name,
                "version": packages[name]["version"],
                "purl": f"pkg:pypi/{name}@{packages[name]['version']}",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in _digests(packages[name])],
            }
            for name in sorted(_needed("oomreport", packages) - {"oomreport"})
        ],
    }


def _needed(name: str, packages: dict[str, Any]) -> set[str]:
    found, waiting = set[str](), [name]
    while waiting:
        one = waiting.pop()
        if one not in found and one in packages:
            found.add(one)
            waiting += [other["name"] for other in packages[one].get("dependencies", ())]
    return found


def _digests(package: dict[str, Any]) -> Iterator[str]:
    if sdist := package.get("sdist"):
        yield str(sdist["hash"]).removeprefix("sha256:")


if __name__ == "__main__":
    sys.exit(main())
