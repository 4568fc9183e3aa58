"""Which LimitRanges and quotas are known, and whose advice a change of one concerns."""

import asyncio
from collections.abc import Callable
from typing import Any

from oomreport.controller.known.namespace_bounds import NamespaceBounds
from oomreport.controller.known.rule_changes import RuleChanges
from oomreport.workload.bounds import bounds_hash, memory_range, quota_left

Object = dict[str, Any]


def limit_range(most: str = "1Gi", *, namespace: str = "shop", name: str = "range") -> Object:
    limits = [{"type": "Container", "max": {"memory": most, "cpu": "2"}}]
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"limits": limits}}


def quota(hard: str = "2Gi", used: str = "1Gi", *, namespace: str = "shop") -> Object:
    status = {"hard": {"limits.memory": hard, "pods": "10"}, "used": {"limits.memory": used, "pods": "3"}}
    spec = {"hard": {"limits.memory": hard, "pods": "10"}}
    return {"metadata": {"namespace": namespace, "name": "quota"}, "spec": spec, "status": status}


def report(bounds: str = "", *, action: str = "RaiseLimit", namespace: str = "shop", applied: bool = False) -> Object:
    advice = {"action": action, **({"boundsHash": bounds} if bounds else {})}
    conditions = [{"type": "Applied", "status": "True" if applied else "False"}]
    return {"metadata": {"namespace": namespace}, "status": {"recommendation": advice, "conditions": conditions}}


def told(story: Callable[[NamespaceBounds], None]) -> tuple[list[str], list[str | None]]:
    """Return which namespaces were to be read anew, and whose reports are to be looked at, after both were listed
    empty.
    """

    async def run() -> tuple[list[str], list[str | None]]:
        changes, forgotten = RuleChanges(), list[str]()
        bounds = NamespaceBounds(changes, forgotten.append)
        bounds.listed("limitranges", frozenset())
        bounds.listed("resourcequotas", frozenset())
        assert await changes.namespaces() == [None]
        story(bounds)
        try:
            return forgotten, await asyncio.wait_for(changes.namespaces(), 0.5)
        except TimeoutError:
            return forgotten, []

    return asyncio.run(run())


def test_a_change_of_what_bounds_memory_concerns_its_namespace():
    def story(bounds: NamespaceBounds) -> None:
        bounds.take("limitranges", "ADDED", limit_range())
        bounds.take("resourcequotas", "ADDED", quota(namespace="attic"))

    assert told(story) == (["shop", "attic"], ["attic", "shop"])


def test_what_is_used_of_a_quota_and_what_bounds_no_memory_changes_nothing():
    def story(bounds: NamespaceBounds) -> None:
        bounds.take("resourcequotas", "ADDED", quota())
        for used in range(1000):
            bounds.take("resourcequotas", "MODIFIED", quota(used=f"{used}Mi"))
        other = {"metadata": {"namespace": "shop", "name": "pods"}, "spec": {"hard": {"pods": "3"}}}
        bounds.take("resourcequotas", "ADDED", other)

    assert told(story) == (["shop"], ["shop"])


def test_what_goes_unseen_is_a_change_too():
    def story(bounds: NamespaceBounds) -> None:
        bounds.take("limitranges", "ADDED", limit_range())
        bounds.listed("limitranges", frozenset())
        assert not bounds.outdate(report())

    assert told(story) == (["shop", "shop"], ["shop"])


def test_advice_is_outdated_by_other_bounds_than_it_was_made_within():
    def story(bounds: NamespaceBounds) -> None:
        bounds.take("limitranges", "ADDED", limit_range())
        bounds.take("resourcequotas", "ADDED", quota())
        same = bounds_hash((*memory_range([limit_range()]).told, *quota_left([quota(used="2Gi")]).told))
        assert not bounds.outdate(report(same))
        assert bounds.outdate(report())
        assert bounds.outdate(report("0123456789", action="None"))
        assert not bounds.outdate(report("0123456789", applied=True))
        assert not bounds.outdate(report("0123456789", action="FixLeak"))
        assert not bounds.outdate(report(namespace="attic"))
        assert bounds.outdate(report(same, namespace="attic"))
        bounds.lost("resourcequotas")
        assert not bounds.outdate(report())

    told(story)


def test_before_both_kinds_are_listed_no_advice_is_outdated():
    bounds = NamespaceBounds(RuleChanges(), lambda _: None)
    bounds.take("limitranges", None, limit_range())
    bounds.listed("limitranges", frozenset({("shop", "range")}))
    assert not bounds.outdate(report())


def test_the_hash_of_nothing_is_nothing_and_names_do_not_count():
    assert bounds_hash(memory_range([]).told) == ""
    assert bounds_hash(quota_left([{"spec": {"hard": {"pods": "3"}}}]).told) == ""
    one, other = limit_range(name="a"), limit_range("1024Mi", name="b")
    assert bounds_hash(memory_range([one]).told) == bounds_hash(memory_range([other]).told)
