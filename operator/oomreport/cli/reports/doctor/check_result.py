"""What a check found, and what the checks ask of a cluster."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from oomreport.cli.reports.doctor.pod_words import PodReader

# A line stays legible; what else there is shows once these are mended.
MOST_NAMED = 10


class Level(StrEnum):
    """How a check ended."""

    GOOD = "ok"
    UNKNOWN = "not checked"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check found; `todo` is what to do about it."""

    check: str
    level: Level
    words: str
    todo: str = ""


class Connection(PodReader, Protocol):
    """What the checks ask. All raise ApiError."""

    def allowed(self, user: str, *, verb: str, group: str, resource: str, namespace: str) -> bool:
        """Return whether a user may do something."""

    def now(self) -> datetime:
        """Return the API server's time."""
