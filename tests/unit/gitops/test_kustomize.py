from oomreport.gitops.kustomize import Tree, tree_of, users
from oomreport.gitops.manifest import LIMIT
from oomreport.gitops.yaml_text import Scalar
from support.files_in_memory import FilesInMemory, deployment, target


def tree(files: dict[str, str], *folders: str) -> Tree:
    return tree_of(FilesInMemory(files), [f"/{folder}" for folder in folders])


BASE = {"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": deployment(namespace=None)}


def test_an_overlay_gives_its_namespace_and_affixes_and_hides_its_base() -> None:
    overlay = "resources: [../base]\nnamespace: shop\nnamePrefix: eu-\nnameSuffix: -1\n"
    built = tree(BASE | {"eu/kustomization.yaml": overlay}, "base", "eu")
    assert list(built.made) == ["/eu/kustomization.yaml"]
    (one,) = built.made["/eu/kustomization.yaml"]
    assert (one.name, one.namespace, one.names) == ("eu-web-1", "shop", {"web", "eu-web-1"})
    assert one.is_(target("eu-web-1"))


def test_the_last_patch_says_what_is_in_force_and_where() -> None:
    patch = deployment(namespace=None, memory="512Mi")
    overlay = "resources: [../base]\nnamespace: shop\npatches:\n- path: patch.yaml\n"
    built = tree(BASE | {"eu/kustomization.yaml": overlay, "eu/patch.yaml": patch}, "base", "eu")
    (one,) = built.made["/eu/kustomization.yaml"]
    by, found = one.effective(target(), LIMIT)
    assert isinstance(found, Scalar)
    assert (by.file, found.value) == ("/eu/patch.yaml", "512Mi")


def test_two_overlays_that_share_a_value_are_both_its_users() -> None:
    files = BASE | {f"{name}/kustomization.yaml": f"resources: [../base]\nnamespace: {name}\n" for name in ("eu", "us")}
    built = tree(files, "base", "eu", "us")
    (one,) = built.made["/eu/kustomization.yaml"]
    by, found = one.effective(target(namespace="eu"), LIMIT)
    assert isinstance(found, Scalar)
    both = users(built.made, by.file, found, target(namespace="eu"), LIMIT)
    assert [each.namespace for each in both] == ["eu", "us"]


def test_what_is_not_in_the_checkout_is_named_and_known_by_its_patches() -> None:
    overlay = "resources: [https://example.org/base]\nnamespace: shop\npatches:\n- path: patch.yaml\n"
    built = tree({"kustomization.yaml": overlay, "patch.yaml": deployment(namespace=None)}, "")
    (file,) = built.unfollowed
    assert built.unfollowed[file] == ["https://example.org/base"]
    (one,) = built.made[file]
    assert one.is_(target())


def test_kustomizations_that_use_each_other_end() -> None:
    files = {
        "a/kustomization.yaml": "resources: [../b]\n",
        "b/kustomization.yaml": "resources: [../a, web.yaml]\n",
        "b/web.yaml": deployment(),
        "c/kustomization.yaml": "resources: [../a]\n",
    }
    built = tree(files, "a", "b", "c")
    assert [one.name for one in built.made["/c/kustomization.yaml"]] == ["web"]
    assert built.unfollowed["/c/kustomization.yaml"] == ["../a"]
