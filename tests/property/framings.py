"""The same kernel log in the framings in which logs are found: renderers for tests.

Each takes the kernel's lines (text, microseconds since boot, level) and returns the log as bytes. They follow what the
programs do: util-linux dmesg, journalctl, rsyslog, containerd, Docker, kubectl, grep, aws, and the csv and quopri
modules of Python. The golden records `tool-*` are what each really printed. `unknown_shipper` is no real program.
"""

import csv
import io
import json
import quopri
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

BOOT = datetime(2026, 2, 27, 23, 58, 41, 120_000, tzinfo=UTC)
HOST = "ip-10-77-15-9.eu-west-1.compute.internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelLine:
    text: str
    micros: int
    level: int

    @property
    def wall(self) -> datetime:
        return BOOT + timedelta(microseconds=self.micros)

    @property
    def stamp(self) -> str:
        return f"{self.micros // 1_000_000:5d}.{self.micros % 1_000_000:06d}"


Log = Sequence[KernelLine]
LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")


def _physical(log: Log, prefix: Callable[[KernelLine], str], *, again: bool = True) -> bytes:
    """A newline inside a text starts a line of its own, with the prefix again (syslog) or without (journalctl)."""
    lines = []
    for line in log:
        first, *rest = line.text.split("\n")
        lines.append(prefix(line) + first)
        indent = " " * len(prefix(line))
        lines += [(prefix(line) if again else indent) + text for text in rest]
    return "\n".join([*lines, ""]).encode("utf-8", "surrogateescape")


def dmesg(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.stamp}] ")


def dmesg_caller(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.stamp}][ T{1000 + line.level}] ")


def dmesg_ctime(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.wall:%a %b %e %H:%M:%S %Y}] ")


def dmesg_iso(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%Y-%m-%dT%H:%M:%S},{line.micros % 1_000_000:06d}+00:00 ")


def dmesg_decoded(log: Log) -> bytes:
    return _physical(log, lambda line: f"kern  :{LEVELS[line.level]:<6}: [{line.stamp}] ")


def dmesg_decoded_iso(log: Log) -> bytes:
    return _physical(
        log,
        lambda line: f"kern  :{LEVELS[line.level]:<6}: {line.wall:%Y-%m-%dT%H:%M:%S},{line.micros % 10**6:06d}+00:00 ",
    )


def dmesg_raw(log: Log) -> bytes:
    return _physical(log, lambda line: f"<{line.level}>[{line.stamp}] ")


def dmesg_delta(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.stamp} <    0.000012>] ")


def dmesg_ctime_delta(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.wall:%a %b %e %H:%M:%S %Y} <    0.000012>] ")


def dmesg_only_delta(log: Log) -> bytes:
    return _physical(log, lambda line: "[<    0.000012>] ")


def dmesg_reltime(log: Log) -> bytes:
    first = log[0].micros
    return _physical(
        log,
        lambda line: (
            f"[{line.wall:%b%e %H:%M}] " if line.micros == first else f"[  +{line.micros % 999983 / 1e6:.6f}] "
        ),
    )


def dmesg_notime(log: Log) -> bytes:
    return _physical(log, lambda line: "")


def dmesg_colour(log: Log) -> bytes:
    return _physical(log, lambda line: f"\x1b[32m[{line.stamp}] \x1b[0m")


def dmesg_json(log: Log) -> bytes:
    entries = [{"pri": line.level, "time": line.micros / 1e6, "msg": line.text} for line in log]
    body = ",".join(
        "{\n         "
        + ",\n         ".join(f'"{k}": {json.dumps(v) if k != "time" else f"{v:12.6f}"}' for k, v in entry.items())
        + "\n      }"
        for entry in entries
    )
    return ('{\n   "dmesg": [\n      ' + body + "\n   ]\n}\n").encode("utf-8", "replace")


def journal_short(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%b %d %H:%M:%S} {HOST} kernel: ", again=False)


def journal_short_no_host(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%b %d %H:%M:%S} kernel: ", again=False)


def journal_precise(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%b %d %H:%M:%S.%f} node-1 kernel: ", again=False)


def journal_iso(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%Y-%m-%dT%H:%M:%S}+0000 node-1 kernel: ", again=False)


def journal_iso_precise(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%Y-%m-%dT%H:%M:%S.%f}+00:00 node-1 kernel: ", again=False)


def journal_full(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%a %Y-%m-%d %H:%M:%S} UTC node-1 kernel: ", again=False)


def journal_unix(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall.timestamp():.6f} node-1 kernel: ", again=False)


def journal_monotonic(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.stamp}] node-1 kernel: ", again=False)


def journal_cat(log: Log) -> bytes:
    return _physical(log, lambda line: "")


def _journal_fields(line: KernelLine) -> dict[str, str]:
    return {
        "__CURSOR": f"s=ab;i={line.micros:x};b=cd",
        "__REALTIME_TIMESTAMP": str(int(line.wall.timestamp() * 1_000_000)),
        "_TRANSPORT": "kernel",
        "SYSLOG_FACILITY": "0",
        "SYSLOG_IDENTIFIER": "kernel",
        "PRIORITY": str(line.level),
        "_SOURCE_MONOTONIC_TIMESTAMP": str(line.micros),
        "_HOSTNAME": "node-1",
        "MESSAGE": line.text,
    }


def journal_json(log: Log) -> bytes:
    out = []
    for line in log:
        fields: dict[str, object] = dict(_journal_fields(line))
        if any(ord(c) < 32 for c in line.text):
            fields["MESSAGE"] = list(line.text.encode("utf-8", "surrogateescape"))
        out.append(json.dumps(fields))
    return ("\n".join(out) + "\n").encode("utf-8", "replace")


def journal_json_pretty(log: Log) -> bytes:
    return (
        "\n".join(json.dumps(_journal_fields(line), indent="\t", separators=(",", " : ")) for line in log) + "\n"
    ).encode()


def journal_json_sse(log: Log) -> bytes:
    return ("\n\n".join("data: " + json.dumps(_journal_fields(line)) for line in log) + "\n").encode()


def journal_json_seq(log: Log) -> bytes:
    return b"".join(b"\x1e" + json.dumps(_journal_fields(line)).encode() + b"\n" for line in log)


def journal_export(log: Log) -> bytes:
    out = []
    for line in log:
        for key, value in _journal_fields(line).items():
            data = value.encode("utf-8", "surrogateescape")
            if any(byte < 32 for byte in data):
                out.append(key.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n")
            else:
                out.append(key.encode() + b"=" + data + b"\n")
        out.append(b"\n")
    return b"".join(out)


def journal_verbose(log: Log) -> bytes:
    out = []
    for line in log:
        out.append(f"{line.wall:%a %Y-%m-%d %H:%M:%S.%f} UTC [s=ab12;i=1f;b=cd34;m=1;t=2;x=3]".encode())
        for key, value in _journal_fields(line).items():
            if not key.startswith("__"):
                shown = value.replace("\n", "\n" + " " * (5 + len(key)))
                out.append(f"    {key}={shown}".encode("utf-8", "surrogateescape"))
    return b"\n".join(out) + b"\n"


def rsyslog(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%b %e %H:%M:%S} node-1 kernel: [{line.stamp}] ")


def rsyslog_iso(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%Y-%m-%dT%H:%M:%S.%f}+00:00 node-1 kernel: [{line.stamp}] ")


def rfc3164_pri(log: Log) -> bytes:
    return _physical(log, lambda line: f"<{line.level}>{line.wall:%b %e %H:%M:%S} node-1 kernel: [{line.stamp}] ")


def rfc5424(log: Log) -> bytes:
    return _physical(log, lambda line: f"<{line.level}>1 {line.wall:%Y-%m-%dT%H:%M:%S.%f}Z node-1 kernel - - - ")


def rfc5424_data(log: Log) -> bytes:
    return _physical(
        log,
        lambda line: (
            f'<{line.level}>1 {line.wall:%Y-%m-%dT%H:%M:%S.%f}Z node-1 kernel - - [meta x="a\\]b"] [{line.stamp}] '
        ),
    )


def cri(log: Log) -> bytes:
    """The log of a container that prints what dmesg does. containerd breaks lines of 16 KiB: none is so long."""
    lines = dmesg(log).decode("utf-8", "surrogateescape").splitlines()
    rows = (f"2026-02-27T23:59:00.123456789Z stdout F {line}\n" for line in lines)
    return "".join(rows).encode("utf-8", "surrogateescape")


def docker_json(log: Log) -> bytes:
    lines = dmesg(log).decode("utf-8", "replace").split("\n")
    return "\n".join(
        json.dumps({"log": line + "\n", "stream": "stdout", "time": "2026-02-27T23:59:00.123456789Z"}) for line in lines
    ).encode()


def kubectl_timestamps(log: Log) -> bytes:
    return _physical(log, lambda line: f"2026-02-27T23:59:00.123456789Z [{line.stamp}] ")


def kubectl_prefix(log: Log) -> bytes:
    return _physical(log, lambda line: f"[pod/dmesg-x7k2p/dmesg] [{line.stamp}] ")


def unknown_shipper(log: Log) -> bytes:
    return _physical(
        log, lambda line: f"eu-west|k8s-node{line.micros % 7}|KERN|{LEVELS[line.level].upper()}| [{line.stamp}] "
    )


def unknown_shipper_no_stamp(log: Log) -> bytes:
    return _physical(log, lambda line: f"node{line.micros % 7}/{line.micros}\tklog\t{LEVELS[line.level]}\t")


def _each(log: bytes, prefix: bytes) -> bytes:
    return b"".join(prefix + line + b"\n" for line in log.splitlines())


def quoted(log: Log) -> bytes:
    return _each(dmesg(log), b"> ")


def quoted_twice(log: Log) -> bytes:
    return _each(journal_short(log), b">> ")


def quoted_tight(log: Log) -> bytes:
    return _each(dmesg_notime(log), b">")


def indented(log: Log) -> bytes:
    return _each(dmesg_ctime(log), b"    ")


def tabbed(log: Log) -> bytes:
    return _each(rsyslog(log), b"\t")


def commented(log: Log) -> bytes:
    return _each(rsyslog(log), b"# ")


def crlf(log: Log) -> bytes:
    return rsyslog(log).replace(b"\n", b"\r\n")


def _wrapped(log: bytes, width: int, *, at_blanks: bool, indent: str = "") -> bytes:
    out = []
    for line in log.decode("utf-8", "surrogateescape").split("\n"):
        if len(line) <= width:
            out.append(line)
        elif at_blanks:
            out += textwrap.wrap(
                line, width, break_long_words=False, break_on_hyphens=False, subsequent_indent=indent,
                replace_whitespace=False, drop_whitespace=True,
            )  # fmt: skip
        else:
            out += [line[:width], *(indent + line[i : i + width] for i in range(width, len(line), width))]
    return "\n".join(out).encode("utf-8", "surrogateescape")


def mail_wrapped(log: Log) -> bytes:
    return _wrapped(dmesg(log), 76, at_blanks=True)


def terminal_wrapped(log: Log) -> bytes:
    return _wrapped(rsyslog(log), 100, at_blanks=False)


def wrapped_indented(log: Log) -> bytes:
    return _wrapped(journal_short(log), 90, at_blanks=True, indent="    ")


def _broken_at_commas(log: bytes, between: str) -> bytes:
    out = []
    for line in log.decode("utf-8", "surrogateescape").split("\n"):
        if "oom-kill:" in line or "Killed process" in line:
            out.append(line.replace(",", "," + between))
        else:
            out.append(line)
    return "\n".join(out).encode("utf-8", "surrogateescape")


def backslashed(log: Log) -> bytes:
    return _broken_at_commas(rsyslog(log), "\\\n    ")


def broken_at_commas_indented(log: Log) -> bytes:
    return _broken_at_commas(dmesg(log), "\n               ")


def mail_wrapped_quoted(log: Log) -> bytes:
    """A mail that broke the lines, in the answer to it."""
    return _each(mail_wrapped(log), b"> > ")


def broken_at_commas_commented(log: Log) -> bytes:
    return _each(broken_at_commas_indented(log), b"## ")


def broken_at_commas_quoted(log: Log) -> bytes:
    return _each(_broken_at_commas(rsyslog(log), "\n"), b">")


def split(log: Log) -> Log:
    """The log as a line-based program gets it: a newline in a text begins a line of its own."""
    return [replace(line, text=text) for line in log for text in line.text.split("\n")]


def grep_n(log: Log) -> bytes:
    """grep -n -B 60 'Killed process': a hit has a colon, the lines around it a hyphen."""
    lines = dmesg(log).decode("utf-8", "surrogateescape").splitlines()
    numbered = (f"{n}{':' if 'Killed process' in line else '-'}{line}" for n, line in enumerate(lines, 1))
    return "\n".join([*numbered, ""]).encode("utf-8", "surrogateescape")


def csv_rows(log: Log) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", "host", "facility", "message"])
    writer.writerows([line.wall.isoformat(), HOST, "kern", line.text] for line in log)
    return out.getvalue().encode("utf-8", "replace")


def quoted_printable(log: Log) -> bytes:
    return quopri.encodestring(dmesg(log))


def aws_logs(log: Log) -> bytes:
    """aws logs get-log-events of a stream that holds what dmesg prints."""
    events = [
        {"timestamp": round(line.wall.timestamp() * 1000), "message": f"[{line.stamp}] {line.text}", "ingestionTime": 1}
        for line in split(log)
    ]
    return (json.dumps({"events": events, "nextForwardToken": "f/37"}, indent=4) + "\n").encode("utf-8", "replace")


# Framings in which a record is an entry of its own, so that nothing a process calls itself can leave it.
EXACT = (journal_json, journal_json_pretty, journal_json_sse, journal_json_seq, journal_export, dmesg_json)
LINES = (
    dmesg, dmesg_caller, dmesg_ctime, dmesg_iso, dmesg_decoded, dmesg_decoded_iso, dmesg_raw, dmesg_delta,
    dmesg_ctime_delta, dmesg_only_delta, dmesg_reltime, dmesg_notime, dmesg_colour, journal_short, journal_short_no_host,
    journal_precise, journal_iso, journal_iso_precise, journal_full, journal_unix, journal_monotonic, journal_cat,
    journal_verbose, rsyslog, rsyslog_iso, rfc3164_pri, rfc5424, rfc5424_data, cri, docker_json, kubectl_timestamps,
    kubectl_prefix, unknown_shipper, unknown_shipper_no_stamp, quoted, quoted_twice, quoted_tight, indented, tabbed,
    commented, crlf, grep_n, csv_rows, quoted_printable, aws_logs,
)  # fmt: skip
WRAPPED = (
    mail_wrapped, terminal_wrapped, wrapped_indented, backslashed, broken_at_commas_indented, mail_wrapped_quoted,
    broken_at_commas_commented, broken_at_commas_quoted,
)  # fmt: skip
