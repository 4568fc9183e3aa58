"""What a provider of clusters can do, and which one serves this machine."""

from pathlib import Path
from typing import Protocol

from .state import State


class Provider(Protocol):
    """One way to have a cluster. All of it may be called twice."""

    def missing(self) -> list[str]:
        """What keeps it from running here, one clear line each; empty when nothing does."""
        ...

    def up(self, state: State) -> None:
        """Bring the cluster up, or what of it is not; fills and saves the state."""
        ...

    def lost(self, state: State) -> bool:
        """Whether so much of it is gone that only a new one helps."""
        ...

    def down(self, state: State) -> None:
        """End everything `up` started, also when it stopped half-way; the state's folder is removed by the caller."""
        ...

    def load(self, state: State, archive: Path) -> None:
        """Load an image archive into the runtime of every node."""
        ...

    def problems(self, state: State) -> list[str]:
        """What of a cluster that should run does not."""
        ...

    def logs(self, state: State) -> dict[str, Path]:
        """Log files of the cluster's own parts, by name."""
        ...

    def build(self, state: State, name: str, key: str) -> Path | None:
        """Build the product's image as `name`; an archive to load, or None when it is on the nodes already."""
        ...
