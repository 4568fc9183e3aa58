"""The law of `apply`: any YAML, any value - one scalar changes, and nothing else, not a byte.

The check knows nothing of the code under test but where the scalar was: it reads both texts with PyYAML's events, and
compares the bytes around the edit.
"""

from collections import Counter

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from oomreport.errors import EditRefused
from oomreport.gitops.text_edit import ScalarEdit, with_scalars
from oomreport.gitops.yaml_text import Scalar, YamlText, read_yaml
from property.yaml_documents import TEXTS, Document, documents

SEEN: Counter[str] = Counter()
QUANTITIES = st.sampled_from(["480Mi", "1Gi", "512M", "1536Mi", "335544320", "1e9", "100m"])


def events(text: str) -> list[yaml.Event]:
    return list(yaml.parse(text, Loader=yaml.SafeLoader))


def shape(event: yaml.Event) -> tuple[object, ...]:
    known = ("anchor", "tag", "value", "style", "flow_style", "explicit", "version", "tags")
    return (type(event), *(getattr(event, name, None) for name in known))


def scalars(source: YamlText) -> list[Scalar]:
    return [scalar for _, scalar in source.tokens]


def check(document: Document, source: YamlText, scalar: Scalar, value: str) -> bool:
    """Edit and check; return whether it was edited."""
    number = scalars(source).index(scalar)
    try:
        after = with_scalars(source, [ScalarEdit(scalar=scalar, value=value)])
    except EditRefused:
        return False
    # Not a byte outside of the scalar's own words.
    before = document.text
    tail = len(before) - scalar.end
    assert after[: scalar.begin] == before[: scalar.begin]
    assert after[len(after) - tail :] == before[scalar.end :]
    # One event changed, in its value alone; an empty scalar has no words, and is none of the tokens.
    old, new = events(before), events(after)
    assert len(old) == len(new)
    different = [(one, two) for one, two in zip(old, new, strict=True) if shape(one)[:4] != shape(two)[:4]]
    assert len(different) <= 1
    changed = scalars(read_yaml(after))[number]
    assert changed.value == value
    assert changed.begin == scalar.begin
    if scalar.value != value:
        ((one, two),) = different
        assert isinstance(one, yaml.ScalarEvent)
        assert isinstance(two, yaml.ScalarEvent)
        assert (one.value, two.value, one.anchor, one.tag) == (scalar.value, value, two.anchor, two.tag)
    # The quotes stay where the value allows it, and it is not written in more lines than it was.
    if scalar.style == '"':
        assert changed.style == '"'
    assert after[changed.begin : changed.end].count("\n") == 0
    return True


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(documents(), st.one_of(QUANTITIES, TEXTS), st.data())
def test_any_yaml_any_value_one_scalar_changes_and_nothing_else(document: Document, value: str, data: st.DataObject):
    source = read_yaml(document.text)
    found = scalars(source)
    assume(source.problem is None and found)
    scalar = data.draw(st.sampled_from(found))
    done = check(document, source, scalar, value)
    SEEN[f"{scalar.style or 'plain'} {'edited' if done else 'refused'}"] += 1
    # A block scalar is never a quantity: it is refused. All else is edited, but where a key would be longer than YAML
    # takes one, or an alias is a key.
    if scalar.style not in ("|", ">"):
        assert done


@pytest.mark.parametrize("value", ["---", "..."])
@pytest.mark.parametrize("text", ["0\n...\n", "0\n---\n1\n", "a: 0\n", "- 0\n"])
def test_the_marks_between_documents_are_values_too(text: str, value: str):
    source = read_yaml(text)
    assert check(Document(text=text), source, next(one for one in scalars(source) if one.value == "0"), value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(documents(), QUANTITIES, st.data())
def test_any_number_of_values_of_a_text_are_edited_at_once(document: Document, value: str, data: st.DataObject):
    source = read_yaml(document.text)
    found = [scalar for scalar in scalars(source) if scalar.style not in ("|", ">")]
    assume(source.problem is None and found)
    chosen = data.draw(st.lists(st.sampled_from(found), unique_by=lambda one: one.begin, min_size=1))
    after = with_scalars(source, [ScalarEdit(scalar=scalar, value=value) for scalar in chosen])
    again = scalars(read_yaml(after))
    wanted = {id(scalar) for scalar in chosen}
    for old, new in zip(scalars(source), again, strict=True):
        assert new.value == (value if id(old) in wanted else old.value)


def test_what_was_drawn_was_worth_it():
    """The law above says little where nothing was edited in some style."""
    assert all(SEEN[f"{style} edited"] >= 10 for style in ("plain", "'", '"')), SEEN
