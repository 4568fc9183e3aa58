import pytest

from oomreport.gitops.lookup import Absent, Barred
from oomreport.gitops.manifest import LIMIT, Manifest, manifests_in
from oomreport.gitops.patch import Patch, Selector, patches_of
from oomreport.gitops.yaml_text import Scalar, read_yaml
from support.files_in_memory import FilesInMemory, deployment, target

MERGE = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
    "spec: {template: {spec: {containers: [{name: api, resources: {limits: {memory: 512Mi}}}]}}}\n"
)


def web() -> Manifest:
    return next(manifests_in("web.yaml", read_yaml(deployment())))


def patches(kustomization: str, **files: str) -> list[Patch]:
    texts = {f"{name}.yaml": text for name, text in files.items()} | {"kustomization.yaml": kustomization}
    checkout = FilesInMemory(texts)
    source = checkout.yaml("/kustomization.yaml")
    assert source is not None
    return list(patches_of(checkout, "/", "/kustomization.yaml", source, next(iter(source.roots))))


def value(patch: Patch) -> str | None:
    found = patch.looked(web(), target(), LIMIT)
    return found.value if isinstance(found, Scalar) else None


@pytest.mark.parametrize(
    "kustomization",
    [
        "patches:\n- path: p.yaml\n",
        "patchesStrategicMerge:\n- p.yaml\n",
        "patches:\n- patch: |-\n" + "".join(f"    {line}\n" for line in MERGE.splitlines()),
    ],
    ids=["path", "patchesStrategicMerge", "inline"],
)
def test_a_strategic_merge_patch_sets_a_value_wherever_it_is_written(kustomization: str) -> None:
    (patch,) = patches(kustomization, p=MERGE)
    assert patch.is_for(web(), frozenset({"web"}), "shop")
    assert value(patch) == "512Mi"


def test_a_json_patch_names_the_container_by_its_number() -> None:
    operation = "- op: replace\n  path: /spec/template/spec/containers/{}/resources/limits/memory\n  value: 1Gi\n"
    kustomization = "patches:\n- path: p.yaml\n  target: {kind: Deployment, name: web}\n"
    (first,) = patches(kustomization, p=operation.format(0))
    (second,) = patches(kustomization, p=operation.format(1))
    assert (value(first), value(second)) == ("1Gi", None)


def test_a_value_that_a_patch_removes_is_barred() -> None:
    operation = "- op: remove\n  path: /spec/template/spec/containers/0/resources\n"
    (patch,) = patches("patches:\n- path: p.yaml\n  target: {kind: Deployment}\n", p=operation)
    found = patch.looked(web(), target(), LIMIT)
    assert isinstance(found, Barred)
    assert found.reason == "is removed by a patch"


def test_a_folded_patch_is_known_and_not_edited() -> None:
    (patch,) = patches('patches:\n- patch: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}"\n')
    assert not patch.in_file
    assert isinstance(patch.looked(web(), target(), LIMIT), Absent)


@pytest.mark.parametrize(
    ("fields", "selected"),
    [
        ({"kind": "Deployment"}, True),
        ({"kind": "Deploy"}, False),
        ({"name": "we.*"}, True),
        ({"name": "w"}, False),
        ({"group": "apps", "version": "v1"}, True),
        ({"namespace": "other"}, False),
        ({"labelSelector": "app=web"}, False),
        ({"labelSelector": "app in (web)"}, True),
    ],
    ids=str,
)
def test_a_target_selects_by_whole_names_and_passes_what_cannot_be_told(
    fields: dict[str, str], *, selected: bool
) -> None:
    assert Selector(fields=fields).selects(web(), frozenset({"web"}), "shop") is selected
