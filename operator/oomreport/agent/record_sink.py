"""The sink of records: the spool, or standard output."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO

from oomreport.adapters.storage.spool import Spool
from oomreport.agent.log import Log


class RecordSink(Protocol):
    """Takes records, one at a time."""

    def put(self, record: Mapping[str, Any]) -> None:
        """Take a record."""

    def sync(self, *, at_once: bool = False) -> bool:
        """Make records survive a power cut; return whether all do, so that the log need not be read again."""


class SpoolSink:
    """Keeps records in the spool and wakes the sender."""

    def __init__(self, spool: Spool, wake: Callable[[], None], log: Log) -> None:
        self._spool, self._wake, self._log = spool, wake, log

    def sync(self, *, at_once: bool = False) -> bool:
        """Write what could not be written before, and make undelivered records survive a power cut."""
        self._spool.sync(at_once=at_once)
        figures = self._spool.figures()
        return not figures.in_memory and not figures.unsynced

    def put(self, record: Mapping[str, Any]) -> None:
        """Write a record to disk, or keep it in memory where that is impossible."""
        name = record["metadata"]["name"]
        added = self._spool.add(record)
        if added.dropped:
            self._log.error("spool is full, the oldest records were dropped", dropped=list(added.dropped))
        if added.thinned:
            self._log.warning("spool is nearly full, a record was kept without its bulk", record=name)
        if not added.on_disk:
            self._log.error("record waits in memory, it cannot be written", record=name, problem=self._spool.problem)
        self._wake()


class StreamSink:
    """Prints records as JSON lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def sync(self, *, at_once: bool = False) -> bool:  # noqa: ARG002 - the interface is the spool's
        """Return true: the reader of the stream has the records."""
        return True

    def put(self, record: Mapping[str, Any]) -> None:
        """Print a record."""
        self._stream.write(json.dumps(record, ensure_ascii=True) + "\n")
        self._stream.flush()
