"""The searching reader against the one that reads every line: the same records, whatever is around and between."""

from hypothesis import given, settings
from hypothesis import strategies as st

from oomreport.adapters.storage.log_file import quick_search
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.reading.phrases import PHRASES, plain_finder
from records.records import FOLDERS, log_of
from support.logs import assert_same, read, searched

_DUMPS = [
    [record.split(b";", 1)[1] for record in log_of(folder).split(b"\n") if line_of_record(record)]
    for folder in FOLDERS
    if folder.name.startswith("kernel-") and b"invoked oom-killer" in log_of(folder)
][::7]
_DUMPS = [dump for dump in _DUMPS if len(dump) < 200]
_SECOND = 1_000_000
_SHORT = [log for folder in FOLDERS if len(log := log_of(folder)) < 30_000]


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Return records of /dev/kmsg: dumps, what others print, properties, gaps in the sequence numbers."""
    lines, number, stamp = [], draw(st.integers(0, 1000)), 5 * _SECOND
    for _ in range(draw(st.integers(1, 5))):
        properties = draw(st.sampled_from([b"", b"", b"\n SUBSYSTEM=net\n DEVICE=n2"]))
        noise = draw(st.integers(0, 900))
        for turn in range(noise):
            lines.append(b"6,%d,%d,-;eth0: link %d%s" % (number, stamp, turn, properties))
            number += 1
            stamp += 50
        number += draw(st.sampled_from([0, 0, 0, 1, 77]))
        # Time enough for the dump before to have ended: which of two neighbours late lines belong to is not the matter.
        stamp += 40 * _SECOND
        for text in draw(st.sampled_from(_DUMPS)):
            lines.append(b"4,%d,%d,-;%s" % (number, stamp, text))
            number += 1
            stamp += 20
    return b"\n".join(lines) + b"\n" * draw(st.integers(0, 1))


@given(logs(), st.sampled_from([97, 1000, 4096, 65_536, 1 << 20]))
@settings(max_examples=60, deadline=None)
def test_searching_gives_what_reading_every_line_gives(log: bytes, size: int) -> None:
    assert_same(searched(log, size), read(log))


@given(st.sampled_from([log_of(folder) for folder in FOLDERS]), st.integers(1, 5000))
@settings(max_examples=60, deadline=None)
def test_a_golden_log_far_from_its_beginning_says_the_same(log: bytes, size: int) -> None:
    noise = b"".join(b"Nov 21 01:00:00 n systemd[1]: Started session %d.\n" % n for n in range(1500))
    whole = noise + log.rstrip(b"\n") + b"\n" + noise
    assert_same(searched(whole, size * 13), read(whole))


@given(
    st.sampled_from([log_of(folder) for folder in FOLDERS]),
    st.integers(0, 40),
    st.integers(64 * 1024, 150_000),
)
@settings(max_examples=40, deadline=None)
def test_a_log_that_begins_within_a_dump_says_the_same(log: bytes, begun: int, size: int) -> None:
    """No phrase stands in the first chunk, so that what reads lines is made long after it."""
    noise = b"".join(b"Nov 21 01:00:00 n systemd[1]: Started session %d.\n" % n for n in range(3500))
    lines = log.split(b"\n")
    begin = b"".join(b"%s\n" % line for line in lines[:begun] if not any(phrase in line for phrase in PHRASES))
    whole = begin + noise + log.rstrip(b"\n") + b"\n" + noise
    assert_same(searched(whole, size), read(whole))


_NOISE = (
    b"6,{n},{t},-;eth0: link becomes ready",
    b"6,{n},{t},-;systemd[1]: Started session 4711",
    b"14,{n},{t},-;Memory cgroup out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB",
    b"4,{n},{t},-;Memory cgroup out of memory: Killed process 7 (late) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
    b"4,{n},{t},c;the rest of a record",
    b"4,{n},{t},-,caller=T12;Call Trace:",
    b" SUBSYSTEM=net",
    b"plain text",
    b"",
)


@st.composite
def mutated_logs(draw: st.DrawFn) -> bytes:
    """Return a golden log in which lines were lost, doubled, moved, cut, renumbered or joined by others."""
    lines = draw(st.sampled_from(_SHORT)).rstrip(b"\n").split(b"\n")
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(lines) - 1))
        change = draw(st.sampled_from(["lose", "double", "swap", "cut", "byte", "insert", "number", "time"]))
        line = lines[place]
        number, _, rest = line.partition(b",")
        sequence, _, rest = rest.partition(b",")
        stamp, _, rest = rest.partition(b",")
        if change == "lose" and len(lines) > 1:
            del lines[place : place + draw(st.integers(1, 3))]
            lines = lines or [b""]
        elif change == "double":
            lines.insert(place, line)
        elif change == "swap":
            lines[place], lines[place - 1] = lines[place - 1], line
        elif change == "cut":
            lines[place] = line[: draw(st.integers(0, len(line)))]
        elif change == "byte" and line:
            at = draw(st.integers(0, len(line) - 1))
            lines[place] = line[:at] + draw(st.binary(min_size=1, max_size=1)).replace(b"\n", b"x") + line[at + 1 :]
        elif change == "insert" and sequence.isdigit() and stamp.isdigit():
            noise = draw(st.sampled_from(_NOISE)).replace(b"{n}", sequence).replace(b"{t}", stamp)
            lines.insert(place, noise)
        elif change == "number" and sequence.isdigit() and stamp:
            lines[place] = b",".join((number, b"%d" % draw(st.integers(0, 10**6)), stamp, rest))
        elif change == "time" and stamp.isdigit() and rest:
            moved = max(int(stamp) + draw(st.sampled_from([-2_000_000, -1, 1, 2_999_999, 3_000_001, 40_000_000])), 0)
            lines[place] = b",".join((number, sequence, b"%d" % moved, rest))
    return b"\n".join(lines) + b"\n"


@given(mutated_logs(), st.sampled_from([61, 1024, 1 << 20]))
@settings(max_examples=100, deadline=None)
def test_a_damaged_log_says_the_same_searched_and_read(log: bytes, size: int) -> None:
    assert_same(searched(log, size), read(log))


@given(st.binary(max_size=3000))
@settings(max_examples=100, deadline=None)
def test_the_library_finds_what_plain_searching_finds(noise: bytes) -> None:
    block = noise.replace(b"e", b"Killed process ").replace(b"o", b"ut of memory").replace(b"a", b"\n ,-;")
    quick = quick_search()
    assert list(quick(block)) == plain_finder(PHRASES)(block)


@st.composite
def logs_of_two_machines(draw: st.DrawFn) -> bytes:
    """Return a log that two machines wrote in turn, in which lines of their dumps have lost the prefix.

    Each dump has another victim: which of two records of one kill goes depends on which machine's ends first.
    """
    prefix, lines = "Nov 21 01:00:00 {} kernel: ", []
    hosts = st.sampled_from(["one", "two"])
    dump = [text.decode() for text in _DUMPS[0] if text.isascii()]
    for number in range(draw(st.integers(1, 4))):
        noise = draw(st.lists(hosts, max_size=30))
        lines += [prefix.format(host) + "eth0: link becomes ready" for host in noise]
        host = draw(st.sampled_from(["one", "two", None]))
        kept = dump[draw(st.sampled_from([0, 0, len(dump) // 2, len(dump) - 2])) :]
        for text in (line.replace("104", f"{104 + number}") for line in kept):
            bare = host is None or draw(st.integers(0, 2)) == 0
            lines.append(text if bare else prefix.format(host) + text)
            if draw(st.integers(0, 15)) == 0:
                lines.append(prefix.format(draw(hosts)) + "eth0: link becomes ready")
    return ("\n".join(lines) + "\n").encode()


@given(logs_of_two_machines(), st.sampled_from([61, 1024, 1 << 20]))
@settings(max_examples=60, deadline=None)
def test_a_line_without_prefix_is_of_the_machine_of_the_line_before_it_passed_over_or_not(
    log: bytes, size: int
) -> None:
    # In any order: of dumps that are open at the end, the machine that was met first comes first.
    expected = sorted(map(repr, read(log)))
    assert sorted(map(repr, searched(log, size))) == expected
