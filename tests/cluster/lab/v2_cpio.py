"""Archives the kernel unpacks into its initial RAM disk: cpio in the "newc" format.

Several may follow each other, each padded to four bytes, compressed or not: so what differs from boot to boot is put
in front of what does not. Source: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
"""

import stat
from collections.abc import Mapping
from pathlib import PurePosixPath

TRAILER = "TRAILER!!!"
BLOCK = 512


def cpio(files: Mapping[str, bytes], *, modes: Mapping[str, int] | None = None) -> bytes:
    """An archive of these files, by path without a leading slash, with their folders; mode 0644 unless told."""
    folders = {str(parent): None for path in files for parent in reversed(PurePosixPath(path).parents)}
    folders.pop(".", None)
    parts = [_entry(folder, b"", stat.S_IFDIR | 0o755, number) for number, folder in enumerate(folders, 1)]
    for number, (path, content) in enumerate(files.items(), len(parts) + 1):
        parts.append(_entry(path, content, stat.S_IFREG | (modes or {}).get(path, 0o644), number))
    parts.append(_entry(TRAILER, b"", 0, 0))
    return _padded(b"".join(parts), BLOCK)


def _entry(path: str, content: bytes, mode: int, number: int) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name, 4) + _padded(content, 4)


def _padded(data: bytes, size: int) -> bytes:
    return data + bytes(-len(data) % size)
