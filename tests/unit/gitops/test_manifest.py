import pytest
import yaml

from oomreport.gitops.lookup import Absent, Barred
from oomreport.gitops.manifest import LIMIT, REQUEST, has_container, looked, manifests_in, pod_spec
from oomreport.gitops.yaml_text import Scalar, read_yaml
from support.files_in_memory import deployment, target


def test_the_objects_of_all_documents_and_lists_of_a_file_are_found() -> None:
    listed = yaml.safe_dump(
        {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(deployment("a")), {"kind": "no version"}]}
    )
    source = read_yaml(f"{deployment('web')}---\n{listed}---\njust: data\n")
    assert [(one.kind, one.name, one.namespace) for one in manifests_in("f", source)] == [
        ("Deployment", "web", "shop"),
        ("Deployment", "a", "shop"),
    ]


def test_a_value_is_looked_up_with_its_place_and_a_missing_one_says_what_is_missing() -> None:
    source = read_yaml(deployment())
    (found,) = manifests_in("f", source)
    limit = looked(source, found.node, target(), LIMIT)
    assert isinstance(limit, Scalar)
    assert (limit.value, limit.line) == ("256Mi", 14)
    request = looked(source, found.node, target(), REQUEST)
    assert isinstance(request, Absent)
    assert request.at == "spec.template.spec.containers[api].resources.requests"


def test_a_sidecar_is_looked_for_among_the_init_containers_too() -> None:
    source = read_yaml(deployment().replace("containers:", "initContainers:"))
    (found,) = manifests_in("f", source)
    assert has_container(found, target())
    assert isinstance(looked(source, found.node, target(), LIMIT), Scalar)
    assert not has_container(found, target(container="other"))


def test_two_containers_of_one_name_are_not_guessed_between() -> None:
    text = deployment() + "      - name: api\n        image: api\n"
    source = read_yaml(text)
    (found,) = manifests_in("f", source)
    barred = looked(source, found.node, target(), LIMIT)
    assert isinstance(barred, Barred)
    assert "2 items of the list are named api" in barred.reason


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Pod", ("spec",)),
        ("CronJob", ("spec", "jobTemplate", "spec", "template", "spec")),
        ("Deployment", ("spec", "template", "spec")),
        ("Rollout", ("spec", "template", "spec")),
    ],
)
def test_the_pods_spec_is_where_the_kind_keeps_it(kind: str, path: tuple[str, ...]) -> None:
    assert pod_spec(kind) == path
