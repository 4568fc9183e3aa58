"""Records on disk until they are delivered.

    <folder>/spool/<name>.json       to be sent
    <folder>/refused/<name>.json     {"reason": .., "record": ..}: the API server refused it; kept for people

A record is a file before it is sent, so the end of the process loses none. To survive a power cut as well takes the
disk long, so that is done only for records that are not delivered a fifth of a second later (`sync`). In a storm of
kills on a busy disk it would delay each by a tenth of a second.

The spool is bounded, and the oldest record goes first: people look at the newest kills, and a report remembers its
first kill by the records delivered earlier. Before a record goes entirely, a new record is kept without its bulk (the
kernel's text, the tasks, the statistics), which is most of it. What goes is counted and returned to the caller, who
reports it.

A power cut within that fifth of a second can leave a file that is empty, or whose blocks were never written. It is
removed when it is found, and named in `torn`.

Where the disk is full or read-only, records wait in memory and are written when it is possible again. One thread adds,
another sends; both may call every method.
"""

import contextlib
import json
import stat
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oomreport.adapters.storage.files import remove, remove_unfinished, sync_file, sync_folder, write_whole

_BULK = ("log", "tasks", "usage")
_MOST_REFUSED = 1000
_MOST_IN_MEMORY = 1000
_SYNC_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What adding a record did. `dropped` are the names of older records that had to go."""

    on_disk: bool = True
    already_there: bool = False
    thinned: bool = False
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFigures:
    """The state of the spool. `oldest_seconds` is the age of the record that waits longest.

    `in_memory` would be lost with the process, `unsynced` by a power cut.
    """

    records: int
    bytes: int
    oldest_seconds: float
    refused: int
    dropped: int
    in_memory: int
    unsynced: int


@dataclass(slots=True)
class _Entry:
    size: int
    since: float
    body: bytes | None = None
    synced: bool = False
    # Monotonic: a wall clock that is set back must not put off what makes a record safe.
    stored: float = field(default_factory=time.monotonic)


class Spool:
    """The records below a folder, which is made. What cannot be written waits in memory and is tried again.

    `problem` says why the last record could not be written, None where it could. `torn` are the names of records whose
    content was missing.
    """

    def __init__(self, folder: Path, *, most_records: int = 10_000, most_bytes: int = 64 << 20) -> None:
        self._spool, self._refused = folder / "spool", folder / "refused"
        self._most_records, self._most_bytes = most_records, most_bytes
        self._lock = threading.Lock()
        self._dropped = 0
        self.torn: tuple[str, ...] = ()
        self.problem: str | None = None
        remove_unfinished(self._spool, self._refused)
        self._entries = dict(sorted(self._on_disk(), key=lambda item: item[1].since))
        self._refused_count = sum(1 for _ in self._refused.glob("*.json"))

    def add(self, record: Mapping[str, Any]) -> Added:
        """Keep a record. One of the same name that is still here stays as it is."""
        name: str = record["metadata"]["name"]
        body, thinned = _json(record), False
        with self._lock:
            if name in self._entries:
                return Added(already_there=True)
            if self._bytes() + len(body) > self._most_bytes:
                body, thinned = _json(_thin(record)), True
            dropped = self._make_room(len(body))
            on_disk = self._store(name, body)
            return Added(on_disk=on_disk, thinned=thinned, dropped=dropped)

    def pending(self) -> list[str]:
        """Return the names of the records to send, oldest first."""
        with self._lock:
            return list(self._entries)

    def body(self, name: str) -> bytes | None:
        """Return a record as JSON, or None where it is no longer here."""
        with self._lock:
            entry = self._entries.get(name)
            if entry is None or entry.body is not None:
                return entry.body if entry else None
            try:
                return self._file(name).read_bytes()
            except OSError:
                return None

    def done(self, name: str) -> None:
        """Forget a record that was delivered."""
        with self._lock:
            self._entries.pop(name, None)
            # One that a power cut brings back is delivered again, which changes nothing.
            remove(self._file(name))

    def refuse(self, name: str, reason: str) -> None:
        """Set a record aside that will not be taken, with the reason."""
        body = self.body(name)
        with self._lock:
            self._entries.pop(name, None)
            if body is not None:
                try:
                    record: Any = json.loads(body)
                except ValueError:
                    record = body.decode("utf-8", "replace")
                try:
                    self._refused.mkdir(parents=True, exist_ok=True, mode=0o700)
                    write_whole(self._refused / f"{name}.json", _json({"reason": reason, "record": record}))
                except OSError:
                    # Kept where it is: the next start offers it again.
                    return
            remove(self._file(name))
            self._refused_count = self._bound_refused()

    def readmit(self) -> int:
        """Put all refused records back into the spool: rights, CRD or agent can have changed."""
        records = []
        for path in sorted(self._refused.glob("*.json")):
            try:
                record = json.loads(path.read_bytes())["record"]
                record["metadata"]["name"]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            records.append((path, record))
        for path, record in records:
            if self.add(record).on_disk:
                remove(path)
        self._refused_count = sum(1 for _ in self._refused.glob("*.json"))
        return len(records)

    def write_back(self) -> bool:
        """Write to disk what waits in memory; return whether nothing waits there any more."""
        with self._lock:
            for name, entry in self._entries.items():
                if entry.body is not None and not self._written(name, entry.body):
                    return False
                entry.body = None
            return True

    def sync(self, *, at_once: bool = False) -> None:
        """Make records that were not delivered soon survive a power cut. May take the disk's time."""
        now = time.monotonic()
        with self._lock:
            due = {
                name: entry
                for name, entry in self._entries.items()
                if not entry.synced and entry.body is None and (at_once or now - entry.stored >= _SYNC_SECONDS)
            }
        try:
            for name in due:
                with contextlib.suppress(FileNotFoundError):
                    sync_file(self._file(name))
            if due:
                sync_folder(self._spool)
        except OSError as error:
            self.problem = str(error)
            return
        for entry in due.values():
            entry.synced = True

    def figures(self, now: float | None = None) -> SpoolFigures:
        """Return the state of the spool."""
        with self._lock:
            oldest = min((entry.since for entry in self._entries.values()), default=None)
            waited = 0.0 if oldest is None else max(0.0, (time.time() if now is None else now) - oldest)
            return SpoolFigures(
                records=len(self._entries),
                bytes=self._bytes(),
                oldest_seconds=waited,
                refused=self._refused_count,
                dropped=self._dropped,
                in_memory=sum(entry.body is not None for entry in self._entries.values()),
                unsynced=sum(not entry.synced for entry in self._entries.values()),
            )

    def _on_disk(self) -> list[tuple[str, _Entry]]:
        found = []
        for path in self._spool.glob("*.json"):
            try:
                status = path.stat(follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    continue
                blank = _is_blank(path)
            except OSError:  # it went meanwhile
                continue
            if blank:
                self.torn += (path.stem,)
                remove(path)
                continue
            found.append((path.stem, _Entry(size=status.st_size, since=status.st_mtime, synced=True)))
        return found

    def _file(self, name: str) -> Path:
        return self._spool / f"{name}.json"

    def _bytes(self) -> int:
        return sum(entry.size for entry in self._entries.values())

    def _make_room(self, size: int) -> tuple[str, ...]:
        dropped = []
        in_memory = [name for name, entry in self._entries.items() if entry.body is not None]
        if len(in_memory) >= _MOST_IN_MEMORY:
            dropped.append(in_memory[0])
            del self._entries[in_memory[0]]
        while self._entries and (len(self._entries) >= self._most_records or self._bytes() + size > self._most_bytes):
            oldest = next(iter(self._entries))
            del self._entries[oldest]
            remove(self._file(oldest))
            dropped.append(oldest)
        self._dropped += len(dropped)
        return tuple(dropped)

    def _store(self, name: str, body: bytes) -> bool:
        on_disk = self._written(name, body)
        self._entries[name] = _Entry(size=len(body), since=time.time(), body=None if on_disk else body)
        return on_disk

    def _written(self, name: str, body: bytes) -> bool:
        try:
            self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self._file(name), body, sync=False)
        except OSError as error:
            self.problem = str(error)
            return False
        self.problem = None
        return True

    def _bound_refused(self) -> int:
        files: list[tuple[float, int, Path]] = []
        for path in self._refused.glob("*.json"):
            with contextlib.suppress(OSError):
                status = path.stat(follow_symlinks=False)
                files.append((status.st_mtime, status.st_size, path))
        files.sort(key=lambda file: file[0], reverse=True)
        size, kept = 0, 0
        for _, bytes_, path in files:
            size += bytes_
            if kept >= _MOST_REFUSED or size > self._most_bytes:
                remove(path)
                self._dropped += 1
            else:
                kept += 1
        return kept


def _is_blank(path: Path) -> bool:
    """Return whether a file has nothing in it, or blocks that were never written."""
    try:
        with path.open("rb") as file:
            return file.read(1) in (b"", b"\0")
    except OSError:
        return False


def _json(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _thin(record: Mapping[str, Any]) -> dict[str, Any]:
    spec = {key: value for key, value in record["spec"].items() if key not in _BULK}
    if "memory" in spec:
        spec["memory"] = {key: value for key, value in spec["memory"].items() if key != "stat"}
    return {**record, "spec": spec}
