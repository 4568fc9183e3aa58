"""The image archives that the tests load into nodes."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from cluster.lab import archive

NAME = "docker.io/oomreport/hog:dev"


def made(*, name: str = NAME, program: bytes = b"\x7fELF program", entrypoint: str = "/hog") -> bytes:
    return archive.image(name=name, program=program, entrypoint=entrypoint)


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {one.name: file.read() for one in tar.getmembers() if (file := tar.extractfile(one))}


def blob(files: dict[str, bytes], digest: str) -> bytes:
    return files[f"blobs/{digest.replace(':', '/')}"]


def test_every_blob_is_named_by_its_own_digest() -> None:
    files = members(made())
    blobs = {path.rpartition("/")[2]: content for path, content in files.items() if path.startswith("blobs/")}
    assert len(blobs) == 3
    assert {hashlib.sha256(content).hexdigest() for content in blobs.values()} == set(blobs)


def test_the_index_leads_to_the_program() -> None:
    files = members(made(program=b"the program", entrypoint="/bin/hog"))
    (reference,) = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(blob(files, reference["digest"]))
    config = json.loads(blob(files, manifest["config"]["digest"]))
    layer = blob(files, manifest["layers"][0]["digest"])
    assert reference["annotations"]["io.containerd.image.name"] == NAME
    assert config["config"]["Entrypoint"] == ["/bin/hog"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        program = tar.getmember("bin/hog")
        assert program.mode == 0o755
        assert tar.extractfile(program).read() == b"the program"  # type: ignore[union-attr]


def test_docker_and_oci_readers_see_the_same_image() -> None:
    files = members(made())
    (docker,) = json.loads(files["manifest.json"])
    (reference,) = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(blob(files, reference["digest"]))
    assert docker["RepoTags"] == [NAME]
    assert docker["Config"] == f"blobs/{manifest['config']['digest'].replace(':', '/')}"
    assert docker["Layers"] == [f"blobs/{layer['digest'].replace(':', '/')}" for layer in manifest["layers"]]


def test_the_same_program_gives_the_same_bytes() -> None:
    assert made() == made()
    assert made() != made(program=b"another")


def test_the_names_of_an_archive_are_read_back(tmp_path: Path) -> None:
    file = tmp_path / "image.tar"
    file.write_bytes(made())
    assert archive.names(file) == [NAME]


def test_an_oci_archive_without_dockers_manifest_is_named_by_its_index(tmp_path: Path) -> None:
    file = tmp_path / "image.tar"
    index = {"manifests": [{"annotations": {"org.opencontainers.image.ref.name": "example.org/app:1"}}]}
    file.write_bytes(archive.tarball([archive.File(path="index.json", content=json.dumps(index).encode())]))
    assert archive.names(file) == ["example.org/app:1"]


@pytest.mark.parametrize(
    "content",
    [
        b"no tar at all",
        archive.tarball([archive.File(path="manifest.json", content=b"{")]),
        archive.tarball([archive.File(path="manifest.json", content=b'{"RepoTags": 1}')]),
        archive.tarball([archive.File(path="index.json", content=b"[]")]),
        archive.tarball([archive.File(path="manifest.json", content=None)]),
    ],
    ids=["no-tar", "no-json", "not-a-list", "no-manifests", "a-folder"],
)
def test_what_is_no_image_archive_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.tar"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.tar is no OCI or Docker image archive"):
        archive.names(file)


def test_an_archive_that_names_no_image_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "nameless.tar"
    file.write_bytes(archive.tarball([archive.File(path="manifest.json", content=b'[{"RepoTags": null}]')]))
    with pytest.raises(ValueError, match="names no image"):
        archive.names(file)
