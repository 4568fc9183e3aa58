"""Images on their way from the first node to the guest."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from cluster.lab import archive, v2_store
from cluster.lab.v2_images import listed, write_archive

# `ctr images ls` of containerd 2.4.2, on the first node.
TABLE = """\
REF                                                                     TYPE                                                 DIGEST                                                                  SIZE      PLATFORMS   LABELS                          
docker.io/oomreport/hog:dev                                             application/vnd.oci.image.manifest.v1+json           sha256:06f91f4917c6cb8bd1ee28fee4ebaa80106defddf318c67741eaa6af16cc17ef 890.6 KiB linux/amd64 io.cri-containerd.image=managed 
ghcr.io/oomreport/oomreport:dev                                         application/vnd.docker.distribution.manifest.v2+json sha256:b4dc16384d3f17c24b6fe050156b46ee0d280556297a9f40b3f77bf7ac0024ff 287.8 MiB linux/amd64 io.cri-containerd.image=managed 
sha256:4a0e2a4515c4800aaea368a7e891d0df4d0ac0fb2762ce9a003a445bcff312b2 application/vnd.docker.distribution.manifest.v2+json sha256:b4dc16384d3f17c24b6fe050156b46ee0d280556297a9f40b3f77bf7ac0024ff 287.8 MiB linux/amd64 io.cri-containerd.image=managed 
"""  # noqa: W291


def stored(folder: Path, image: bytes) -> tuple[Path, str]:
    """The blobs of an archive as containerd keeps them, and the digest of the manifest."""
    store = folder / "blobs"
    (store / "sha256").mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(image)) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content is not None
            if member.name.startswith("blobs/sha256/"):
                (store / "sha256" / Path(member.name).name).write_bytes(content.read())
            elif member.name == "index.json":
                digest = json.load(content)["manifests"][0]["digest"]
    return store, digest


def written(store: Path, images: dict[str, str], held: list[str]) -> dict[str, bytes]:
    output = io.BytesIO()
    write_archive(output, store, images, held)
    output.seek(0)
    with tarfile.open(fileobj=output) as tar:
        return {one.name: file.read() for one in tar.getmembers() if (file := tar.extractfile(one))}


def test_names_that_are_digests_are_no_images() -> None:
    assert listed(TABLE) == {
        "docker.io/oomreport/hog:dev": "sha256:06f91f4917c6cb8bd1ee28fee4ebaa80106defddf318c67741eaa6af16cc17ef",
        "ghcr.io/oomreport/oomreport:dev": "sha256:b4dc16384d3f17c24b6fe050156b46ee0d280556297a9f40b3f77bf7ac0024ff",
    }


def test_an_image_arrives_whole_where_nothing_of_it_is(tmp_path: Path) -> None:
    store, digest = stored(tmp_path, archive.image(name="a/hog:dev", program=b"program", entrypoint="/hog"))
    files = written(store, {"b/hog:dev": digest}, [])
    assert {path for path in files if path.startswith("blobs/")} == {
        f"blobs/sha256/{file.name}" for file in (store / "sha256").iterdir()
    }
    assert all(
        hashlib.sha256(content).hexdigest() == Path(path).name
        for path, content in files.items()
        if path.startswith("blobs/")
    )
    (reference,) = json.loads(files["index.json"])["manifests"]
    assert reference["digest"] == digest
    assert reference["size"] == len(files[f"blobs/{digest.replace(':', '/')}"])
    assert reference["annotations"] == {"io.containerd.image.name": "b/hog:dev"}


def test_what_the_guest_holds_is_not_sent(tmp_path: Path) -> None:
    store, digest = stored(tmp_path, archive.image(name="a/hog:dev", program=b"program", entrypoint="/hog"))
    (layer,) = json.loads((store / digest.replace(":", "/")).read_bytes())["layers"]
    files = written(store, {"a/hog:dev": digest}, [layer["digest"], "sha256:of-another-image"])
    assert f"blobs/{layer['digest'].replace(':', '/')}" not in files
    assert f"blobs/{digest.replace(':', '/')}" in files


def test_a_blob_of_two_images_is_sent_once(tmp_path: Path) -> None:
    store, digest = stored(tmp_path, archive.image(name="a/hog:dev", program=b"program", entrypoint="/hog"))
    files = written(store, {"a/hog:dev": digest, "a/hog:other": digest}, [])
    assert len(json.loads(files["index.json"])["manifests"]) == 2
    assert len([path for path in files if path.startswith("blobs/")]) == 3


def test_an_index_without_the_manifests_of_other_machines_is_sent_as_it_is(tmp_path: Path) -> None:
    store, digest = stored(tmp_path, archive.image(name="a/hog:dev", program=b"program", entrypoint="/hog"))
    kind = "application/vnd.oci.image.index.v1+json"
    here = {"mediaType": archive.MANIFEST, "digest": digest, "size": 1}
    elsewhere = {"mediaType": archive.MANIFEST, "digest": f"sha256:{'0' * 64}", "size": 1}
    index = json.dumps({"mediaType": kind, "manifests": [here, elsewhere]}).encode()
    name = hashlib.sha256(index).hexdigest()
    (store / "sha256" / name).write_bytes(index)
    files = written(store, {"a/hog:dev": f"sha256:{name}"}, [])
    assert len([path for path in files if path.startswith("blobs/")]) == 4
    assert json.loads(files["index.json"])["manifests"][0]["mediaType"] == kind


def test_layers_are_large_by_their_size_in_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hog.tar"
    file.write_bytes(archive.image(name="a/hog:dev", program=bytes(100_000), entrypoint="/hog"))
    assert v2_store.large_layers(file) == ()
    monkeypatch.setattr(v2_store, "LARGE", 100_000)
    (layer,) = v2_store.large_layers(file)
    assert layer.startswith("blobs/sha256/")
