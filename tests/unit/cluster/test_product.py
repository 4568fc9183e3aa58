"""When the product's image is stale, and how another one is named in its place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.lab import buildah, product
from cluster.lab.places import REPOSITORY

INPUTS = ("operator", "pyproject.toml", "Dockerfile")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    source = tmp_path / "operator" / "package"
    source.mkdir(parents=True)
    (source / "module.py").write_text("value = 1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def test_the_key_of_an_unchanged_checkout_stays(checkout: Path) -> None:
    before = product.image_key(checkout, INPUTS)
    (checkout / "operator" / "package" / "__pycache__").mkdir()
    (checkout / "operator" / "package" / "__pycache__" / "module.pyc").write_bytes(b"code")
    (checkout / "README.md").write_text("not an input")
    (checkout / "operator" / "package" / "module.py").touch()
    assert product.image_key(checkout, INPUTS) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda top: (top / "operator" / "package" / "module.py").write_text("value = 2\n"),
        lambda top: (top / "operator" / "package" / "module.py").chmod(0o755),
        lambda top: (top / "operator" / "package" / "module.py").rename(top / "operator" / "package" / "other.py"),
        lambda top: (top / "operator" / "package" / "empty").touch(),
        lambda top: (top / "pyproject.toml").write_text("[project]\nname = 'x'\n"),
        lambda top: (top / "Dockerfile").unlink(),
    ],
    ids=["content", "mode", "name", "new-file", "other-input", "missing-input"],
)
def test_every_change_of_an_input_gives_another_key(checkout: Path, change: Callable[[Path], object]) -> None:
    before = product.image_key(checkout, INPUTS)
    change(checkout)
    assert product.image_key(checkout, INPUTS) != before


def test_another_base_gives_another_key(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = product.image_key(checkout, INPUTS)
    monkeypatch.setattr(buildah, "BASE", "localhost/oomreport-base:of-other-packages")
    changed = product.image_key(checkout, INPUTS)
    monkeypatch.setenv("OOMREPORT_BASE_IMAGE", "docker.io/library/python:3.14-slim")
    assert len({before, changed, product.image_key(checkout, INPUTS)}) == 3


def test_this_checkout_names_inputs_that_exist() -> None:
    assert [name for name in product.INPUTS if not (REPOSITORY / name).exists()] == []


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("example.org/app:1.2", {"newName": "example.org/app", "newTag": "1.2"}),
        ("example.org:5000/app", {"newName": "example.org:5000/app", "newTag": "latest"}),
        ("example.org:5000/app:1", {"newName": "example.org:5000/app", "newTag": "1"}),
        ("app", {"newName": "app", "newTag": "latest"}),
        ("app@sha256:ab", {"newName": "app", "digest": "sha256:ab"}),
    ],
)
def test_an_image_reference_is_split_as_kustomize_wants_it(image: str, reference: dict[str, str]) -> None:
    assert product._reference(image) == reference
