"""Wall-clock times as logs print them.

RFC 3164 (`Oct  3 06:22:43`) has neither year nor zone, dmesg -T and ctime(3) have no zone. A missing year is YEARLESS,
which no log of this kernel's can hold; a missing zone leaves the value naive. Month names are English, a number with
a suffix (Japanese and Chinese locales), or those of a few more languages; others give no time.
"""

from datetime import UTC, datetime, timedelta, timezone

from oomreport.kernel import lazy_re as re

YEARLESS = 1904  # a leap year, so that 29 February is one
_MONTHS = {
    m: n for n, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
# Where they differ from English: German, French, Spanish, Italian, Portuguese, Dutch, Russian, by the first letters of
# the names in Unicode's CLDR. No two of these languages mean different months by the same letters.
_OTHER_MONTHS = {
    "ene": 1, "gen": 1, "янв": 1, "fév": 2, "fev": 2, "фев": 2, "mär": 3, "mrz": 3, "mrt": 3, "maa": 3, "мар": 3, "avr": 4,
    "abr": 4, "апр": 4, "mai": 5, "mag": 5, "mei": 5, "май": 5, "мая": 5, "juin": 6, "giu": 6, "июн": 6, "juil": 7, "lug": 7,
    "июл": 7, "aoû": 8, "ago": 8, "авг": 8, "set": 9, "сен": 9, "okt": 10, "ott": 10, "out": 10, "окт": 10, "ноя": 11,
    "dez": 12, "déc": 12, "dic": 12, "дек": 12,
}  # fmt: skip
_DAY_FIRST = re.compile(r"(?:^|\s)(\d{1,2}) +([^\W\d]+)\.? +(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: (\d{4}))?")
_ISO = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ?(Z|UTC|GMT|[+-]\d\d:?\d\d))?"
)
_CTIME = re.compile(r"(?:\S+ +)?(\S+?) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: (?:[A-Z]{3,4} )?(\d{4}))?")


def wall_of(text: str) -> datetime | None:
    """Return the time that a prefix of a log line holds, None where it holds none that can be read."""
    iso = _ISO.search(text)
    try:
        if iso is not None:
            year, month, day, hour, minute, second, fraction, zone = iso.groups()
            return datetime(
                int(year), int(month), int(day), int(hour), int(minute), int(second), _micros(fraction), _zone(zone)
            )
        day_first = _DAY_FIRST.search(text)
        ctime = _CTIME.search(text) if day_first is None else None
        if day_first is not None:
            day, name, hour, minute, second, fraction, year = day_first.groups()
        elif ctime is not None:
            name, day, hour, minute, second, fraction, year = ctime.groups()
        else:
            return None
        month_number = _month_of(name) or int("".join(c for c in name if c.isdigit()) or 0)
        return datetime(  # noqa: DTZ001
            int(year or YEARLESS), month_number, int(day), int(hour), int(minute), int(second), _micros(fraction)
        )
    except (ValueError, OverflowError):
        return None


def _month_of(name: str) -> int | None:
    name = name.lower()
    return _OTHER_MONTHS.get(name[:4]) or _MONTHS.get(name[:3]) or _OTHER_MONTHS.get(name[:3])


def wall_of_epoch(seconds: str) -> datetime | None:
    """Return the time of a decimal number of seconds, or a whole one of milli-, micro- or nanoseconds, since 1970.

    None where it is none, or out of range.
    """
    whole, _, fraction = seconds.partition(".")
    try:
        if not fraction and len(whole) in (13, 16, 19):
            whole, fraction = whole[:10], whole[10:]
        return datetime.fromtimestamp(int(whole), UTC) + timedelta(microseconds=_micros(fraction or None))
    except (ValueError, OverflowError, OSError):
        return None


def _micros(fraction: str | None) -> int:
    return int((fraction or "0")[:6].ljust(6, "0"))


def _zone(zone: str | None) -> timezone | None:
    if zone is None:
        return None
    if zone in ("Z", "UTC", "GMT"):
        return UTC
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))
