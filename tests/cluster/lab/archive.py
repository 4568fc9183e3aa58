"""Container images of one layer, written as an archive that `ctr`, `docker load` and `kind load` all take.

The archive is an OCI layout that carries docker's manifest.json too. The same input gives the same bytes.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file or (with `content` None) a folder of a layer, by a path without a leading slash."""

    path: str
    content: bytes | None
    mode: int = 0o644


BASE = (
    File(path="etc", content=None, mode=0o755),
    File(path="etc/passwd", content=b"root:x:0:0::/:\nnobody:x:65534:65534::/:\n"),
    File(path="tmp", content=None, mode=0o1777),
)


def architecture() -> str:
    """This machine's architecture as images name it."""
    return ARCHITECTURE.get(platform.machine(), platform.machine())


def tarball(files: Iterable[File]) -> bytes:
    """An uncompressed tar, every time and owner zero."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            entry = tarfile.TarInfo(file.path)
            entry.mode = file.mode
            if file.content is None:
                entry.type = tarfile.DIRTYPE
                tar.addfile(entry)
            else:
                entry.size = len(file.content)
                tar.addfile(entry, io.BytesIO(file.content))
    return output.getvalue()


def _digest(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": f"sha256:{_digest(blob)}", "size": len(blob)}


def image(*, name: str, program: bytes, entrypoint: str) -> bytes:
    """The archive of an image `name` (with its tag) whose one program is `entrypoint`, an absolute path."""
    layer = tarball([*BASE, File(path=entrypoint.lstrip("/"), content=program, mode=0o755)])
    config = _json(
        {
            "architecture": architecture(),
            "os": "linux",
            "config": {"Entrypoint": [entrypoint], "Env": ["PATH=/"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [_descriptor(LAYER, layer)],
        }
    )
    reference = {
        **_descriptor(MANIFEST, manifest),
        "platform": {"architecture": architecture(), "os": "linux"},
        "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]},
    }
    docker = [
        {"Config": f"blobs/sha256/{_digest(config)}", "RepoTags": [name], "Layers": [f"blobs/sha256/{_digest(layer)}"]}
    ]
    return tarball(
        [
            File(path="oci-layout", content=_json({"imageLayoutVersion": "1.0.0"})),
            File(path="index.json", content=_json({"schemaVersion": 2, "manifests": [reference]})),
            File(path="manifest.json", content=_json(docker)),
            *(File(path=f"blobs/sha256/{_digest(blob)}", content=blob) for blob in (layer, config, manifest)),
        ]
    )


def names(archive: Path) -> list[str]:
    """The image names in an OCI or Docker archive; raises ValueError when it is neither, or holds no name."""
    found: list[str] = []
    try:
        with tarfile.open(archive) as tar:
            members = {member.name.removeprefix("./"): member for member in tar.getmembers()}
            if "manifest.json" in members:
                for entry in _member(tar, members["manifest.json"]):
                    found.extend(entry.get("RepoTags") or [])
            if not found and "index.json" in members:
                for entry in _member(tar, members["index.json"])["manifests"]:
                    notes = entry.get("annotations") or {}
                    found.extend(
                        filter(
                            None,
                            [notes.get("io.containerd.image.name") or notes.get("org.opencontainers.image.ref.name")],
                        )
                    )
    except (tarfile.TarError, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{archive} is no OCI or Docker image archive ({error})") from error
    if not found:
        raise ValueError(
            f"{archive} names no image: it has neither a manifest.json with RepoTags nor an index.json with names"
        )
    return found


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
    file = tar.extractfile(member)
    if file is None:
        raise KeyError(member.name)
    return json.loads(file.read())
