"""Label selectors are metav1.LabelSelector's."""

from typing import Any

import pytest

from oomreport.hooks.selector import selects

LABELS = {"team": "shop", "tier": "web"}


def needs(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        (None, True),
        ({}, True),
        ({"matchLabels": {"team": "shop"}}, True),
        ({"matchLabels": {"team": "shop", "tier": "db"}}, False),
        (needs("team", "In", "shop", "bank"), True),
        (needs("team", "In", "bank"), False),
        (needs("none", "In", "bank"), False),
        (needs("team", "NotIn", "bank"), True),
        (needs("none", "NotIn", "bank"), True),
        (needs("team", "NotIn", "shop"), False),
        (needs("team", "Exists"), True),
        (needs("none", "Exists"), False),
        (needs("none", "DoesNotExist"), True),
        (needs("team", "DoesNotExist"), False),
        (needs("team", "Regex", "s.*"), False),
        ({"matchLabels": {"team": "shop"}, **needs("tier", "Exists")}, True),
    ],
)
def test_a_selector_fits(selector: dict[str, Any] | None, *, fits: bool):
    assert selects(selector, LABELS) is fits
