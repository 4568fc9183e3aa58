"""Times as the Kubernetes API writes them."""

from datetime import UTC, datetime

_UTC = "+00:00"


def rfc3339(time: datetime) -> str:
    """Return a time as Kubernetes' MicroTime in UTC; one without a zone is taken as UTC."""
    utc = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    # Half the time that strftime takes, and a report has hundreds of times.
    return utc.isoformat(timespec="microseconds").removesuffix(_UTC) + "Z"


def rfc3339_seconds(time: datetime) -> str:
    """Return a time as metav1.Time in UTC: whole seconds."""
    return time.astimezone(UTC).isoformat(timespec="seconds").removesuffix(_UTC) + "Z"


def parse_time(text: object) -> datetime | None:
    """Return a time of the API (RFC 3339), aware; None for what is no time."""
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time if time and time.tzinfo else None
