"""Small files: read at once, or written to survive a power cut.

A written file holds either the old or the new bytes, never a part.
"""

import contextlib
import os
from pathlib import Path


def read_at_once(path: str, size: int) -> bytes:
    """Return the first `size` bytes of a kernel file, as much as one read gives; empty where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, size)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file so that after a crash it holds either the old or the new bytes. Raises OSError.

    With `sync` that holds for a power cut too; else only once `sync_file` and `sync_folder` are done.
    """
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if sync:
            os.fsync(descriptor)
    except OSError:
        # On a full disk half a file would keep the disk full.
        remove(temporary)
        raise
    finally:
        os.close(descriptor)
    temporary.replace(path)
    if sync:
        sync_folder(path.parent)


def remove_unfinished(*folders: Path) -> None:
    """Remove what `write_whole` left behind where its process ended in the middle."""
    for folder in folders:
        for path in folder.glob(".*.new"):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file, where that can be done."""
    with contextlib.suppress(OSError):
        path.unlink()


def sync_file(path: Path) -> None:
    """Make a file's bytes survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
