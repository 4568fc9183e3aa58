"""Documents of a file, whatever it holds: an answer that says what is wrong, and no value larger than its text."""

import pytest

from oomreport.cli.documents import documents_in
from oomreport.errors import InputUnreadable


def test_documents_are_read_as_json_has_them() -> None:
    assert documents_in('{"a": 1}', "f") == [{"a": 1}]
    assert documents_in("a: 2026-11-30T10:00:00Z\n---\nb: &x [1]\nc: *x\n", "f") == [
        {"a": "2026-11-30T10:00:00Z"},
        {"b": [1], "c": [1]},
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "too deep"),
        ('{"a":' * 100_000, "too deep"),
        ("- " * 100_000, "200 levels"),
        ("- [" * 100_000, "some.yaml"),
        ("? " * 100_000, "some.yaml"),
        ("a: [\n", "neither JSON nor YAML"),
        ("9" * 5000, "neither JSON nor YAML"),
        ("a: !!int x", "neither JSON nor YAML"),
        ("a: &a [*a]", "within its own anchor"),
    ],
)
def test_what_is_no_document_is_told_with_its_file(text: str, why: str) -> None:
    with pytest.raises(InputUnreadable, match=r"^some\.yaml: ") as caught:
        documents_in(text, "some.yaml")
    assert why in str(caught.value)


@pytest.mark.parametrize("step", ["a{n}: &a{n}\n  <<: [*a{m}, *a{m}]", "a{n}: &a{n} [*a{m}, *a{m}]"])
def test_aliases_of_aliases_make_no_value_that_doubles_at_each_step(step: str) -> None:
    steps = "\n".join(step.format(n=n, m=n - 1) for n in range(1, 200))
    with pytest.raises(InputUnreadable, match="more than 3000000 values"):
        documents_in(f"a0: &a0 {{x: 1}}\n{steps}\n", "some.yaml")
