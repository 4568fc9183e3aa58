"""What chart and overlays render has no field that Kubernetes, the Prometheus operator or OpenShift does not know.

A typo in a field is dropped in silence by an API server that is not asked to be strict.
"""

import json
import subprocess
from pathlib import Path

import pytest

from chart.helm import CHART, ROOT, Object, Objects, built, rendered
from chart.test_chart import ALL_ON, copy_into
from support.programs import program
from support.schemas import LOCATION, NEWEST, OLDEST, write_schemas

PLATFORMS = sorted((CHART / "platforms").glob("*.yaml"))
OVERLAYS = sorted(file.parent for file in (ROOT / "manifests/overlays").glob("*/kustomization.yaml"))
COMPONENTS = sorted(file.parent.name for file in (ROOT / "manifests/components").glob("*/kustomization.yaml"))


@pytest.fixture(scope="module", params=[OLDEST, NEWEST])
def schemas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    write_schemas(folder, request.param)
    return folder


def complaints(schemas: Path, objects: Objects) -> list[str]:
    """Return what kubeconform says against objects."""
    command = [program("kubeconform"), "-strict", "-output=json", f"-schema-location={schemas}/{LOCATION}", "-"]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*objects.values()]})
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)
    said = json.loads(done.stdout)
    found = [f"{one['kind']} {one['name']}: {one['msg']}" for one in said.get("resources") or ()]
    assert (done.returncode != 0) == bool(found), done.stdout + done.stderr
    return found


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_every_overlay_is_what_its_kinds_allow(schemas: Path, overlay: Path):
    assert complaints(schemas, built(overlay)) == []


def test_every_component_is_what_its_kinds_allow(schemas: Path, tmp_path: Path):
    copy_into(ROOT / "manifests", tmp_path / "manifests")
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [manifests/overlays/syslog]\n"
        f"components: [{', '.join(f'manifests/components/{name}' for name in COMPONENTS)}]\n"
    )
    objects = built(tmp_path)
    assert ("PrometheusRule", "oomreport-system", "oomreport") in objects
    assert complaints(schemas, objects) == []


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda file: file.stem)
def test_the_values_of_every_platform_render_what_its_kinds_allow(schemas: Path, platform: Path):
    assert complaints(schemas, rendered(ALL_ON, platform)) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"controller": {"updateStrategy": {"typ": "Recreate"}}}, "typ"),
        ({"agent": {"extraVolumes": [{"name": "more", "emtyDir": {}}]}}, "emtyDir"),
        ({"agent": {"resources": {"limit": {"memory": "1Gi"}}}}, "limit"),
        ({"controller": {"extraEnv": [{"name": "A", "value": 1}]}}, "got number, want string"),
    ],
)
def test_a_field_that_does_not_exist_is_found(schemas: Path, values: Object, field: str):
    (found,) = complaints(schemas, rendered(values))
    assert field in found
