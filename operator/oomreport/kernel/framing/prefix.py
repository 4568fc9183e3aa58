"""The prefixes that programs and people put before the kernel's text.

    [12345.678901] text                      dmesg; with a caller id: [12345.678901][ T1234] text
    [Sat Apr 27 22:56:09 2019] text          dmesg -T, weekday and month in any language
    [  +0.000004] text                       dmesg --reltime
    kern  :warn  : 2025-01-21T08:43:30,287197+00:00 text        dmesg --decode --time-format iso
    <4>[   12.345678] text                   dmesg --raw, syslog(2)
    Oct  3 06:22:43 host kernel: [ 12.345678] text              RFC 3164, journalctl -o short
    <4>1 2024-01-05T12:00:00Z host kernel - - - text            RFC 5424
    Dec 27 09:19:05 2013 kernel: : [ 12.345678] text            a template that writes a colon twice
    1764500214.956867 host kernel: text      journalctl -o short-unix
    > 12:[12345.678901] text                 quoted in a mail; found by `grep -n`

They are taken off piece by piece. `learned_prefix` takes off what no rule here knows. A line of another program
(`host sshd[123]: ..`) is marked as such. A program that writes the kernel's own tag cannot be recognized where the
line has no facility. Only the blank that belongs to a prefix is taken off: a comm may begin with blanks.
"""

from datetime import datetime
from typing import NamedTuple

from oomreport.kernel import lazy_re as re
from oomreport.kernel.text.kind import Kind, kind_of
from oomreport.kernel.times import wall_of, wall_of_epoch

_QUOTE = re.compile(r"[ \t]*(?:(?:>|&gt;|\u2502|\|) ?|(?:#|//|\*|-|\+|\u2022) (?=[\[<\w>\"`])|[+:#](?=[\[<]))+")
# Numbers of lines as `grep -n` prints them: a hit has a colon, the lines around it a hyphen.
_LINE_NUMBER = re.compile(r"[ \t]*\d{1,9}(?::(?=\S| +\[)|-(?=[\[<]|[A-Z][a-z]{2} ))")
# Behind the stamp: the caller (CONFIG_PRINTK_CALLER).
_DMESG = re.compile(
    r"\[ {0,12}(\d{1,12})\.(\d{1,9})(?: +<? *[+-]?\d+\.\d+>?)?\]"
    r"(?: ?\[ *[TC]\d+\])?:? ?"
)
_DELTA = re.compile(r"\[(?: *\+ *\d+\.\d+|< *\d+\.\d+ ?>| +)\] ?")
_CTIME = re.compile(
    r"\[([^\[\]]{3,24} \d{1,2}(?: [^\W\d]{2,12}\.?)? \d\d:\d\d:\d\d \d{4})(?: *<? *[+-]?\d+\.\d+>?)?\] ?"
)
_ISO = re.compile(
    r"(?:[A-Z][a-z]{2} )?(\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d\b| (?:UTC|GMT|[A-Z]{3,4})(?= ))?):?\s"
)
_RFC3164 = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?"
    r"((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* [ \d]?\d \d\d:\d\d:\d\d(?:\.\d{1,9})?(?: (?:[A-Z]{3,4} )?\d{4}(?= ))?)\s"
)
_EPOCH = re.compile(r"(1\d{9}(?:\.\d{1,9})?)\s")
_PRI = re.compile(r"<(\d{1,3})>")
_RFC5424 = re.compile(r"1 (\S+) (\S+) (\S+) \S+ \S+ (?:-|\[(?:[^\]\\]|\\.)*\](?:\[(?:[^\]\\]|\\.)*\])*)(?: \ufeff?|$)")
_DECODED = re.compile(
    r"(kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|local\d) *[:.] *"
    r"(?:emerg|alert|crit|err|error|warn|warning|notice|info|debug) *:? +(?=\S)"
)
_KERNEL_TAG = re.compile(
    r"(?:kern\.\w+ )?(?:(?!kern\.\w+ )(\S{1,255}) )?(?:kern\.\w+ )?kernel(?:\[\d+\])?:(?: :(?= \[))?(?: |(?=\[)|$)"
)
_OTHER_TAG = re.compile(r"(?:\S{1,255} )?(?:\w+\.\w+ )?(?!kernel\b)[\w./@:()+-]{1,100}(?:\[\d+\]:|:)(?:\s|$)")
_HOST_AND_TAG = re.compile(r"[\w.-]{1,255} (?!kernel\b)[\w./@-]{1,100}(?:\[\d+\])?: ")
_PID_TAG = re.compile(r"(?:\S{1,255} )?(?!kernel\b)[A-Za-z_][\w./@:()+-]{0,100}\[\d+\]:\s")
_EVENT = re.compile(r"(?:\d+ )?OOMKilling: ")
# A byte order mark; a carriage return of a serial console.
_INVISIBLE = "\ufeff\r"


class Prefixed(NamedTuple):
    """A line without its prefix, and the values of the prefix.

    `dated` means that a logger's prefix was taken off, not only quotes and blanks. `settled` means that the kernel's
    own time or tag was taken off: the kernel's text begins right behind it.
    """

    text: str
    monotonic_us: int | None = None
    wall: datetime | None = None
    host: str | None = None
    facility: int | None = None
    kernel: bool = True
    dated: bool = False
    settled: bool = False


def unprefixed(line: str) -> Prefixed:
    """Return a line of a log without its prefix."""
    found = Prefixed(text=line.lstrip(_INVISIBLE))
    for _ in range(12):
        after = _one_piece_less(found)
        if after is None:
            break
        found = after
        if not found.kernel:
            break
    return found


def _one_piece_less(found: Prefixed) -> Prefixed | None:
    text = found.text
    first = text[:1]
    if first == "[":
        return _bracketed(found)
    if found.settled or not first:
        return None
    kind = kind_of(text)
    if kind is not None and kind is not Kind.HEADER:
        return None
    if first == "<":
        return _with_pri(found)
    if first.isdigit() or first in "JFMASONDTW":
        timed = _timed(found)
        if timed is not None:
            return timed
    return _tagged(found, kind) if found.dated else _undated(found)


def _bracketed(found: Prefixed) -> Prefixed | None:
    text = found.text
    dmesg = _DMESG.match(text)
    if dmesg is not None:
        micros = int(dmesg.group(1)) * 1_000_000 + int(dmesg.group(2)[:6].ljust(6, "0"))
        after = found._replace(text=text[dmesg.end() :], monotonic_us=micros, dated=True, settled=True)
        return _after_dmesg(after)
    ctime = _CTIME.match(text)
    if ctime is not None:
        return found._replace(text=text[ctime.end() :], wall=wall_of(ctime.group(1)), dated=True, settled=True)
    delta = _DELTA.match(text)
    if delta is not None:
        return found._replace(text=text[delta.end() :], dated=True, settled=True)
    return None


def _after_dmesg(found: Prefixed) -> Prefixed:
    """Take host and tag off, with which journalctl -o short-monotonic goes on and plain dmesg does not."""
    tag = _KERNEL_TAG.match(found.text)
    if tag is not None:
        return found._replace(text=found.text[tag.end() :], host=tag.group(1) or found.host)
    if _PID_TAG.match(found.text):
        return found._replace(kernel=False)
    return found


def _with_pri(found: Prefixed) -> Prefixed | None:
    pri = _PRI.match(found.text)
    if pri is None:
        return None
    facility = int(pri.group(1)) >> 3
    text = found.text[pri.end() :]
    after = found._replace(text=text, facility=facility, kernel=facility == 0, dated=True)
    rfc5424 = _RFC5424.match(text)
    if rfc5424 is None:
        return after
    stamp, host, app = rfc5424.groups()
    return after._replace(
        text=text[rfc5424.end() :],
        wall=wall_of(stamp),
        host=None if host == "-" else host,
        kernel=facility == 0 and app in ("kernel", "-"),
    )


def _timed(found: Prefixed) -> Prefixed | None:
    text = found.text
    time = _ISO.match(text) or _RFC3164.match(text)
    if time is not None:
        after = text[time.end() :]
        wall = wall_of(time.group(1)) or found.wall
        return found._replace(text=after, wall=wall, dated=True)
    epoch = _EPOCH.match(text)
    if epoch is not None:
        return found._replace(text=text[epoch.end() :], wall=wall_of_epoch(epoch.group(1)), dated=True)
    return None


def _tagged(found: Prefixed, kind: Kind | None) -> Prefixed | None:
    """Take host and tag off that follow a time."""
    text = found.text
    tag = _KERNEL_TAG.match(text)
    if tag is not None:
        return found._replace(text=text[tag.end() :], host=tag.group(1) or found.host, settled=True)
    decoded = _DECODED.match(text)
    if decoded is not None:
        return found._replace(text=text[decoded.end() :], kernel=decoded.group(1) == "kern", settled=True)
    # A comm may hold a colon (`tmux: server invoked oom-killer`): then only host and tag together are a tag.
    tags = _HOST_AND_TAG if kind is Kind.HEADER else _OTHER_TAG
    if text[:1] != " " and tags.match(text):
        return found._replace(kernel=False)
    return None


def _undated(found: Prefixed) -> Prefixed | None:
    text = found.text
    quote = _QUOTE.match(text)
    if quote is not None and quote.end():
        return found._replace(text=text[quote.end() :])
    number = _LINE_NUMBER.match(text)
    if number is not None:
        return found._replace(text=text[number.end() :])
    decoded = _DECODED.match(text)
    if decoded is not None:
        return found._replace(text=text[decoded.end() :], kernel=decoded.group(1) == "kern", dated=True)
    event = _EVENT.match(text)
    if event is not None:
        return found._replace(text=text[event.end() :], dated=True)
    if "kernel" in text[:300]:
        tag = _KERNEL_TAG.match(text.lstrip(" \t"))
        if tag is not None:
            return found._replace(text=text.lstrip(" \t")[tag.end() :], host=tag.group(1), dated=True, settled=True)
    stripped = text.lstrip(" \t\"'`\u201c")
    if stripped != text:
        return found._replace(text=stripped)
    return None
