"""Label selectors, as metav1.LabelSelector defines them."""

from collections.abc import Mapping, Sequence
from typing import Any


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Return whether labels fulfil a selector in the API's JSON. None and an empty one fit everything."""
    if not selector:
        return True
    equal: Mapping[str, str] = selector.get("matchLabels") or {}
    requirements: Sequence[Mapping[str, Any]] = selector.get("matchExpressions") or ()
    return equal.items() <= labels.items() and all(_fulfilled(one, labels) for one in requirements)


def _fulfilled(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = requirement["key"], requirement.get("values") or ()
    match requirement["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    # An operator that a newer version knows: what nobody can check is not fulfilled.
    return False
