"""The container of a process, for kill lines without a summary.

The kernel's pids are those of the machine's own PID namespace. So this works for an agent in that namespace (hostPID on
a node that is a machine); in any other the same numbers would be other processes.

A line is read within a tenth of a second, and even then its process can be gone. So the processes of each container are
listed beforehand, every five seconds, and more often while something is killed. A list is kept as the kernel printed
it, one round longer than it is new.
"""

from oomreport.adapters.node.memory_files import MemoryFiles
from oomreport.adapters.node.proc_files import ProcFiles
from oomreport.agent.node.containers import NodeContainers
from oomreport.workload.container import Subject, subject_of

# In a storm, lists that differ are kept beside each other until the next round.
_MOST_LISTS = 16
_ROUND_SECONDS = 5.0
_APART_SECONDS = 0.1
# After its cgroup went a container's processes are dead, and the kernel may use their IDs again.
_GONE_SECONDS = 30.0


class Processes:
    """Lists the processes of all containers, every five seconds."""

    def __init__(self, containers: NodeContainers, files: MemoryFiles, proc: ProcFiles) -> None:
        self._containers, self._files, self._proc = containers, files, proc
        self._lists: dict[str, list[bytes]] = {}
        self._round_at = self._listed_at = float("-inf")

    def look(self, now: float, *, killed: bool = False) -> None:
        """List the processes anew where that is due, or something was `killed`."""
        due = now - self._round_at >= _ROUND_SECONDS
        if not due and (not killed or now - self._listed_at < _APART_SECONDS):
            return
        self._listed_at = now
        if due:
            self._round_at = now
            self._forget(now)
        for container in self._containers.containers():
            if container.gone_at is not None or container.path is None or container.subject.container_id is None:
                continue
            lists = self._lists.setdefault(container.subject.container_id, [])
            text = b"\n" + self._files.processes(container.path)
            if due:
                del lists[:-1]
            if not lists or (lists[-1] != text and len(lists) < _MOST_LISTS):
                lists.append(text)

    def subject(self, pid: int) -> Subject | None:
        """Return the container that a process is in, or was when it was last listed; None for none that is known."""
        subject = subject_of(self._proc.memory_cgroup(pid))
        if subject is not None and subject.container_id is not None:
            return subject
        key = b"\n%d\n" % pid
        found = [container_id for container_id, lists in self._lists.items() if any(key in text for text in lists)]
        # In two it was used again: each list may be the older one.
        known = self._containers.container(found[0]) if len(found) == 1 else None
        return known.subject if known is not None else None

    def _forget(self, now: float) -> None:
        for container_id in list(self._lists):
            known = self._containers.container(container_id)
            if known is None or (known.gone_at is not None and now - known.gone_at > _GONE_SECONDS):
                del self._lists[container_id]
