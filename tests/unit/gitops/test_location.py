from oomreport.gitops.location import CheckoutManifests
from oomreport.gitops.manifest import LIMIT
from oomreport.gitops.plan import manifests_of
from oomreport.gitops.yaml_text import Scalar
from support.files_in_memory import FilesInMemory, deployment, target


def manifests(files: dict[str, str], *folders: str, default_namespace: str | None = None) -> CheckoutManifests:
    checkout = FilesInMemory(files)
    return manifests_of(checkout, list(checkout.texts), folders, [], default_namespace)


def shown(found: CheckoutManifests) -> list[str]:
    return [one.shown for one in found.locations(target())]


def test_the_manifest_that_defines_a_workload_is_its_place() -> None:
    found = manifests({"web.yaml": deployment(), "other.yaml": deployment("other")})
    (place,) = found.locations(target())
    value = place.found(LIMIT).value
    assert place.shown == "web.yaml:1"
    assert isinstance(value, Scalar)
    assert value.value == "256Mi"


def test_a_manifest_that_names_the_namespace_wins_over_one_that_names_none() -> None:
    files = {"any.yaml": deployment(namespace=None), "shop.yaml": deployment()}
    assert shown(manifests(files)) == ["shop.yaml:1"]
    assert shown(manifests({"any.yaml": files["any.yaml"]})) == ["any.yaml:1"]
    assert shown(manifests({"any.yaml": files["any.yaml"]}, default_namespace="other")) == []


def test_a_marked_line_wins_over_the_manifest_itself() -> None:
    marked = 'values: 1\nmemory: 256Mi # {"$oomreport": "shop:Deployment/web:api:limit"}\n'
    assert shown(manifests({"web.yaml": deployment(), "values.yaml": marked})) == ["values.yaml:2"]


def test_two_manifests_are_two_places() -> None:
    assert shown(manifests({"a.yaml": deployment(), "b.yaml": deployment()})) == ["a.yaml:1", "b.yaml:1"]


def test_two_overlays_of_one_value_are_one_place_with_two_kustomizations() -> None:
    files = {
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": deployment(namespace=None),
        "a/kustomization.yaml": "resources: [../base]\nnamespace: shop\n",
        "b/kustomization.yaml": "resources: [../base]\nnamespace: shop\n",
    }
    (place,) = manifests(files, "/base", "/a", "/b").locations(target())
    assert place.shown == "base/web.yaml:13"
    assert [overlay.kustomization.file for overlay in place.overlays] == [
        "/a/kustomization.yaml",
        "/b/kustomization.yaml",
    ]


def test_a_template_is_no_place_and_the_hint_names_it() -> None:
    template = "kind: Deployment\n{{- if .Values.web }}\nmetadata:\n  name: {{ .Release.Name }}\n{{- end }}\n"
    found = manifests({"templates/web.yaml": template})
    assert found.locations(target()) == []
    assert "templates of kind Deployment are in templates/web.yaml" in found.hint(target())


def test_a_value_that_others_use_names_them() -> None:
    files = {
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": deployment(namespace=None),
        "a/kustomization.yaml": "resources: [../base]\nnamespace: shop\n",
        "b/kustomization.yaml": "resources: [../base]\nnamespace: other\n",
    }
    found = manifests(files, "/base", "/a", "/b")
    (place,) = found.locations(target())
    assert found.shared(place.found(LIMIT), target(), LIMIT) == "other Deployment/web"
