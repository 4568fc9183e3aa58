"""What bounds a recommendation, and what is known about a container besides its kills. None: not known, or none set."""

from dataclasses import dataclass

from oomreport.incident.policy import DEFAULT, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The policy, and the cluster's own bounds, in bytes.

    node_allocatable   what the kubelet gives to all pods of the node together
    limit_range_max    the largest memory limit that a LimitRange of the namespace allows for a container
    limit_range_min    the smallest
    quota_left         how much the namespace's ResourceQuota for limits.memory still leaves, for all replicas together
    replicas           how many pods would get a raised limit
    peak               the highest working set that a metrics source knows of; asked only where one is configured
    peak_source        where that comes from, for the basis
    """

    policy: Policy = DEFAULT
    node_allocatable: int | None = None
    limit_range_max: int | None = None
    limit_range_min: int | None = None
    quota_left: int | None = None
    replicas: int = 1
    peak: int | None = None
    peak_source: str = "metrics"


UNBOUNDED = Surroundings()
