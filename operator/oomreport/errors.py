"""Every exception that oomreport raises on purpose.

    OOMReportError
      ConfigurationError    an option or an environment variable; all problems at once
      SourceUnavailable     the kernel log cannot be read here; says what is missing
      ApiError              the API server refused a request, or cannot be reached
      MetricsError          a metrics source refused a query, or cannot be reached
      LogUnreadable         a log file cannot be read, or not to its end
      InputUnreadable       a file of reports, a configuration or a manifest cannot be read
      EditRefused           a value cannot be replaced in a text without changing more

What a caller acts on is a value instead (the outcome of a delivery, the parts that a record misses).
"""

from collections.abc import Sequence


class OOMReportError(Exception):
    """The root of them all."""


class ConfigurationError(OOMReportError):
    """The configuration is wrong; `problems` names each option with its value and the mistake."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class SourceUnavailable(OOMReportError):  # noqa: N818 - a state of the node, named as such
    """The kernel log cannot be read here; the message says what is missing."""


class ApiError(OOMReportError):
    """The API server refused a request, or cannot be reached; the message names the request and the server's words.

    `status` is the HTTP status, 0 where there was no answer; `reason` is that of metav1.Status (Conflict, NotFound).
    """

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    @property
    def is_unreachable(self) -> bool:
        """Return whether there was no answer at all."""
        return self.status == 0

    @property
    def is_not_found(self) -> bool:
        """Return whether the object, or its kind, is not there."""
        return self.status == 404

    @property
    def is_conflict(self) -> bool:
        """Return whether the object has changed, or is there already."""
        return self.status == 409

    @property
    def is_gone(self) -> bool:
        """Return whether the version that was asked for is too old: list anew."""
        return self.status == 410

    @property
    def is_invalid(self) -> bool:
        """Return whether the object is not as it has to be."""
        return self.status == 422

    @property
    def is_forbidden(self) -> bool:
        """Return whether a right is missing."""
        return self.status == 403

    @property
    def is_refusal(self) -> bool:
        """Return whether a credential or a right is missing."""
        return self.status in (401, 403)


class MetricsError(OOMReportError):
    """A metrics source refused a query, or cannot be reached; the message names its address and its words."""


class LogUnreadable(OOMReportError):  # noqa: N818 - a state of the file, named as such
    """A log cannot be read, or not to its end; the message names the file and says why."""


class InputUnreadable(OOMReportError):  # noqa: N818 - a state of the file, named as such
    """A file to read or write is not what it should be; the message names it and says why."""


class EditRefused(OOMReportError):  # noqa: N818 - an answer
    """A value cannot be replaced in a text without changing more; the message says why."""
