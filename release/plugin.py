"""The plugin for kubectl: one file that any Python from 3.11 on runs, and its archive and manifest for krew.

The file is a zip of Python sources: the command line of this package, and PyYAML without its compiled part. It reaches
the cluster through the user's kubectl, so that it needs no other package.
"""

import gzip
import hashlib
import io
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
NAME = "kubectl-oomreport"
HOME = "https://github.com/oomreport/oomreport"
# The processes that run in a cluster, and the models of the API, which need pydantic.
LEFT_OUT = ("agent", "controller", "api")
# Python runs a zip with a line before it; where an older Python runs it, this file must say so, so its syntax is old.
SHEBANG = b"#!/usr/bin/env python3\n"
MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("oomreport: needs Python 3.11 or newer, this is %s (%s)" % (sys.version.split()[0], sys.executable))

from oomreport.cli.main import main

sys.exit(main())
"""


def write_plugin(out: Path, version: str, epoch: int) -> None:
    """Write the archive for krew and its manifest into a folder."""
    plugin = plugin_bytes(epoch)
    archive = out / f"{NAME}-{version}.tar.gz"
    archive.write_bytes(_archive({NAME: plugin, **_licenses()}, epoch))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    text = yaml.safe_dump(_manifest(version, archive.name, digest), sort_keys=False, width=100)
    (out / "krew.yaml").write_text(text)


def plugin_bytes(epoch: int) -> bytes:
    """Return the plugin: a zip that Python runs. Every time in it is `epoch`."""
    raw = io.BytesIO()
    when = datetime.fromtimestamp(epoch, UTC).timetuple()[:6]
    with zipfile.ZipFile(raw, "w") as archive:
        for name, data in (("__main__.py", MAIN.encode()), *_sources()):
            entry = zipfile.ZipInfo(name, when)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, data, compresslevel=9)
    return SHEBANG + raw.getvalue()


def _sources() -> Iterator[tuple[str, bytes]]:
    package = ROOT / "operator/oomreport"
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package)
        if name.parts[0] not in LEFT_OUT:
            yield f"oomreport/{name}", file.read_bytes()
    for file in sorted(_pyyaml().glob("*.py")):
        yield f"yaml/{file.name}", file.read_bytes()


def _pyyaml() -> Path:
    """Return the folder of PyYAML. It must be the one that is locked."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    locked = next(one["version"] for one in packages if one["name"] == "pyyaml")
    if yaml.__version__ != locked:
        raise SystemExit(f"release: PyYAML {yaml.__version__} is installed, {locked} is locked: make install")
    return Path(yaml.__file__).parent


def _licenses() -> dict[str, bytes]:
    found = next(_pyyaml().parent.glob("pyyaml-*.dist-info")) / "licenses/LICENSE"
    return {"LICENSE": (ROOT / "LICENSE").read_bytes(), "LICENSE.PyYAML": found.read_bytes()}


def _archive(files: dict[str, bytes], epoch: int) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), epoch, 0o755 if name == NAME else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def _manifest(version: str, archive: str, digest: str) -> dict[str, object]:
    platforms = [{"key": "os", "operator": "In", "values": ["linux", "darwin"]}]
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "oomreport"},
        "spec": {
            "version": f"v{version}",
            "homepage": HOME,
            # krew's index takes 50 characters at most.
            "shortDescription": "Explain OOM kills, and the limit to set",
            "description": "Explains OOM kills: who was killed, whose limit it was, what filled the memory, what limit to"
            " set.\nReads kernel logs without a cluster, and the reports of the operator oomreport with one.\n",
            "caveats": "Needs Python 3.11 or newer as python3. Reaches the cluster through your kubectl.\n",
            "platforms": [
                {
                    "selector": {"matchExpressions": platforms},
                    "uri": f"{HOME}/releases/download/v{version}/{archive}",
                    "sha256": digest,
                    "bin": NAME,
                }
            ],
        },
    }
