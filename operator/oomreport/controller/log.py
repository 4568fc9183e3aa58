"""JSON lines on standard error.

A message is a constant, its variables are keys. Kopf's own messages come the same way.
"""

import json
import logging
import sys
from datetime import UTC, datetime

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "k8s_ref",
    "k8s_skip",
    "settings",
}


class JsonLines(logging.Formatter):
    """Writes a record and what was given as `extra` as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = {"time": time, "level": record.levelname.lower(), "message": record.getMessage()}
        line.update({key: value for key, value in vars(record).items() if key not in _OWN and not key.startswith("_")})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(level: str) -> None:
    """Send messages from `level` on to standard error; of Kopf and aiohttp only warnings, one level up from that."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Kopf tells at "info" of each event that was handled.
    for name in ("kopf", "aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
