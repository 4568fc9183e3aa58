"""The decision on one recommendation: edit, patch, skip or refuse.

A recommendation is applied in full or not at all: a request without its limit would be another recommendation. No line
is added to a manifest. What a manifest does not set, somebody else sets (a LimitRange, a webhook, another file), and
would go on setting.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from oomreport.gitops.advice import Advice
from oomreport.gitops.location import CheckoutManifests, Found, MemoryLocation
from oomreport.gitops.lookup import Absent, Barred
from oomreport.gitops.manifest import LIMIT, REQUEST, Field
from oomreport.gitops.overlay import Overlay
from oomreport.gitops.text_edit import ScalarEdit
from oomreport.gitops.yaml_text import Scalar
from oomreport.workload.quantity import parse_quantity

# The kernel keeps limits in whole pages, of at most 64 KiB: of a limit of 100M the report saw 97656Ki.
_LARGEST_PAGE = 1 << 16
_SMALLEST_PAGE = 1 << 12


class EditState(StrEnum):
    """The outcome for a recommendation."""

    CHANGED = "changed"
    ALREADY = "already"
    REFUSED = "refused"
    SKIPPED = "skipped"
    NOT_FOUND = "not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOutcome:
    """The outcome for one value of a recommendation, or for all of it (`field` is None), and the reason."""

    advice: Advice
    state: EditState
    why: str = ""
    field: Field | None = None
    where: str = ""
    old: str | None = None
    new: str | None = None
    file: str | None = None
    edit: ScalarEdit | None = None
    overlay: Overlay | None = None


def decided(manifests: CheckoutManifests, advice: Advice, *, accepted_only: bool) -> list[EditOutcome]:
    """Return the outcome for a recommendation, value by value."""
    if not advice.changes:
        return [EditOutcome(advice=advice, state=EditState.SKIPPED, why=advice.why_not)]
    if advice.decision == "Rejected":
        by = f" by {advice.reviewer}" if advice.reviewer else ""
        return [
            EditOutcome(advice=advice, state=EditState.SKIPPED, why=f"rejected{by}{advice.note and f': {advice.note}'}")
        ]
    if accepted_only and advice.decision != "Accepted":
        return [EditOutcome(advice=advice, state=EditState.SKIPPED, why="not accepted yet")]
    locations = manifests.locations(advice.target)
    if not locations:
        why = f"no manifest of it is here{manifests.hint(advice.target)}"
        return [EditOutcome(advice=advice, state=EditState.NOT_FOUND, why=why)]
    if len(locations) > 1:
        return [
            _refused(
                advice, f"{len(locations)} places define it: {', '.join(location.shown for location in locations)}"
            )
        ]
    found = list(_values(manifests, advice, locations[0]))
    refused = [one for one in found if one.state is EditState.REFUSED]
    return refused[:1] or found


def _values(manifests: CheckoutManifests, advice: Advice, location: MemoryLocation) -> Iterator[EditOutcome]:
    if advice.action == "RaiseRequest":
        yield from _only_request(manifests, advice, location)
        return
    if advice.limit is None:
        yield _refused(advice, "the recommendation names no limit")
        return
    yield _limit(manifests, advice, location, advice.limit)
    if advice.request is not None:
        yield from _request(manifests, advice, location, advice.request)


def _limit(manifests: CheckoutManifests, advice: Advice, location: MemoryLocation, wanted: str) -> EditOutcome:
    found = location.found(LIMIT)
    value = _text(found)
    if value is None:
        return _unreadable(manifests, advice, location, found, LIMIT)
    own = parse_quantity(value)
    if own is None:
        return _refused(advice, f"{_at(manifests, found)} says {value!r}, which is no quantity of memory")
    if _is_there(advice, own, parse_quantity(wanted) or 0):
        return _already(manifests, advice, found, field=LIMIT, value=value, wanted=wanted)
    if advice.previous_limit is None or not _is_seen(own, advice.previous_limit):
        return _refused(
            advice,
            f"{_at(manifests, found)} says {value}, the report saw {advice.previous_limit or 'no limit'}: it changed since,"
            " or something else sets it",
        )
    return _edit(manifests, advice, location, found, field=LIMIT, old=value, new=wanted)


def _request(
    manifests: CheckoutManifests, advice: Advice, location: MemoryLocation, wanted: str
) -> Iterator[EditOutcome]:
    found = location.found(REQUEST)
    if isinstance(found.value, Absent):
        if parse_quantity(wanted) != parse_quantity(advice.limit or ""):
            yield EditOutcome(
                advice=advice,
                state=EditState.SKIPPED,
                field=REQUEST,
                why=f"{manifests.files.shown(found.file)} sets no request: {wanted} must be added by hand",
            )
        # Where no request is set, Kubernetes uses the limit as the request.
        return
    value = _text(found)
    if value is None:
        yield _unreadable(manifests, advice, location, found, REQUEST)
        return
    own = parse_quantity(value)
    if own is None or (not advice.lowers and own > (parse_quantity(advice.limit or "") or 0)):
        yield _refused(
            advice, f"{_at(manifests, found)} requests {value}, which does not fit a limit of {advice.limit}"
        )
    elif _is_there(advice, own, parse_quantity(wanted) or 0):
        yield _already(manifests, advice, found, field=REQUEST, value=value, wanted=wanted)
    else:
        yield _edit(manifests, advice, location, found, field=REQUEST, old=value, new=wanted)


def _is_there(advice: Advice, own: int, wanted: int) -> bool:
    """Return whether a manifest has what is wanted already: no less, or no more where the limit is to be lowered."""
    return own <= wanted if advice.lowers else own >= wanted


def _only_request(manifests: CheckoutManifests, advice: Advice, location: MemoryLocation) -> Iterator[EditOutcome]:
    if advice.request is None:
        yield _refused(advice, "the recommendation names no request")
        return
    found, limit = location.found(REQUEST), location.found(LIMIT)
    value, bound = _text(found), _text(limit)
    if value is None:
        yield _unreadable(manifests, advice, location, found, REQUEST)
        return
    own = parse_quantity(value)
    if own is not None and own >= (parse_quantity(advice.request) or 0):
        yield _already(manifests, advice, found, field=REQUEST, value=value, wanted=advice.request)
        return
    if own is None:
        yield _refused(advice, f"{_at(manifests, found)} says {value!r}, which is no quantity of memory")
        return
    size = parse_quantity(bound) if bound is not None else None
    saw = advice.previous_limit
    if (size is None) != (saw is None) or (size is not None and saw is not None and not _is_seen(size, saw)):
        yield _refused(
            advice,
            f"{_at(manifests, limit) if bound else manifests.files.shown(limit.file)} sets {f'a limit of {bound}' if bound else 'no limit'},"
            f" the report saw {saw or 'none'}: it changed since, or something else sets it",
        )
        return
    yield _edit(manifests, advice, location, found, field=REQUEST, old=value, new=advice.request)


def _edit(
    manifests: CheckoutManifests,
    advice: Advice,
    location: MemoryLocation,
    found: Found,
    *,
    field: Field,
    old: str,
    new: str,
) -> EditOutcome:
    changed = EditOutcome(
        advice=advice, state=EditState.CHANGED, field=field, old=old, new=new, where=_at(manifests, found)
    )
    why = None
    if isinstance(found.value, Barred):
        why = f"the value in {manifests.files.shown(found.file)} {found.value.reason}"
    elif not manifests.files.editable(found.file):
        why = f"{manifests.files.shown(found.file)} is outside the named paths"
    elif others := manifests.shared(found, advice.target, field):
        why = f"{_at(manifests, found)} is the value of {others}, too"
    if why is None:
        assert isinstance(found.value, Scalar)
        edit = ScalarEdit(scalar=found.value, value=new, around=found.around)
        return replace(changed, file=found.file, edit=edit)
    if not location.overlays:
        return _refused(advice, why)
    if len(location.overlays) > 1:
        names = ", ".join(manifests.files.shown(one.kustomization.file) for one in location.overlays)
        return _refused(advice, f"{why}; several kustomizations make it: {names}")
    overlay = location.overlays[0]
    new_file = f"{overlay.kustomization.folder}/{overlay.file_name}"
    if not (manifests.files.editable(overlay.kustomization.file) and manifests.files.editable(new_file)):
        return _refused(advice, why)
    return replace(changed, overlay=overlay, file=overlay.kustomization.file, why=f"a patch, since {why}")


def _unreadable(
    manifests: CheckoutManifests, advice: Advice, location: MemoryLocation, found: Found, field: Field
) -> EditOutcome:
    file = manifests.files.shown(found.file)
    if isinstance(found.value, Absent):
        return _refused(
            advice,
            f"{location.shown} sets no {field.name} ({found.value.at} is not there): something else sets it; no line is added",
        )
    assert isinstance(found.value, Barred)
    return _refused(advice, f"the {field.name} in {file} {found.value.reason}")


def _already(
    manifests: CheckoutManifests, advice: Advice, found: Found, *, field: Field, value: str, wanted: str
) -> EditOutcome:
    differs = parse_quantity(value) != parse_quantity(wanted)
    side = "less" if advice.lowers else "more"
    return EditOutcome(
        advice=advice,
        state=EditState.ALREADY,
        field=field,
        where=_at(manifests, found),
        old=value,
        new=wanted,
        why=f"already {value}" + (f", {side} than the {wanted} that is recommended" if differs else ""),
    )


def _refused(advice: Advice, why: str) -> EditOutcome:
    return EditOutcome(advice=advice, state=EditState.REFUSED, why=why)


def _text(found: Found) -> str | None:
    """Return the value, also where it cannot be edited but overridden."""
    if isinstance(found.value, Scalar):
        return str(found.value.value)
    if isinstance(found.value, Barred) and found.value.overridable:
        return found.value.value
    return None


def _at(manifests: CheckoutManifests, found: Found) -> str:
    line = f":{found.value.line}" if isinstance(found.value, Scalar) else ""
    return f"{manifests.files.shown(found.file)}{line}"


def _is_seen(own: int, seen: str) -> bool:
    """Return whether a limit is the one that the report saw; the kernel had rounded that down to whole pages."""
    size = parse_quantity(seen) or 0
    return own == size or (size % _SMALLEST_PAGE == 0 and 0 <= own - size < _LARGEST_PAGE and own % _SMALLEST_PAGE != 0)
