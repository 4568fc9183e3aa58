"""The bounds of a recommendation, and a container's known peak.

None means: not known, or none set.
"""

from dataclasses import dataclass
from enum import StrEnum

from oomreport.incident.memory.usage_since import UsageSince
from oomreport.incident.witness.policy import DEFAULT, Policy


class Unknown(StrEnum):
    """What was asked for and not answered in time: refused, out of reach, or not told by what was read."""

    POLICIES = "OOMPolicies"
    NODE = "NodeAllocatable"
    LIMIT_RANGES = "LimitRanges"
    QUOTAS = "ResourceQuotas"
    REPLICAS = "Replicas"
    METRICS = "Metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The policy, and the cluster's own bounds, in bytes.

    node_allocatable   what the kubelet gives to all pods of the node together
    limit_range_max    the largest memory limit that a LimitRange of the namespace allows for a container
    limit_range_min    the smallest
    limit_range_pod    the largest sum of the memory limits of a pod's containers
    quota_left         how much the namespace's ResourceQuota for limits.memory still leaves, for all replicas together
    quota_requests     the same for requests.memory
    replicas           how many pods would get a raised limit
    peak               the highest working set that a metrics source knows of; asked only where one is configured
    peak_source        where that comes from, for the basis
    usage              what the running containers held since the last change of the limit
    bounds             a hash of what the namespace's LimitRanges and quotas allow; None where they could not be read
    unknown            what could not be found out: of it None means nothing
    """

    policy: Policy = DEFAULT
    node_allocatable: int | None = None
    limit_range_max: int | None = None
    limit_range_min: int | None = None
    limit_range_pod: int | None = None
    quota_left: int | None = None
    quota_requests: int | None = None
    replicas: int = 1
    peak: int | None = None
    peak_source: str = "metrics"
    usage: UsageSince | None = None
    bounds: str | None = None
    unknown: frozenset[Unknown] = frozenset()


UNBOUNDED = Surroundings()
