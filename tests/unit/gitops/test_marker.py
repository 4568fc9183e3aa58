import pytest

from oomreport.gitops.lookup import Barred
from oomreport.gitops.manifest import LIMIT, REQUEST
from oomreport.gitops.marker import markers_in
from oomreport.gitops.yaml_text import Scalar, read_yaml
from support.files_in_memory import target


def mark(words: str) -> str:
    return f'# {{"$oomreport": "{words}"}}'


def test_a_mark_names_whose_value_stands_before_it() -> None:
    text = f"a: 1\nmemory: 256Mi   {mark('shop:Deployment/web:api:limit')}\n"
    (marker,) = markers_in("f", read_yaml(text))
    assert marker.line == 2
    assert isinstance(marker.found, Scalar)
    assert marker.found.value == "256Mi"
    assert marker.is_for(target(), LIMIT)
    assert not marker.is_for(target(), REQUEST)
    assert not marker.is_about(target("worker"))


def test_a_mark_without_a_container_is_the_pods() -> None:
    (marker,) = markers_in("f", read_yaml(f"memory: 1Gi {mark('shop:Deployment/web:request')}\n"))
    assert marker.is_for(target(container=None), REQUEST)


@pytest.mark.parametrize("words", ["shop", "shop:Deployment/web:api:size", "a:b:c:d:limit", "shop::api:limit"])
def test_a_mark_that_names_nothing_has_a_problem(words: str) -> None:
    (marker,) = markers_in("f", read_yaml(f"memory: 1Gi {mark(words)}\n"))
    assert marker.problem is not None
    assert words in marker.problem


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("memory: {{ .Values.memory }} ", "comes from a template"),
        ("memory:\n", "is not on the marked line"),
    ],
)
def test_a_mark_beside_what_cannot_be_edited_says_why(line: str, reason: str) -> None:
    (marker,) = markers_in("f", read_yaml(f"{line}{mark('shop:Deployment/web:api:limit')}\n"))
    assert isinstance(marker.found, Barred)
    assert marker.found.reason.startswith(reason)


def test_a_mark_in_an_inline_patch_is_found_in_its_block() -> None:
    text = f"patches:\n- patch: |-\n    a:\n      memory: 1Gi {mark('shop:Deployment/web:api:limit')}\n"
    (marker,) = markers_in("f", read_yaml(text))
    assert isinstance(marker.found, Scalar)
    assert marker.around is not None
    assert marker.around.style == "|"


def test_a_comment_of_another_tool_is_no_mark() -> None:
    assert list(markers_in("f", read_yaml('image: a # {"$imagepolicy": "x:y"} $oomreport\n'))) == []
