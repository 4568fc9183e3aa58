"""What running containers hold, read from their cgroups, five times a second."""

import os
import threading
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_EVERY = 0.2


class Memory(threading.Thread):
    """The most that each watched container held without page cache, in bytes, and the most that the kernel counted."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._folders: dict[str, Path] = {}
        self._peaks: dict[str, int] = {}
        self._end = threading.Event()

    def watch(self, container: str) -> None:
        """Follow a container by its ID from now on."""
        if container not in self._folders and (folder := _folder(container)) is not None:
            self._folders = {**self._folders, container: folder}

    def peak(self, container: str) -> int:
        """Return the most that it held without page cache: that is given back before anything is killed."""
        return self._peaks.get(container, 0)

    def counted(self, container: str) -> int:
        """Return the most that the kernel charged, page cache included; 0 where it is gone."""
        folder = self._folders.get(container)
        for name in ("memory.max_usage_in_bytes", "memory.peak"):
            with suppress(OSError, ValueError):
                return int((folder / name).read_text()) if folder else 0
        return 0

    def stop(self) -> None:
        self._end.set()

    def run(self) -> None:
        while not self._end.wait(_EVERY):
            for container, folder in self._folders.items():
                with suppress(OSError, ValueError):
                    self._peaks[container] = max(self._peaks.get(container, 0), held(folder))


def held(folder: Path) -> int:
    """Return what a cgroup holds without page cache, in bytes. Shared memory is no page cache that can be dropped."""
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    if (usage := folder / "memory.usage_in_bytes").exists():
        return int(usage.read_text()) - int(stat["total_cache"]) + int(stat["total_shmem"])
    return int((folder / "memory.current").read_text()) - int(stat["file"]) + int(stat["shmem"])


def _folder(container: str) -> Path | None:
    root = _ROOT / "memory" if (_ROOT / "memory").is_dir() else _ROOT
    for folder, names, _ in os.walk(root):
        for name in names:
            if container in name:
                return Path(folder, name)
    return None
