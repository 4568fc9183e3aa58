"""The first node's images, on the guest too: only the layers that it lacks are sent.

A layer of 200 MB takes an emulated processor most of a minute, and the product's image has two of them; what changes
with its source is a megabyte.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from . import node_files
from .access import run
from .errors import ClusterError
from .say import say
from .state import State
from .v2_guest import LETTERBOX, empty_letterbox, write_letterbox
from .v2_shell import output

NAMESPACE = "--namespace=k8s.io"
MIB = 1 << 20
IMPORT_SECONDS = 900
Descriptor = dict[str, Any]


def copy(state: State) -> None:
    """Bring the guest what it lacks."""
    address = f"--address={node_files.socket(state.folder)}"
    answer = run(state, ["ctr", address, NAMESPACE, "images", "ls"])
    if answer.returncode != 0:
        raise ClusterError(f"the first node's images cannot be listed: {answer.stderr.strip()}")
    here = listed(answer.stdout)
    there = listed(output(state, ["ctr", NAMESPACE, "images", "ls"]))
    images = {name: digest for name, digest in here.items() if there.get(name) != digest}
    if not images:
        return
    store = state.folder / "containerd/root/io.containerd.content.v1.content/blobs"
    held = output(state, ["ctr", NAMESPACE, "content", "ls", "-q"]).split()
    size = write_letterbox(state, lambda file: write_archive(file, store, images, held))
    read = f"dd if={LETTERBOX} bs=1M count={-(-size // MIB)} iflag=direct status=none"
    # Without --local the archive is streamed once more, within the guest, and it all takes twice as long.
    # containerd does not sync what it unpacks: after a power cut soon afterwards the files would be there, and empty.
    script = f"{read} | ctr {NAMESPACE} images import --local - && sync"
    output(state, ["sh", "-c", script], patience=IMPORT_SECONDS)
    empty_letterbox(state)
    say(f"  the cgroup v2 worker has got {' '.join(sorted(images))}")


def listed(table: str) -> dict[str, str]:
    """Name and digest of each image in what `ctr images ls` prints, without the names that are digests."""
    rows = (line.split() for line in table.splitlines()[1:])
    return {row[0]: row[2] for row in rows if len(row) > 2 and not row[0].startswith("sha256:")}


def write_archive(file: IO[bytes], store: Path, images: dict[str, str], held: Iterable[str]) -> None:
    """Write the images (name and digest of the manifest) as an OCI archive without the blobs that are `held`.

    `store` is containerd's folder of blobs: <algorithm>/<hex>. An archive may lack what its receiver has.
    """
    index = [
        {**_described(store, digest), "annotations": {"io.containerd.image.name": name}}
        for name, digest in images.items()
    ]
    wanted = {one["digest"]: None for top in index for one in _with_children(store, top)}
    with tarfile.open(fileobj=file, mode="w|") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": index}).encode())
        for digest in wanted.keys() - set(held):
            tar.add(_blob(store, digest), arcname=f"blobs/{digest.replace(':', '/')}")


def _blob(store: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return store / algorithm / value


def _described(store: Path, digest: str) -> Descriptor:
    blob = _blob(store, digest)
    return {"mediaType": json.loads(blob.read_bytes())["mediaType"], "digest": digest, "size": blob.stat().st_size}


def _with_children(store: Path, descriptor: Descriptor) -> Iterator[Descriptor]:
    """A manifest's configuration and layers; an index's manifests, those for other machines left out when not here."""
    blob = _blob(store, descriptor["digest"])
    if not blob.exists():
        return
    yield descriptor
    if any(kind in descriptor["mediaType"] for kind in ("manifest", "index")):
        document = json.loads(blob.read_bytes())
        for child in (
            *document.get("manifests", ()),
            *filter(None, [document.get("config")]),
            *document.get("layers", ()),
        ):
            yield from _with_children(store, child)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
