import pytest

from oomreport.errors import InputUnreadable
from oomreport.gitops.lookup import NamedItem, path_text
from oomreport.gitops.values import steps_of


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("resources", ("resources",)),
        ("web.api.resources", ("web", "api", "resources")),
        ("containers[1].resources", ("containers", 1, "resources")),
        ("containers[api].resources", ("containers", NamedItem(name="api"), "resources")),
        (r"config.app\.io/memory", ("config", "app.io/memory")),
        ("/spec/values/a~1b/0/x~0y", ("spec", "values", "a/b", 0, "x~y")),
    ],
)
def test_a_path_has_these_steps(path: str, steps: tuple[object, ...]):
    assert steps_of(path, "here") == steps


@pytest.mark.parametrize("path", ["", ".", "a..b", "a.", "a[", "a[]", "[", "a]b["])
def test_what_is_no_path_is_refused_with_its_place(path: str):
    with pytest.raises(InputUnreadable, match=r"here: .* is no path"):
        steps_of(path, "here")


def test_a_path_is_shown_as_people_write_it():
    assert path_text(("spec", "containers", NamedItem(name="api"), "args", 0)) == "spec.containers[api].args[0]"
