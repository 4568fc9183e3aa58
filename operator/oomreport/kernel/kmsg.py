r"""The record format of /dev/kmsg and the text of syslog(2).

One read(2) of /dev/kmsg is one record (Documentation/ABI/testing/dev-kmsg):

    6,2565,102258085667,-;text of the line
     SUBSYSTEM=net
     DEVICE=+pci:0000:00:00.0

Prefix: priority (facility * 8 + level), 64-bit sequence number, microseconds, flags and perhaps more fields (a caller
id such as `caller=T1234`), then `;`. Bytes below 0x20, from 0x7f on, and the backslash are written `\xNN`; a comm that
is literally `\x0a` arrives as `\x5cx0a`, so unescaping happens exactly once. Lines that start with a blank are the
record's KEY=value properties. Flag `c` continues the record before it. Sequence numbers count the records of everybody:
a jump is loss.

syslog(2) READ_ALL returns `<priority>[ secs.usecs] text` instead, with a prefix on every line of a text that holds
newlines, raw bytes, and no sequence numbers.
"""

from oomreport.kernel import lazy_re as re
from oomreport.kernel.line import NO_STAMP, Line
from oomreport.kernel.record import Stamp

# A number of 64 bits that counts from 0 at boot has no more than 18 digits in any log.
_RECORD = re.compile(
    rb"(\d{1,10}),(\d{1,18}),(\d{1,18}),([^;,\n]{0,16})(?:,(?!(?:[^;\n]{0,60},)?ncfrag=)[^;\n]{0,200})?;([^\n]*)"
)
_ESCAPED = re.compile(rb"\\x([0-9a-fA-F]{2})")
_SYSLOG = re.compile(rb"<(\d{1,10})>(?:\[ *(\d{1,12})\.(\d{6})\](?:\[ *[TC]\d+\])? ?)?(.*)", re.DOTALL)
_TO_THE_END = 1 << 62
_BYTE = {b"%02x" % n: bytes((n,)) for n in range(256)}


def unescaped(text: bytes) -> bytes:
    r"""Return text with each `\xNN` replaced by its byte, once."""
    if b"\\" not in text:
        return text
    if text.count(b"\\x0a") == text.count(b"\\"):  # as in a record of many statistics
        return text.replace(b"\\x0a", b"\n")
    return _ESCAPED.sub(lambda escape: _BYTE[escape.group(1).lower()], text)


def line_of_record(record: bytes, start: int = 0, end: int = _TO_THE_END) -> Line | None:
    """Return the line of one /dev/kmsg record, or None where the bytes from `start` to `end` are no such record."""
    parts = _RECORD.match(record, start, end)
    if parts is None:
        return None
    prefix, sequence, stamp, flags, text = parts.groups()
    number = int(prefix)
    if b"\\" in text:
        text = unescaped(text)
    # By position: in the order of the fields of Line and Stamp, which is quicker than by name.
    return Line(
        text.decode("utf-8", "replace"),
        Stamp(int(stamp)),
        int(sequence),
        number >> 3,
        number & 7,
        b"c" in flags,
        number < 8,
    )


def has_stamps(text: bytes) -> bool:
    """Return whether the text of syslog(2) has stamps (printk.time): all lines have them, or none has."""
    first = _SYSLOG.match(text.partition(b"\n")[0])
    return first is None or first.group(2) is not None


def line_of_syslog(line: bytes, *, stamped: bool = True) -> Line | None:
    """Return one line of the text of syslog(2), or None where it lacks the priority in front.

    Where the lines are not `stamped`, what looks like a stamp is text, which user space may have written.
    """
    parts = _SYSLOG.match(line)
    if parts is None:
        return None
    prefix, seconds, micros, text = parts.groups()
    if seconds and not stamped:
        seconds, text = None, line[parts.end(1) + 1 :]
    number = int(prefix)
    return Line(
        text=text.rstrip(b"\r\n").decode("utf-8", "replace"),
        stamp=Stamp(monotonic_us=int(seconds) * 1_000_000 + int(micros)) if seconds else NO_STAMP,
        facility=number >> 3,
        priority=number & 7,
        kernel=number < 8,
    )
