"""A higher limit: from which kill, by which step, within which bounds."""

from dataclasses import dataclass

from oomreport.incident.advice.case import Case
from oomreport.incident.advice.leaks import duration, rate
from oomreport.incident.advice.sizing import ceiling, in_mi, rounded, step
from oomreport.incident.advice.trim import HEADROOM
from oomreport.incident.kill import Cause
from oomreport.incident.memory.history import in_a_row, insufficient, of_several_instances, raises
from oomreport.incident.memory.trajectory import Shape
from oomreport.incident.witness.policy import RequestRule
from oomreport.workload.pod import ContainerFacts, ContainerKind
from oomreport.workload.quantity import MI, format_quantity

MOST_INPUTS = 20
# The input that names the bound which a number was cut to, or which left none.
MOST = "most"
REQUEST_NOW = "request"
_MOST_VALUE = 256
# What a runtime needs beside its heap.
_BESIDE_HEAP = 1.3
# So many kills in a row at one limit lead to a raise, whatever is believed: no demand that ends may be stuck.
IN_A_ROW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceInput:
    """A value that a recommendation was made from, and where it comes from."""

    name: str
    value: str
    source: str

    def as_json(self) -> dict[str, str]:
        """Return it as status.recommendation.inputs holds it."""
        return {"name": self.name, "value": self.value[:_MOST_VALUE], "source": self.source[:_MOST_VALUE]}


@dataclass(frozen=True, slots=True, kw_only=True)
class HigherLimit:
    """A higher limit, and the request beside it, in bytes; None leaves the request."""

    limit: int
    request: int | None
    basis: str
    inputs: tuple[AdviceInput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingMore:
    """Why nothing more can be given."""

    why: str
    inputs: tuple[AdviceInput, ...]


def raised(case: Case, limit: int) -> HigherLimit | NothingMore:
    """Return the next limit of the container, or of the pod where the pod's limit fired."""
    pod = case.cause == Cause.POD_LIMIT
    whose = "pod" if pod else "container"
    policy, kills = case.around.policy, [kill for kill in case.past if kill.cause == case.cause]
    number, base = raises(kills), insufficient(case.of_no_leak(kills), limit)
    source = "kernel" if case.fired is not None else "pod"
    inputs = [
        AdviceInput(name="limitThatFired", value=format_quantity(limit), source=source),
        AdviceInput(name="kills", value=str(case.kills), source="report"),
        AdviceInput(name="raises", value=str(number), source="kills"),
        *_way(case),
    ]
    happened = f"Kill {case.kills}: the {whose}'s limit of {format_quantity(limit)} was full{_after(case)}."
    if number >= policy.most_raises and in_a_row(kills) < IN_A_ROW:
        why = f"{happened} It was raised {number} times without an end: look at what it does before more is given."
        return NothingMore(why=why, inputs=tuple(inputs))
    steady = not pod and not number and case.way.rises
    wanted, sum_ = step(base, policy, steady=steady)
    if base > limit:
        inputs.append(AdviceInput(name="highestLimitThatFired", value=format_quantity(base), source="kills"))
    inputs.append(
        AdviceInput(name="step", value=sum_, source="policy" if policy.headroom_percent else "docs/advice.md")
    )
    heap = _heap(case, limit, pod=pod)
    if heap is not None:
        inputs.append(heap[1])
        wanted, sum_ = heap[0], f"{heap[1].value} of heap x {_BESIDE_HEAP:g}"
    peak = None if pod else case.around.peak
    if peak is not None:
        inputs.append(AdviceInput(name="peak", value=in_mi(peak), source=case.around.peak_source))
        if peak * HEADROOM > wanted:
            wanted, sum_ = int(peak * HEADROOM), f"the peak of {in_mi(peak)} x {HEADROOM:g}"
    for name, least, where in (
        ("minMemory", policy.minimum, "policy"),
        ("LimitRange min", None if pod else case.around.limit_range_min, "namespace"),
    ):
        if least is not None and wanted < least:
            inputs.append(AdviceInput(name=name, value=in_mi(least), source=where))
            wanted, sum_ = least, f"the least that the {where} allows"
    wanted, unit = rounded(wanted, policy)
    inputs.append(
        AdviceInput(name="roundTo", value=format_quantity(unit), source="policy" if policy.rounding else "default")
    )
    bound = ceiling(limit, case.around, of_pod=pod, beside=_beside(case))
    end = f", rounded up to a multiple of {format_quantity(unit)}"
    if bound is not None and wanted > bound.size:
        inputs.append(AdviceInput(name=MOST, value=in_mi(bound.size), source=bound.why))
        if bound.size <= limit:
            return NothingMore(
                why=f"No raise: {bound.why} allows no more than the limit already has. {happened}", inputs=tuple(inputs)
            )
        wanted, end = bound.size, f", cut to {bound.why}"
    request, words = _request(case, wanted, inputs, pod=pod)
    test = " If it fills in the same way, it is a leak." if steady else ""
    return HigherLimit(
        limit=wanted,
        request=request,
        basis=f"{happened} Set it to {format_quantity(wanted)}: {sum_}{end}.{test}{words}",
        inputs=tuple(inputs),
    )


def _request(case: Case, limit: int, inputs: list[AdviceInput], *, pod: bool) -> tuple[int | None, str]:
    """Return the request beside a new limit, and a sentence on it; what it is now becomes an input."""
    if pod:
        return None, " The requests of its containers stay as they are."
    own = _now(case.facts)
    request, words = share_of_request(own, limit, case.around.policy.request)
    if request is not None and own[0]:
        inputs.append(AdviceInput(name=REQUEST_NOW, value=format_quantity(own[0]), source="pod"))
    return request, words


def _after(case: Case) -> str:
    """Say how old the instance was, unless it had lived through the kill before: then the limit was full sooner."""
    if not case.way.uptime_seconds or not of_several_instances(case.past[-2:]):
        return ""
    return f" after {duration(case.way.uptime_seconds)}"


def _way(case: Case) -> list[AdviceInput]:
    way, recorder = case.way, "flight recorder"
    if way.shape is Shape.UNKNOWN:
        return [AdviceInput(name="trajectory", value="not recorded", source=recorder)]
    found = [AdviceInput(name="trajectory", value=way.shape, source=recorder)]
    if way.uptime_seconds:
        found.append(AdviceInput(name="uptime", value=duration(way.uptime_seconds), source=recorder))
    if way.growth > 0:
        found.append(AdviceInput(name="level", value=in_mi(way.level // MI * MI), source=recorder))
        found.append(AdviceInput(name="growth", value=rate(way.growth), source=recorder))
    return found


def _beside(case: Case) -> int | None:
    """Return the limits of the other containers of the pod together; None where the pod has a limit of its own."""
    if case.pod is None or case.pod.memory_limit is not None:
        return None
    lasting = (one for one in case.pod.containers if one.kind in (ContainerKind.REGULAR, ContainerKind.SIDECAR))
    return sum(one.memory_limit or 0 for one in lasting if one.name != case.container)


def _heap(case: Case, limit: int, *, pod: bool) -> tuple[int, AdviceInput] | None:
    """Return a limit that holds the largest heap that is allowed: it will be used."""
    for heap in case.facts.heap if case.facts and not pod else ():
        most = heap.size
        if most is not None and most * _BESIDE_HEAP > limit and most <= 4 * limit:
            needed = max(int(most * _BESIDE_HEAP), limit + MI)
            return needed, AdviceInput(name="heap", value=in_mi(most), source=heap.text)
    return None


def _now(container: ContainerFacts | None) -> tuple[int | None, int | None]:
    return (container.memory_request, container.memory_limit) if container else (None, None)


def share_of_request(now: tuple[int | None, int | None], limit: int, rule: RequestRule) -> tuple[int | None, str]:
    """Return the request beside a new limit, and a sentence on it; None leaves it. `now` is request and limit now."""
    own, own_limit = now
    if rule is RequestRule.EQUAL_LIMIT:
        return limit, " The policy sets the request to the limit."
    if not own or not own_limit or (rule is RequestRule.UNCHANGED and own <= limit):
        return None, ""
    kept = own / own_limit
    request = limit if kept >= 1 else -(-int(limit * kept) // MI) * MI
    share = f"{format_quantity(own)} of {format_quantity(own_limit)}"
    return request, f" The request was {share} and keeps that share: {format_quantity(request)}."
