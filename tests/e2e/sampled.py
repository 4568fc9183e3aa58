"""What containers hold over time, read on their node by a loop of the shell: the agent's samples are compared
with it.
"""

import shlex
import subprocess
from pathlib import Path

from e2e.nodes import chosen

# The shell reads the files itself: a process for each would cost an emulated processor more than the node has.
# Either version of cgroups; inactive page cache is not in use.
_LOOP = """
folder=$(find /sys/fs/cgroup/memory /sys/fs/cgroup -type d -name '*{container}*' -print -quit 2>/dev/null)
[ -n "$folder" ] && cd "$folder" || exit 1
usage_file=memory.current inactive=inactive_file
[ -e $usage_file ] || usage_file=memory.usage_in_bytes inactive=total_inactive_file
while read -r usage <$usage_file; do
  while read -r key size; do
    [ "$key" = $inactive ] && echo "$EPOCHREALTIME $((usage - size))" && break
  done <memory.stat
  sleep {pause}
done 2>/dev/null
"""


class Sampled:
    """The working set of one container from now on, until its cgroup goes or nobody asks any more."""

    def __init__(self, container_id: str, into: Path, *, pause: float = 0.5) -> None:
        """Start the loop, which prints into a file of its own."""
        script = _LOOP.format(container=container_id, pause=pause)
        self._into = into
        with into.open("wb") as printed:
            self._loop = subprocess.Popen(chosen().on_node(f"exec bash -c {shlex.quote(script)}"), stdout=printed)

    def seen(self) -> list[tuple[float, int]]:
        """Return the working sets so far, in bytes, each with its time on the node's clock."""
        # The last line may be half written.
        lines = (line.split() for line in self._into.read_text().split("\n")[:-1])
        return [(float(at), int(size)) for at, size in lines]

    def close(self) -> None:
        """End the loop."""
        self._loop.kill()
        self._loop.wait()
