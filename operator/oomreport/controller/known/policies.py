"""The OOMPolicies of the cluster, and the advice that a change concerns.

In the controller's own namespace a policy is the cluster's default; elsewhere it holds for its namespace. Of several in
one namespace the later one by name wins, value by value.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.controller.known.reports import key_of_report
from oomreport.controller.known.rule_changes import RuleChanges
from oomreport.controller.work.keys import ReportKey
from oomreport.errors import ApiError
from oomreport.incident.advice.kept_advice import KeptAdvice, is_by
from oomreport.incident.report.rollout_conditions import is_awaited
from oomreport.incident.witness.policy import Policy, conduct_for, policy_for
from oomreport.incident.witness.surroundings import Unknown
from oomreport.names import API_VERSION, OOM_POLICIES

log = logging.getLogger(__name__)
POLICIES = path(API_VERSION, OOM_POLICIES)


class Policies:
    """What is known of OOMPolicies. `readable` is whether they have been listed, and may still be read.

    `changes` is told in which namespaces they have changed.
    """

    def __init__(self, cluster_namespace: str, changes: RuleChanges | None = None) -> None:
        self._cluster, self._changes = cluster_namespace, changes or RuleChanges()
        self._specs: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.readable = False

    async def load(self, api: ApiServer) -> None:
        """Read all policies before anything is advised. Raises ApiError where the API server does not answer."""
        try:
            async for page in api.pages(POLICIES):
                for policy in page:
                    self.take(None, policy)
            self.readable = True
            # Reports may be older than the rules that hold now, or than their end.
            self._note(self._cluster)
        except ApiError as error:
            if not error.is_unreadable:
                raise
            log.warning("policies cannot be read, the defaults hold", extra={"error": str(error)})

    def take(self, kind: str | None, policy: Mapping[str, Any]) -> None:
        """Take note of a policy as the API server tells of it."""
        namespace, name = policy["metadata"]["namespace"], policy["metadata"]["name"]
        known = self._specs.get(namespace, {})
        spec = None if kind == "DELETED" else policy.get("spec") or {}
        if spec == known.get(name):
            return
        if spec is None:
            known.pop(name)
        else:
            self._specs.setdefault(namespace, {})[name] = spec
        if not self._specs.get(namespace):
            self._specs.pop(namespace, None)
        self._note(namespace)

    def listed(self, names: frozenset[tuple[str, str]]) -> None:
        """Take note of a whole listing: what it does not hold was deleted unseen."""
        for namespace, known in list(self._specs.items()):
            for name in known.keys() - {name for where, name in names if where == namespace}:
                self.take("DELETED", {"metadata": {"namespace": namespace, "name": name}})
        if not self.readable:
            self.readable = True
            self._note(self._cluster)

    def lost(self) -> None:
        """Take note that policies cannot be read any more: those that are known go on to hold."""
        self.readable = False

    def policy_of(self, key: ReportKey) -> Policy:
        """Return how to recommend for a container."""
        found = self._of(key.namespace)
        return policy_for(key.workload, key.container, [*found.values()], [*found])

    def annotates(self, namespace: str) -> bool:
        """Return whether the last kill is written on the pods of a namespace."""
        return conduct_for(self._specs_of(namespace)).annotate_pods

    def report_age(self, namespace: str, default: timedelta) -> timedelta:
        """Return how long reports of a namespace are kept after their last kill."""
        days = conduct_for(self._specs_of(namespace)).report_days
        return default if days is None else timedelta(days=days)

    def resolve_after(self, namespace: str, default: timedelta) -> timedelta:
        """Return how long an applied recommendation has to hold in a namespace."""
        return conduct_for(self._specs_of(namespace)).resolve_after or default

    def _specs_of(self, namespace: str) -> list[Mapping[str, Any]]:
        return [*self._of(namespace).values()]

    def _of(self, namespace: str) -> dict[str, Mapping[str, Any]]:
        """Return the specs that hold for a namespace by their namespace/name, the nearest last."""
        namespaces = dict.fromkeys((self._cluster, namespace))
        return {f"{one}/{name}": spec for one in namespaces for name, spec in sorted(self._specs.get(one, {}).items())}

    def outdate(self, report: Mapping[str, Any]) -> bool:
        """Return whether a report's advice was made by old rules, or waits to see how long it holds."""
        status = report.get("status") or {}
        if is_awaited(status):
            return True
        if not status.get("recommendation") or not self.readable:
            return False
        advice = KeptAdvice.of(status["recommendation"])
        was_unknown = Unknown.POLICIES in advice.unknown
        return was_unknown or not is_by(advice, self.policy_of(key_of_report(report)))

    def _note(self, namespace: str) -> None:
        self._changes.note(None if namespace == self._cluster else namespace)
