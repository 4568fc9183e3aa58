"""The policy of recommendations: what people set, and the defaults.

The defaults need no object. Where a policy of the workload's namespace and one of the controller's namespace both say
something, the nearer one wins value by value; an override for a workload wins over its policy.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from oomreport.workload.owner import Workload
from oomreport.workload.quantity import format_quantity, parse_quantity

MOST_RAISES = 6


class RequestRule(StrEnum):
    """What becomes of a container's request when its limit is raised."""

    KEEP_SHARE = "KeepShare"
    EQUAL_LIMIT = "EqualLimit"
    UNCHANGED = "Unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How to recommend for one container; sizes are bytes.

    headroom_percent  raise a limit by this much of itself; None: by half, or more after steady growth
    minimum, maximum  bounds of every limit recommended; None: none
    rounding          limits are multiples of it; None: 16Mi
    request           what becomes of the request
    most_raises       so often a limit is raised within a report's life before a person has to look
    enabled           False: findings only
    maximum_of        the OOMPolicy that says `maximum`, as namespace/name
    """

    headroom_percent: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    rounding: int | None = None
    request: RequestRule = RequestRule.KEEP_SHARE
    most_raises: int = MOST_RAISES
    enabled: bool = True
    maximum_of: str | None = field(default=None, compare=False)

    def as_json(self) -> dict[str, Any]:
        """Return the values that differ from the defaults, by their names in an OOMPolicy, sizes in canonical form."""
        found = {key: getattr(self, name) for key, name in _FIELDS.items()}
        return {
            key: format_quantity(value) if _FIELDS[key] in _SIZES else value
            for key, value in found.items()
            if value != getattr(DEFAULT, _FIELDS[key])
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What else a policy decides for a namespace.

    report_days     so many days a report is kept after its last kill; None: as the controller is told by its options
    resolve_after   an applied recommendation that holds this long has resolved its report; None: as the options say
    annotate_pods   whether the last kill is written on the pod
    """

    report_days: int | None = None
    resolve_after: timedelta | None = None
    annotate_pods: bool = True


DEFAULT = Policy()
_FIELDS = {
    "headroomPercent": "headroom_percent",
    "minMemory": "minimum",
    "maxMemory": "maximum",
    "roundTo": "rounding",
    "request": "request",
    "maxRaises": "most_raises",
    "enabled": "enabled",
}
# As the CRD takes them: bounded, without the units below a second.
_DURATION = re.compile(r"(?:\d{1,6}(?:\.\d{1,3})?[hms]){1,3}", re.ASCII)
_PART = re.compile(r"([\d.]+)([hms])", re.ASCII)
_UNITS = {"h": 3600, "m": 60, "s": 1}
_SIZES = frozenset({"minimum", "maximum", "rounding"})


def policy_for(
    workload: Workload, container: str, specs: Sequence[Mapping[str, Any]], names: Sequence[str] = ()
) -> Policy:
    """Return the policy of a container. `specs` are those of the OOMPolicies that hold for it, the nearest last.

    `names` are those of the objects. Of several overrides that fit, the later one in the list wins.
    """
    found = DEFAULT
    for number, spec in enumerate(specs):
        rules = [spec.get("recommendation") or {}]
        rules += [
            override.get("recommendation") or {}
            for override in spec.get("overrides") or ()
            if fits(override, workload, container)
        ]
        for each in rules:
            found = _changed(found, each)
            if names and parse_quantity(each.get("maxMemory")):
                found = replace(found, maximum_of=names[number])
    return found


def conduct_for(specs: Sequence[Mapping[str, Any]]) -> Conduct:
    """Return what holds for a namespace. `specs` are those of the OOMPolicies that hold for it, the nearest last."""
    days: int | None = None
    quiet: timedelta | None = None
    annotate = True
    for spec in specs:
        found = (spec.get("retention") or {}).get("reportDays")
        days = found if isinstance(found, int) else days
        quiet = duration_of((spec.get("review") or {}).get("resolveAfter")) or quiet
        wanted = spec.get("annotatePods")
        annotate = wanted if isinstance(wanted, bool) else annotate
    return Conduct(report_days=days, resolve_after=quiet, annotate_pods=annotate)


def duration_of(text: object) -> timedelta | None:
    """Return a duration as Go writes it (`24h`, `1h30m`, `90s`); None for what is none, or no time at all."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        return None
    parts = _PART.findall(text)
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts)) or None


def rounding_in(values: Mapping[str, Any] | None) -> int | None:
    """Return the multiple, in bytes, that a policy's rules round to; None where they do not say."""
    return parse_quantity((values or {}).get("roundTo"))


def fits(override: Mapping[str, Any], workload: Workload, container: str) -> bool:
    """Return whether an override names a container. People write kinds in any case: deployment is Deployment."""
    kind = override.get("kind")
    wanted = {"name": workload.name, "container": container}
    if kind and str(kind).lower() != workload.kind.lower():
        return False
    return all(override.get(key) in (None, "", value) for key, value in wanted.items())


def _changed(policy: Policy, values: Mapping[str, Any]) -> Policy:
    """Return a policy with those values that are set and legible; the API server has refused others already."""
    known = {one.name: getattr(policy, one.name) for one in fields(policy)}
    for key, name in _FIELDS.items():
        value = values.get(key)
        if value is None:
            continue
        if name in _SIZES:
            value = parse_quantity(value) or known[name]
        elif name == "request":
            value = RequestRule(value) if value in set(RequestRule) else known[name]
        known[name] = value
    return replace(policy, **known)
