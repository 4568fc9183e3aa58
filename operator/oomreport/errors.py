"""Every exception that oomreport raises on purpose.

    OOMReportError
      ConfigurationError    an option or an environment variable; all problems at once
      SourceUnavailable     the kernel log cannot be read here; says what is missing
      ApiError              the API server refused a request, or cannot be reached
        StaleReportError    a report has changed since it was read (controller/known/reports.py)
        NamespaceGoneError  nothing can be created in a namespace any more (controller/known/reports.py)
      HttpError             the agent's request got no answer (adapters/http/http_post.py)
      WebhookError          a webhook cannot be reached, or must not be (adapters/http/webhook.py)
      UnusableError         what a hook refers to cannot be used (controller/delivery/webhook_target.py)
      WatchHangsError       a watch cannot be ended (controller/watch.py)
      FilterInvalid         a hook's filter is no CEL (adapters/cel.py)
      FilterFailed          a hook's filter failed for an event (adapters/cel.py)
      TemplateError         a hook's Job template is none (hooks/job.py)
      KeyInvalid            a signing key is none (hooks/signature.py)
      SchemaError           a model cannot become a CRD (api/crd.py)
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
        """Return whether the object is not as it has to be, or too large."""
        return self.status in (400, 413, 422)

    @property
    def is_outdated(self) -> bool:
        """Return whether the object has changed or is gone since it was read."""
        return self.is_not_found or self.is_conflict

    @property
    def is_unreadable(self) -> bool:
        """Return whether a kind cannot be read: a credential, a right or the kind itself is missing."""
        return self.is_refusal or self.is_not_found

    @property
    def is_final(self) -> bool:
        """Return whether the same request can never succeed; a token is renewed, and a server that is busy recovers."""
        return 400 <= self.status < 500 and self.status not in (401, 408, 429)

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
