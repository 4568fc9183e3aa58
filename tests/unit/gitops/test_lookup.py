import pytest

from oomreport.gitops.lookup import Absent, Barred, NamedItem, look, path_text, plain
from oomreport.gitops.yaml_text import Scalar, read_yaml


def looked(text: str, *steps: str | int | NamedItem) -> Scalar | Absent | Barred:
    source = read_yaml(text)
    return look(source, next(iter(source.roots)), steps)


def test_a_plain_value_is_found_by_keys_numbers_and_names() -> None:
    text = "a:\n- name: x\n  b: [1, 2Gi]\n"
    found = looked(text, "a", NamedItem(name="x"), "b", 1)
    assert isinstance(found, Scalar)
    assert found.value == "2Gi"
    assert path_text(("a", NamedItem(name="x"), "b", 1)) == "a[x].b[1]"


def test_the_first_step_that_leads_nowhere_is_named() -> None:
    found = looked("a:\n  b: 1\n", "a", "c", "d")
    assert isinstance(found, Absent)
    assert found.at == "a.c"


@pytest.mark.parametrize(
    ("text", "reason", "overridable"),
    [
        ("x: &m 1Gi\na: *m\n", "comes from the alias *m", True),
        ("a: &m 1Gi\nb: *m\n", "is anchored (&) and used in other places of the file, too", True),
        ("x: &m {a: 1Gi}\n<<: *m\n", "comes through a merge key (<<)", True),
        ("a: {{ .Values.memory }}\n", "comes from a template: {{ .Values.memory }}", False),
        ("a: ${MEMORY}\n", "comes from a template: ${MEMORY}", False),
        ("a: 1Gi\na: 2Gi\n", "is not clear: a is written 2 times", False),
        ("a: {b: 1Gi}\n", "a is no single value", False),
    ],
)
def test_a_value_that_must_not_be_edited_says_why(text: str, reason: str, *, overridable: bool) -> None:
    found = looked(text, "a")
    assert isinstance(found, Barred)
    assert (found.reason, found.overridable) == (reason, overridable)


def test_an_anchor_that_nobody_uses_bars_nothing() -> None:
    assert isinstance(looked("a: &m 1Gi\n", "a"), Scalar)


def test_a_null_is_no_value() -> None:
    assert isinstance(looked("a: null\n", "a"), Absent)
    assert isinstance(looked("a:\n", "a"), Absent)


def test_aliases_that_lead_in_circles_are_not_followed() -> None:
    source = read_yaml("a: &x [*x]\n")
    assert plain(next(iter(source.roots))) == {"a": ["*x"]}
