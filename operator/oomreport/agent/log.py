"""JSON lines on standard error.

A message is constant; its variables are keys.
"""

import json
import sys
import threading
from datetime import UTC, datetime
from typing import TextIO

_RANK = {"debug": 0, "info": 1, "warning": 2, "error": 3}


class Log:
    """Writes messages from a level on. Several threads may use it."""

    def __init__(self, level: str = "info", stream: TextIO | None = None) -> None:
        self._least = _RANK[level]
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()

    def debug(self, message: str, **values: object) -> None:
        """Write what helps to follow the agent, kill by kill."""
        self._write("debug", message, values)

    def info(self, message: str, **values: object) -> None:
        """Write what happens once, or once for each kill."""
        self._write("info", message, values)

    def warning(self, message: str, **values: object) -> None:
        """Write what works, but not as it should."""
        self._write("warning", message, values)

    def error(self, message: str, **values: object) -> None:
        """Write what a person has to mend."""
        self._write("error", message, values)

    def _write(self, level: str, message: str, values: dict[str, object]) -> None:
        if _RANK[level] < self._least:
            return
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = json.dumps({"time": time, "level": level, "message": message, **values}, default=str)
        with self._lock:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except OSError:
                # Nobody reads standard error any more; kills are still worth recording.
                return
