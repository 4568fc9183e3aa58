r"""Log entries that carry the kernel's text in a field: the journal, dmesg --json, container logs, log shippers.

    {"MESSAGE":"..","_TRANSPORT":"kernel","SYSLOG_FACILITY":"0",..}      journalctl -o json; MESSAGE as bytes or null too
    {"log":"[123.456789] ..\\n","stream":"stdout","time":".."}            Docker
    {"pri":4,"time":123.456789,"msg":".."}                               dmesg --json
    {"jsonPayload":{"MESSAGE":".."}}, {"message":".."}, {"textPayload":".."}, ..

The journal says what came from the kernel (_TRANSPORT, SYSLOG_FACILITY 0); where the fields are there, they decide.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from oomreport.kernel.line import NO_STAMP, Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.times import wall_of, wall_of_epoch

_TEXT_KEYS = (
    "MESSAGE", "message", "msg", "log", "short_message", "full_message", "textPayload", "text", "line", "Message",
    "_raw", "@message", "body", "Body", "raw", "content", "stringValue", "_line", "event", "_msg", "Line",
    "SyslogMessage", "LogMessage", "LogEntry", "original", "entry", "payload", "logMessage", "log_message",
)  # fmt: skip
_NESTED_KEYS = (
    "jsonPayload", "result", "fields", "data", "record", "log", "message", "body", "Body", "event",
    "attributes", "systemd", "journald", "content", "_source",
)  # fmt: skip
_HOST_KEYS = ("_HOSTNAME", "hostname", "host", "nodeName", "node")
_TIME_KEYS = (
    "time", "@timestamp", "timestamp", "ts", "_time", "receiveTimestamp", "date", "Date", "Time", "timeUnixNano", "tsNs",
    "TimeGenerated",
)  # fmt: skip
_TRANSPORT_KEYS = ("_TRANSPORT", "transport", "__journal__transport")
_FACILITY_KEYS = ("SYSLOG_FACILITY", "facility", "Facility", "syslog_facility", "_facility")
_UNIT_KEYS = ("_SYSTEMD_UNIT", "systemd_unit", "unit")
_TAG_KEYS = ("SYSLOG_IDENTIFIER", "programname", "appname", "ident", "identifier", "syslog_identifier", "ProcessName")
_MOST_DEPTH = 4


def line_of_object(fields: Mapping[str, Any]) -> Line | None:
    """Return the line that an entry holds, None where it holds no text.

    `framed` is false where the text may have a prefix of its own, as container logs have.
    """
    text = None if is_event(fields) else _text(fields, 0)
    if text is None:
        return None
    return Line(
        text=text.removesuffix("\n"),
        stamp=_stamp(fields),
        facility=_number(fields.get("SYSLOG_FACILITY")),
        kernel=is_kernel(fields),
        host=next((fields[key] for key in _HOST_KEYS if isinstance(fields.get(key), str)), None),
        framed=_is_own_text(fields),
    )


def is_event(fields: Mapping[str, Any]) -> bool:
    """Whether the entry is an Event of Kubernetes, which at most repeats what the kernel said."""
    inner = (fields.get(name) for name in ("event", "object"))
    return any("involvedObject" in one or "regarding" in one for one in (fields, *inner) if isinstance(one, dict))


def _is_own_text(fields: Mapping[str, Any]) -> bool:
    if any(isinstance(fields.get(name), dict) and "_TRANSPORT" in fields[name] for name in _NESTED_KEYS):
        return True
    return "_TRANSPORT" in fields or "__CURSOR" in fields or ("pri" in fields and "msg" in fields)


def _flat(fields: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    nested = [fields[name] for name in (*_NESTED_KEYS, "syslog") if isinstance(fields.get(name), dict)]
    flat = dict(fields)
    for inner in nested if depth < _MOST_DEPTH else ():
        flat |= _flat(inner, depth + 1)
    return flat


def is_kernel(fields: Mapping[str, Any]) -> bool:
    """Whether an entry is the kernel's, as far as its fields tell; where they tell nothing it may be."""
    flat = _flat(fields)
    transport = next((flat[key] for key in _TRANSPORT_KEYS if key in flat), None)
    if isinstance(transport, str) and transport != "kernel":
        return False
    facility = next((flat[key] for key in _FACILITY_KEYS if key in flat), None)
    if isinstance(facility, dict):
        facility = facility.get("code", facility.get("name"))
    if facility is not None and str(facility).lower() not in ("0", "kern", "kernel"):
        return False
    if _number(fields.get("pri")) is not None and "msg" in fields and (_number(fields["pri"]) or 0) >= 8:
        return False
    if transport is not None or facility is not None:
        return True
    unit = next((flat[key] for key in _UNIT_KEYS if isinstance(flat.get(key), str)), "")
    if unit.endswith(".service") and not any(name in unit for name in ("kernel", "kmsg", "dmesg")):
        return False
    tag = next((flat[key] for key in _TAG_KEYS if key in flat), "kernel")
    return tag in ("kernel", "", "-")


def _text(fields: Mapping[str, Any], depth: int) -> str | None:
    for key in _TEXT_KEYS:
        value = fields.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value and all(isinstance(n, int) and 0 <= n < 256 for n in value):
            return bytes(value).decode("utf-8", "replace")
    if depth < _MOST_DEPTH:
        for key in _NESTED_KEYS:
            nested = fields.get(key)
            if isinstance(nested, dict):
                text = _text(nested, depth + 1)
                if text is not None:
                    return text
    return None


def _stamp(fields: Mapping[str, Any]) -> Stamp:
    monotonic = _number(fields.get("_SOURCE_MONOTONIC_TIMESTAMP"))
    if monotonic is None and "pri" in fields and isinstance(fields.get("time"), int | float):
        return Stamp(monotonic_us=round(fields["time"] * 1_000_000))
    realtime = _number(fields.get("_SOURCE_REALTIME_TIMESTAMP")) or _number(fields.get("__REALTIME_TIMESTAMP"))
    if realtime is not None and 0 < realtime < 10**17:
        return Stamp(monotonic_us=monotonic, wall=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=realtime))
    wall = next((time for time in (_wall(fields.get(key)) for key in _TIME_KEYS) if time is not None), None)
    return Stamp(monotonic_us=monotonic, wall=wall) if wall or monotonic is not None else NO_STAMP


def _wall(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = value if isinstance(value, str) else f"{value:.6f}" if isinstance(value, float) else str(value)
    return wall_of_epoch(text) if text[:1].isdigit() and "-" not in text and "/" not in text else wall_of(text)


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else None
