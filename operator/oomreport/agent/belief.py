"""The checks that a kill in the log must pass.

A kill must agree with the node's cgroups, with a counter of its own, and with the machine's count.

Text of user space gets into the kernel log (kernel/record_bounds.py). Counters are the kernel's alone: `oom_kill` of
the victim's cgroup and that of /proc/vmstat move before the line of a kill is printed. So at the time of a line its
container's counter has moved, and the machine counted as many kills as there are lines.
"""

from oomreport.agent.node.containers import NodeContainers
from oomreport.agent.node.node_state import VANISHED_SECONDS, KnownContainer
from oomreport.agent.ownership import Ownership
from oomreport.agent.refusals import Refusal
from oomreport.workload.container import Subject


class Belief:
    """Compares kills that name a cgroup with what the node counts."""

    def __init__(self, containers: NodeContainers, ownership: Ownership) -> None:
        self._containers, self._ownership = containers, ownership

    def refusal(
        self, subject: Subject | None, path: str | None, now: float, *, excess: int, replaying: bool
    ) -> Refusal | None:
        """Return why a kill in the cgroup `path` is not believed, None where nothing speaks against it.

        `excess` is how many more kills the log tells than the machine counted, `replaying` that the lines are from
        before anybody watched, so that all of a counter may be theirs.
        """
        if subject is not None and not self._ownership.is_place_of(subject, path):
            return Refusal.OTHER_CGROUP
        known = self._containers.recount(subject.container_id, now) if subject is not None else None
        if known is None or not self._is_counted(known, path):
            # Nothing of its own counts this kill: it is one of those that the machine counted, or it is none.
            # A cgroup that went so short a time ago went with its kill, and its counter with it.
            vanished = known is not None and known.gone_at is not None and now - known.gone_at < VANISHED_SECONDS
            return Refusal.BEYOND_COUNT if excess and not vanished else None
        tally = known.tally
        if known.named < tally.kills if replaying else tally.unexplained:
            return None
        # An anonymous kill of another may have been put down to this container. Then the machine's count tells.
        if known.named < known.processes_killed and not excess:
            return None
        return Refusal.COUNTER_UNMOVED

    def _is_counted(self, known: KnownContainer, path: str | None) -> bool:
        """Return whether a counter that can be read counts kills in `path`; in v1 each cgroup counts its own only."""
        if known.gone_at is not None or not known.counted or known.path is None:
            return False
        if self._containers.pod_counts or path is None:
            return True
        return path.endswith((known.path, *known.nested))
