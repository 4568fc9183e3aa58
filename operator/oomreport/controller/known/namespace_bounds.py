"""The memory bounds of LimitRanges and ResourceQuotas in all namespaces.

They say what is allowed, not what is used.
They are few, and change seldom; but the status of a quota changes with every pod. So of each there is kept what it says
of memory, and a change is what changes that.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.list_watch import ListWatch
from oomreport.controller.known.rule_changes import RuleChanges
from oomreport.incident.advice.kept_advice import is_outdated
from oomreport.incident.report.status import ReportStatus
from oomreport.workload.bounds import bounds_hash, told_by_quota, told_by_range

_KINDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "limitranges": told_by_range,
    "resourcequotas": told_by_quota,
}


class NamespaceBounds:
    """What is known of them. `forget` is told each namespace in which they have changed."""

    def __init__(self, changes: RuleChanges, forget: Callable[[str], None]) -> None:
        self._changes, self._forget = changes, forget
        self._told: defaultdict[str, dict[tuple[str, str], str]] = defaultdict(dict)
        self._listed: set[str] = set()

    def list_watches(self, api: ApiServer) -> dict[str, ListWatch]:
        """Return what keeps them as they are at the API server; without the right to watch they stay unknown."""
        return {plural: self._list_watch(api, plural) for plural in _KINDS}

    def take(self, plural: str, event: str | None, item: Mapping[str, Any]) -> None:
        """Take note of one as the API server tells of it."""
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        said = "" if event == "DELETED" else _KINDS[plural](item)
        before = self._told[namespace].pop((plural, name), "")
        if said:
            self._told[namespace][plural, name] = said
        if not self._told[namespace]:
            del self._told[namespace]
        if said != before and plural in self._listed:
            self._note(namespace)

    def listed(self, plural: str, names: frozenset[tuple[str, str]]) -> None:
        """Take note of a whole listing: what it does not hold was deleted unseen."""
        known = [(namespace, name) for namespace, one in self._told.items() for kind, name in one if kind == plural]
        for namespace, name in known:
            if (namespace, name) not in names:
                self.take(plural, "DELETED", {"metadata": {"namespace": namespace, "name": name}})
        if plural not in self._listed:
            self._listed.add(plural)
            if self._is_known:
                # Reports may be older than what holds now.
                self._changes.note(None)

    def lost(self, plural: str) -> None:
        """Take note that they cannot be read any more."""
        self._listed.discard(plural)

    def outdate(self, report: Mapping[str, Any]) -> bool:
        """Return whether a report's advice was made within other bounds."""
        if not self._is_known:
            return False
        told = self._told.get(report["metadata"]["namespace"], {})
        status = ReportStatus.of(report.get("status"))
        return is_outdated(status.recommendation, bounds_hash(told.values()), applied=status.holds("Applied"))

    @property
    def _is_known(self) -> bool:
        return self._listed == _KINDS.keys()

    def _note(self, namespace: str) -> None:
        self._forget(namespace)
        self._changes.note(namespace)

    def _list_watch(self, api: ApiServer, plural: str) -> ListWatch:
        return ListWatch(
            api,
            path("v1", plural),
            lambda event, item: self.take(plural, event, item),
            on_listed=lambda names: self.listed(plural, names),
            on_lost=lambda: self.lost(plural),
        )
