"""Names of pods from other lines of the same log.

The lines of the kubelet and of the container runtime may stand anywhere in it. So it is searched once more, for the
UIDs and IDs of its records. What cannot be read twice is kept in part.
"""

# ruff: noqa: PLC0415 - most logs hit no pod: what names one is imported then

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from oomreport.adapters.storage.log_file import quick_search, searched_chunks_of
from oomreport.errors import LogUnreadable
from oomreport.kernel.reading.phrases import Find

if TYPE_CHECKING:
    from oomreport.incident.oom_record import RecordSpec
    from oomreport.workload.log_names import LogNames

# Searched within a tenth of a second, as long as the start takes.
_MOST_SEARCHED = 128 << 20
_MOST_KEPT = 16 << 20
# So much of lines that hold a UID: a few seconds, whatever they are.
_MOST_LEARNED = 16 << 20
_LONGEST_LINE = 16 << 10
# Marks of lines that name pods: klog's files, and what the runtimes write. Few marks are found four times as quickly as
# UIDs, and most logs of the kernel have none.
_MARKS = (b".go:", b"podUID", b"Metadata{", b"ed container ", b"k8s_")
# Lines that the kernel printed hold names that a container chose.
_OF_THE_KERNEL = ("_memcg=", "kernel:", "Memory cgroup ", "Task in /", "Tasks in /")


class NameSearch:
    """Searches one log for the names of pods. `is_kept` says that the log cannot be read twice."""

    def __init__(self, path: str, *, is_kept: bool) -> None:
        """Start before the first chunk."""
        self._path = path
        self._is_kept = is_kept
        self._kept: list[bytes] = []
        self._kept_bytes = self._searched = self._learned = 0
        self._find_marks = quick_search(_MARKS)
        self._sought: set[str] = set()
        self._names: LogNames | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the log in."""
        if not self._is_kept or self._kept_bytes >= _MOST_KEPT or self._searched >= _MOST_SEARCHED:
            return
        self._searched += len(chunk)
        if self._find_marks(chunk):
            self._kept.append(chunk)
            self._kept_bytes += len(chunk)

    def names(self, specs: Iterable["RecordSpec"]) -> "LogNames":
        """Return the names of the pods of some records, and of those before."""
        from oomreport.workload.log_names import LogNames

        self._names = self._names or LogNames()
        subjects = [spec.subject for spec in specs if spec.subject is not None]
        keys = {key for one in subjects for key in (one.pod_uid, one.container_id) if key} - self._sought
        if keys and (self._is_kept or self._searched < _MOST_SEARCHED):
            self._sought |= keys
            self._names.wanted |= keys
            for line in self._lines(quick_search(tuple(key.encode() for key in sorted(keys)))):
                self._learned += len(line)
                if self._learned > _MOST_LEARNED:
                    break
                if not any(mark in line for mark in _OF_THE_KERNEL):
                    self._names.learn(line)
        return self._names

    def _lines(self, find: Find) -> Iterator[str]:
        """Yield each line that holds a key; one that two chunks share is whole."""
        rest = b""
        for chunk, hits in self._chunks(find):
            start = chunk.find(b"\n") + 1
            if rest and start and find(line := rest + chunk[:start]):
                yield line.decode("utf-8", "replace")
            done = 0
            for hit in hits:
                begin, end = chunk.rfind(b"\n", 0, hit) + 1, chunk.find(b"\n", hit)
                if done <= begin and begin >= (start if rest else 0) and end >= 0:
                    yield chunk[begin : min(end, begin + _LONGEST_LINE)].decode("utf-8", "replace")
                    done = end
            rest = chunk[chunk.rfind(b"\n") + 1 :][:_LONGEST_LINE]
        if rest and find(rest):
            yield rest.decode("utf-8", "replace")

    def _chunks(self, find: Find) -> Iterator[tuple[bytes, Sequence[int]]]:
        if self._is_kept:
            yield from ((chunk, find(chunk)) for chunk in self._kept)
            return
        # That the log cannot be read to its end was said when it was read first.
        with suppress(LogUnreadable):
            for chunk, marks in searched_chunks_of(self._path, self._find_marks):
                yield chunk, find(chunk) if marks else ()
                self._searched += len(chunk)
                if self._searched >= _MOST_SEARCHED:
                    return
