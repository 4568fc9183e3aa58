"""Kernel logs as people's hands, editors, mail programs and web pages leave them: renderers for tests, like `framings`."""

import html
import quopri
import re
from collections.abc import Callable

from property.exports import split
from property.framings import (
    LEVELS,
    Log,
    _physical,
    dmesg,
    dmesg_ctime,
    dmesg_notime,
    dmesg_raw,
    journal_monotonic,
    journal_short,
    rsyslog,
    rsyslog_iso,
)


def _lines(log: bytes) -> list[str]:
    return log.decode("utf-8", "replace").split("\n")[:-1]


def _bytes(lines: list[str], newline: str = "\n") -> bytes:
    return (newline.join(lines) + newline).encode("utf-8", "replace")


def _numbered(form: Callable[[int, str], str], log: bytes) -> bytes:
    return _bytes([form(n, line) for n, line in enumerate(_lines(log), 1)])


def grep_n(log: Log) -> bytes:
    return _numbered(lambda n, line: f"{n}:{line}", dmesg(split(log)))


def grep_h(log: Log) -> bytes:
    return _numbered(lambda n, line: f"/var/log/messages-20260228:{line}", rsyslog(split(log)))


def grep_hn(log: Log) -> bytes:
    return _numbered(lambda n, line: f"messages:{n + 48211}:{line}", rsyslog(split(log)))


def grep_context(log: Log) -> bytes:
    """grep -n -B 60 'Killed process': a hit has a colon, the lines around it a hyphen."""
    return _numbered(lambda n, line: f"{n}{':' if 'Killed process' in line else '-'}{line}", dmesg(split(log)))


def grep_context_file(log: Log) -> bytes:
    def form(n: int, line: str) -> str:
        mark = ":" if "Killed process" in line else "-"
        return f"/var/log/kern.log{mark}{n}{mark}{line}"

    return _numbered(form, rsyslog(split(log)))


def zgrep(log: Log) -> bytes:
    return _numbered(lambda n, line: f"/var/log/syslog.2.gz:{line}", rsyslog(split(log)))


def grep_colour(log: Log) -> bytes:
    def painted(line: str) -> str:
        return re.sub(r"(oom|Kill)", "\x1b[01;31m\x1b[K\\1\x1b[m\x1b[K", line)

    return _bytes([painted(line) for line in _lines(rsyslog(split(log)))])


def grep_colour_numbers(log: Log) -> bytes:
    return _numbered(
        lambda n, line: f"\x1b[32m\x1b[K{n}\x1b[m\x1b[K\x1b[36m\x1b[K:\x1b[m\x1b[K{line.replace('ill', chr(27) + '[01;31mill' + chr(27) + '[m')}",
        dmesg(split(log)),
    )  # fmt: skip


def caret_escapes(log: Log) -> bytes:
    """Colours as `less` shows them without -R."""
    return _physical(log, lambda line: f"ESC[32m[{line.stamp}] ESC[0m")


def lost_escapes(log: Log) -> bytes:
    """Colours of which a clipboard kept all but the escape character."""
    return _physical(log, lambda line: f"[32m[{line.stamp}] [0m")


def cat_n(log: Log) -> bytes:
    return _numbered(lambda n, line: f"{n:6d}\t{line}", dmesg(split(log)))


def less_n(log: Log) -> bytes:
    return _numbered(lambda n, line: f"{n:7d} {line}", dmesg_ctime(split(log)))


def nl(log: Log) -> bytes:
    return _numbered(lambda n, line: f"{n:6d}\t{line}", dmesg_notime(split(log)))


def vim_numbers(log: Log) -> bytes:
    return _numbered(lambda n, line: f"{n + 900:5d} {line}", journal_short(split(log)))


def diff_added(log: Log) -> bytes:
    return _bytes(["--- a/log", "+++ b/log", "@@ -0,0 +1,99 @@", *("+" + line for line in _lines(dmesg(split(log))))])


def diff_context(log: Log) -> bytes:
    return _bytes([" " + line for line in _lines(dmesg(split(log)))])


def trailing_blanks(log: Log) -> bytes:
    return _bytes([line + "   " for line in _lines(dmesg(split(log)))])


def nbsp(log: Log) -> bytes:
    """A web page that keeps indents writes each second blank as U+00A0."""
    return _bytes([line.replace("  ", " \u00a0") for line in _lines(dmesg(split(log)))])


def nbsp_everywhere(log: Log) -> bytes:
    return _bytes([line.replace(" ", "\u00a0") for line in _lines(dmesg(split(log)))])


def byte_order_mark(log: Log) -> bytes:
    return b"\xef\xbb\xbf" + dmesg(log)


def collapsed(log: Log) -> bytes:
    """HTML shows runs of blanks as one and drops those in front."""
    return _bytes([re.sub(r"[ \t]+", " ", line).strip() for line in _lines(dmesg(split(log)))])


def collapsed_notime(log: Log) -> bytes:
    return _bytes([re.sub(r"[ \t]+", " ", line).strip() for line in _lines(dmesg_notime(split(log)))])


def blank_lines_between(log: Log) -> bytes:
    return dmesg(log).replace(b"\n", b"\n\n")


def crcrlf(log: Log) -> bytes:
    """A serial console whose driver and terminal both add carriage returns."""
    return dmesg(log).replace(b"\n", b"\r\r\n")


def html_escaped(log: Log) -> bytes:
    return _bytes([html.escape(line) for line in _lines(dmesg_raw(split(log)))])


def html_breaks(log: Log) -> bytes:
    return _bytes([html.escape(line) + "<br>" for line in _lines(dmesg(split(log)))])


def html_paragraphs(log: Log) -> bytes:
    return _bytes([f"<p>{html.escape(line)}</p>" for line in _lines(rsyslog(split(log)))])


def html_pre(log: Log) -> bytes:
    lines = [html.escape(line) for line in _lines(dmesg(split(log)))]
    return _bytes(["<pre><code>" + lines[0], *lines[1:], "</code></pre>"])


def code_fence(log: Log) -> bytes:
    return _bytes(
        ["<details><summary>dmesg</summary>", "", "```console", *_lines(dmesg(split(log))), "```", "", "</details>"]
    )


def code_spans(log: Log) -> bytes:
    return _bytes([f"`{line}`" for line in _lines(dmesg(split(log)))])


def code_spans_in_list(log: Log) -> bytes:
    return _bytes([f"- `{line}`" for line in _lines(journal_short(split(log)))])


def bold(log: Log) -> bytes:
    return _bytes([f"**{line}**" for line in _lines(rsyslog(split(log)))])


def markdown_escaped(log: Log) -> bytes:
    return _bytes([re.sub(r"([_\[\]*<>])", r"\\\1", line) for line in _lines(dmesg(split(log)))])


def noformat(log: Log) -> bytes:
    return _bytes(["{noformat}" + _lines(dmesg(split(log)))[0], *_lines(dmesg(split(log)))[1:], "{noformat}"])


def bullets(log: Log) -> bytes:
    return _bytes([f"\u2022 {line}" for line in _lines(dmesg(split(log)))])


def numbered_list(log: Log) -> bytes:
    return _numbered(lambda n, line: f"{n}. {line}", dmesg(split(log)))


def quoted_printable(log: Log) -> bytes:
    return quopri.encodestring(dmesg(log))


def quoted_printable_mail(log: Log) -> bytes:
    return quopri.encodestring(journal_short(log))


def format_flowed(log: Log) -> bytes:
    """RFC 3676: a line that ends with a blank goes on in the next one."""
    out = []
    for line in _lines(dmesg(split(log))):
        rest = line
        while len(rest) > 72 and " " in rest[1:72]:
            at = rest.rindex(" ", 1, 72) + 1
            out.append(rest[:at])
            rest = rest[at:]
        out.append(rest)
    return _bytes(out)


def quoted_deep(log: Log) -> bytes:
    return _bytes(["> > >  " + line for line in _lines(dmesg(split(log)))])


def quoted_name(log: Log) -> bytes:
    return _bytes(["JD> " + line for line in _lines(dmesg(split(log)))])


def python_list(log: Log) -> bytes:
    return _bytes(["lines = [", *(f"    {line!r}," for line in _lines(dmesg(split(log)))), "]"])


def go_strings(log: Log) -> bytes:
    return _bytes([f'\t\t"{line}\\n" +' for line in _lines(dmesg(split(log)))])


def yaml_block(log: Log) -> bytes:
    return _bytes(["data:", "  dmesg: |-", *("    " + line for line in _lines(dmesg(split(log))))])


def yaml_list(log: Log) -> bytes:
    return _bytes([f"  - '{line}'" for line in _lines(dmesg(split(log)))])


def json_string(log: Log) -> bytes:
    """The whole log as one JSON string, as an API or an issue tracker's export has it."""
    import json  # noqa: PLC0415

    return json.dumps({"id": 7, "body": dmesg(log).decode("utf-8", "replace")}).encode()


def one_physical_line(log: Log) -> bytes:
    r"""The log with its newlines written `\n`."""
    return "\\n".join(_lines(dmesg(split(log)))).encode() + b"\n"


def html_table(log: Log) -> bytes:
    lines = enumerate(_lines(dmesg_notime(split(log))))
    rows = [f"<tr><td>{n}</td><td>23:58:41</td><td>{html.escape(line)}</td></tr>" for n, line in lines]
    return _bytes(["<table>", *rows, "</table>"])


def html_one_line(log: Log) -> bytes:
    return "<br/>".join(html.escape(line) for line in _lines(dmesg(split(log)))).encode() + b"\n"


def console_returns(log: Log) -> bytes:
    """A serial console that ends its lines with newline and return, in this order."""
    return dmesg(log).replace(b"\n", b"\n\r")


def build_server(log: Log) -> bytes:
    """Times in escape sequences, as Buildkite writes them."""
    return _bytes([f"\x1b_bk;t=1772236721{n % 1000:03}\x07{line}" for n, line in enumerate(_lines(dmesg(split(log))))])


def code_spans_starred(log: Log) -> bytes:
    return _bytes([f"* `{line}`" for line in _lines(dmesg(split(log)))])


def terminal_frame(log: Log) -> bytes:
    """Copied out of a program that draws a frame, such as k9s."""
    return _bytes([f"\u2502 {line:<220} \u2502" for line in _lines(rsyslog(split(log)))])


def abrt(log: Log) -> bytes:
    return b"".join(b":" + line + b"\n" for line in dmesg(log).split(b"\n")[:-1])


def pstore(log: Log) -> bytes:
    """ramoops: parts with a header each, syslog(2)'s prefix on each line."""
    lines = [f"<{line.level}>[{line.stamp}] {part}" for line in log for part in line.text.split("\n")]
    middle = len(lines) // 2
    return _bytes(["Oops#1 Part2", *lines[:middle], "Oops#1 Part1", *lines[middle:]])


def crash_log_m(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.stamp}] <{line.level}> ")


def crash_log_t(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.wall:%a %b %e %H:%M:%S UTC %Y}] ")


def logcat(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%m-%d %H:%M:%S}.{line.micros // 1000 % 1000:03d}     0     0 I ")


def logcat_kernel_tag(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%m-%d %H:%M:%S}.123   514   514 W kernel  : [{line.stamp}] ")


def android_kmsg(log: Log) -> bytes:
    return _physical(log, lambda line: f"<{line.level}>[{line.stamp}] c{line.micros % 8} {line.micros % 3000} ")


def android_cpu(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.stamp}] [0:    kworker/0:1:  {line.micros % 900:3d}] ")


def caller_numbers(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.stamp}] [T{line.micros % 9000}] ")


def caller_cpu(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.stamp}][    C{line.micros % 8}] ")


def yocto_serial(log: Log) -> bytes:
    return _physical(log, lambda line: f"[2026-02-27 23:58:41.{line.micros % 1000:03d}] [{line.stamp}] ")


def minicom(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.wall:%Y-%m-%d %H:%M:%S}] [{line.stamp}] ")


def ts_moreutils(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%b %d %H:%M:%S} [{line.stamp}] ")


def screen_log(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%H:%M:%S} [{line.stamp}] ")


def gke_serial(log: Log) -> bytes:
    return _physical(log, lambda line: f"[{line.stamp}] ").replace(b"\n", b"\r\n")


def am_pm(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%-m/%-d/%Y %-I:%M:%S %p}: [{line.stamp}] ")


def am_pm_notime(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%m/%d/%Y %I:%M:%S %p} node-1 kernel: ")


def epoch_millis(log: Log) -> bytes:
    return _physical(log, lambda line: f"{round(line.wall.timestamp() * 1000)} node-1 kernel: ")


def epoch_nanos(log: Log) -> bytes:
    return _physical(log, lambda line: f"{round(line.wall.timestamp() * 1000)}000000 ")


def french_syslog(log: Log) -> bytes:
    return _physical(log, lambda line: f"f\u00e9vr. {line.wall:%d %H:%M:%S} node-1 kernel: [{line.stamp}] ")


def russian_ctime(log: Log) -> bytes:
    return _physical(log, lambda line: f"[\u041f\u0442 \u0444\u0435\u0432 {line.wall:%e %H:%M:%S %Y}] ")


def odd_zone(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%Y-%m-%d %H:%M:%S} +0545 node-1 kernel: ")


def named_zone(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%a %Y-%m-%d %H:%M:%S} CEST node-1 kernel: ")


def numeric_named_zone(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%a %Y-%m-%d %H:%M:%S} +03 node-1 kernel: ")


def year_first(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%Y %b %d %H:%M:%S} node-1 kernel: ")


def day_first(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%d/%b/%Y:%H:%M:%S} +0000 node-1 kernel: ")


def kernel_dated(log: Log) -> bytes:
    """rsyslog with a template that leaves the host out and adds the severity."""
    return _physical(log, lambda line: f"{line.wall:%Y-%m-%d %H:%M:%S} kern.{LEVELS[line.level]} node-1 kernel: ")


def with_unit(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%a %Y-%m-%d %H:%M:%S} UTC node-1 kernel[n/a]: ")


def syslog_ng(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%b %e %H:%M:%S} src@node-1 kernel: [{line.stamp}] ")


def android_bugreport(log: Log) -> bytes:
    return b"------ KERNEL LOG (dmesg) ------\n" + dmesg_raw(log)


def two_tabs(log: Log) -> bytes:
    return _physical(log, lambda line: f"{line.wall:%Y-%m-%d %H:%M:%S}\tnode-1\tkernel\t[{line.stamp}] ")


def pipe_table(log: Log) -> bytes:
    """A Markdown table, or psql."""
    return _bytes(
        [f"| {line.wall:%Y-%m-%d %H:%M:%S} | node-1 | {text} |" for line in log for text in line.text.split("\n")]
    )


def kubectl_debug(log: Log) -> bytes:
    return _bytes(
        ["Creating debugging pod node-debugger-node-1-x7k2p with container debugger on node node-1.",
         "root@node-1:/# chroot /host dmesg | tail -60", *_lines(dmesg(split(log))), "root@node-1:/# exit"]
    )  # fmt: skip


def login_prompts(log: Log) -> bytes:
    """A serial console on which a getty prompts in between."""
    lines = _lines(dmesg(split(log)))
    return _bytes(["", "Debian GNU/Linux 12 node-1 ttyS0", "", f"node-1 login: {lines[0]}", *lines[1:],
                   "node-1 login: "])  # fmt: skip


def curly_quotes(log: Log) -> bytes:
    return _bytes([f"\u201c{line}\u201d" for line in _lines(dmesg(split(log)))])


def en_dashes(log: Log) -> bytes:
    """What chat programs make of hyphens and quotes where they think them typed."""
    return _bytes([line.replace("--", "\u2013").replace("'", "\u2019") for line in _lines(dmesg(split(log)))])


def chat_copy(log: Log) -> bytes:
    return _bytes(["Jane Doe  11:42 AM", *_lines(dmesg(split(log))), "(edited)"])


def netconsole_extended(log: Log) -> bytes:
    def escaped(text: str) -> str:
        return "".join(f"\\x{b:02x}" if b < 32 or b >= 127 or b == 92 else chr(b) for b in text.encode())

    return _bytes([f"{line.level},{n + 900},{line.micros},-;{escaped(line.text)}" for n, line in enumerate(log)])


def netconsole_release(log: Log) -> bytes:
    """With /release of the configfs entry set, the kernel's release stands in front."""
    return b"".join(b"6.4.0," + line + b"\n" for line in netconsole_extended(log).split(b"\n")[:-1])


def netconsole_fragments(log: Log) -> bytes:
    out = []
    for line in netconsole_extended(log).decode().split("\n")[:-1]:
        head, _, text = line.partition(";")
        if len(text) <= 200:
            out.append(line)
            continue
        out += [f"{head},ncfrag={at}/{len(text)};{text[at : at + 200]}" for at in range(0, len(text), 200)]
    return _bytes(out)


ALIKE = (
    grep_n, grep_h, grep_hn, grep_context, grep_context_file, zgrep, grep_colour, grep_colour_numbers, caret_escapes,
    lost_escapes, cat_n, less_n, nl, vim_numbers, diff_added, diff_context, trailing_blanks, nbsp, nbsp_everywhere,
    byte_order_mark, collapsed, collapsed_notime, blank_lines_between, crcrlf, html_escaped, html_breaks,
    html_paragraphs, html_pre, code_fence, code_spans, code_spans_in_list, bold, markdown_escaped, noformat, bullets,
    numbered_list, quoted_printable, quoted_printable_mail, quoted_deep, quoted_name, python_list,
    go_strings, yaml_block, yaml_list, json_string, one_physical_line, abrt, pstore, crash_log_m, crash_log_t, logcat,
    logcat_kernel_tag, android_kmsg, android_cpu, caller_numbers, caller_cpu, yocto_serial, minicom, ts_moreutils,
    screen_log, gke_serial, am_pm, am_pm_notime, epoch_millis, epoch_nanos, french_syslog, russian_ctime, odd_zone,
    named_zone, numeric_named_zone, year_first, day_first, kernel_dated, with_unit, syslog_ng, android_bugreport,
    two_tabs, kubectl_debug, login_prompts, curly_quotes, en_dashes, chat_copy, netconsole_extended,
    netconsole_release, netconsole_fragments, html_table, html_one_line, console_returns, build_server, code_spans_starred,
    terminal_frame,
)  # fmt: skip
# The zones of Mem-Info are not put together again; a comm in front of a line may be taken for a part of a table's border.
PARTLY = (format_flowed, pipe_table)


def twice(log: Log) -> bytes:
    return dmesg(log) + dmesg(log)


def twice_other_framing(log: Log) -> bytes:
    return rsyslog(log) + dmesg(log)


def twice_interleaved(log: Log) -> bytes:
    """Two shippers of the same node."""
    one, two = _lines(rsyslog_iso(split(log))), _lines(journal_monotonic(split(log)))
    return _bytes([line for pair in zip(one, two, strict=True) for line in pair])


def kills_then_all(log: Log) -> bytes:
    lines = _lines(dmesg(split(log)))
    return _bytes(["$ dmesg | grep -i kill", *(line for line in lines if "Killed" in line), "$ dmesg", *lines])


REPEATS = (twice, twice_other_framing, twice_interleaved, kills_then_all)
