r"""The fields of a log entry: text, writer, time and host.

    {"MESSAGE":"..","_TRANSPORT":"kernel","SYSLOG_FACILITY":"0",..}      journalctl -o json; bytes or null as MESSAGE
    {"log":"[123.456789] ..\\n","stream":"stdout","time":".."}            Docker
    {"pri":4,"time":123.456789,"msg":".."}                               dmesg --json
    {"timestamp":1700000000000,"message":".."}                           CloudWatch

The journal says what came from the kernel: _TRANSPORT, SYSLOG_FACILITY 0. Where these fields are there, they decide.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from oomreport.kernel.framing.stage import EntryText
from oomreport.kernel.line import NO_STAMP, Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.times import wall_of, wall_of_epoch

_TEXT_KEYS = ("MESSAGE", "message", "msg", "log", "textPayload", "line")
_HOST_KEYS = ("_HOSTNAME", "hostname", "host")
_TIME_KEYS = ("time", "@timestamp", "timestamp", "ts")
_TRANSPORT_KEYS = ("_TRANSPORT", "transport")
_FACILITY_KEYS = ("SYSLOG_FACILITY", "facility", "syslog_facility")
_UNIT_KEYS = ("_SYSTEMD_UNIT", "systemd_unit", "unit")
# The text of an entry may be several lines of a log.
_MOST_CHARACTERS = 1 << 18
_TAG_KEYS = ("SYSLOG_IDENTIFIER", "programname", "appname", "ident", "identifier", "syslog_identifier")

# All that an entry is asked for, besides `syslog` (an object of the Elastic Common Schema).
ENTRY_KEYS = frozenset({
    *_TEXT_KEYS, *_HOST_KEYS, *_TIME_KEYS, *_TRANSPORT_KEYS, *_FACILITY_KEYS, *_UNIT_KEYS, *_TAG_KEYS, "pri", "__CURSOR",
    "_SOURCE_MONOTONIC_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP",
})  # fmt: skip


def item_of_entry(fields: Mapping[str, Any]) -> Line | EntryText | None:
    """Return the line that an entry holds, None where it holds no text.

    The journal and `dmesg --json` hold the kernel's own text. Any other text may have a prefix of its own.
    """
    text = _text(fields)
    if text is None:
        return None
    line = Line(
        text=text[:_MOST_CHARACTERS].removesuffix("\n"),
        stamp=_stamp(fields),
        facility=_number(fields.get("SYSLOG_FACILITY")),
        kernel=is_kernel(fields),
        host=next((fields[key] for key in _HOST_KEYS if isinstance(fields.get(key), str)), None),
    )
    is_own = "_TRANSPORT" in fields or "__CURSOR" in fields or ("pri" in fields and "msg" in fields)
    return line if is_own else EntryText(line.text, line)


def is_event(fields: Mapping[str, Any]) -> bool:
    """Return whether the object is an Event of Kubernetes, which at most repeats what the kernel said."""
    return "involvedObject" in fields or "regarding" in fields


def is_kernel(fields: Mapping[str, Any]) -> bool:
    """Return whether an entry may be the kernel's: what its fields say, true where they say nothing."""
    if isinstance(syslog := fields.get("syslog"), dict):  # Elastic Common Schema
        fields = {**fields, **syslog}
    transport = next((fields[key] for key in _TRANSPORT_KEYS if key in fields), None)
    if isinstance(transport, str) and transport != "kernel":
        return False
    facility = next((fields[key] for key in _FACILITY_KEYS if key in fields), None)
    if isinstance(facility, dict):
        facility = facility.get("code")
    if facility is not None and str(facility).lower() not in ("0", "kern", "kernel"):
        return False
    if "msg" in fields and (_number(fields.get("pri")) or 0) >= 8:
        return False
    if transport is not None or facility is not None:
        return True
    unit = next((fields[key] for key in _UNIT_KEYS if isinstance(fields.get(key), str)), "")
    if unit.endswith(".service"):
        return False
    return next((fields[key] for key in _TAG_KEYS if key in fields), "kernel") in ("kernel", "", "-")


def _text(fields: Mapping[str, Any]) -> str | None:
    for key in _TEXT_KEYS:
        value = fields.get(key)
        if isinstance(value, str):
            return value
        # The journal writes a message that is no clean text as an array of bytes.
        if isinstance(value, list) and value and all(isinstance(n, int) and 0 <= n < 256 for n in value):
            return bytes(value).decode("utf-8", "replace")
    return None


def _stamp(fields: Mapping[str, Any]) -> Stamp:
    monotonic = _number(fields.get("_SOURCE_MONOTONIC_TIMESTAMP"))
    if monotonic is None and "pri" in fields and isinstance(fields.get("time"), int | float):
        return Stamp(monotonic_us=round(fields["time"] * 1_000_000)) if abs(fields["time"]) < 10**12 else NO_STAMP
    realtime = _number(fields.get("_SOURCE_REALTIME_TIMESTAMP")) or _number(fields.get("__REALTIME_TIMESTAMP"))
    if realtime is not None and 0 < realtime < 10**17:
        return Stamp(monotonic_us=monotonic, wall=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=realtime))
    wall = next((time for time in (_wall(fields.get(key)) for key in _TIME_KEYS) if time is not None), None)
    return Stamp(monotonic_us=monotonic, wall=wall) if wall or monotonic is not None else NO_STAMP


def _wall(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, int) and abs(value) >= 10**20:
        return None
    text = value if isinstance(value, str) else f"{value:.6f}" if isinstance(value, float) else str(value)
    return wall_of_epoch(text) if text[:1].isdigit() and "-" not in text and "/" not in text else wall_of(text)


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else None
