"""Coverage-guided fuzzing of the reader of kernel logs.

    python tests/fuzz/fuzz_kernel_log.py -max_total_time=60 [CORPUS]

For any bytes: no exception, no victim twice in a record, and a bound on time. The first byte of an input chooses one of
the ways in, so that each input is read once: as text, as records of /dev/kmsg, by the searching reader in chunks.
Without a CORPUS pieces of the golden records are the seeds. libFuzzer's options apply; -timeout bounds one input in
seconds, and libFuzzer's own statistics end the run.
"""

import atexit
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "operator"))

with atheris.instrument_imports(
    include=["oomreport.kernel", "oomreport.workload.container", "oomreport.incident.oom_record"]
):
    from oomreport.incident.oom_record import Origin, record_spec, subject_of_invocation
    from oomreport.kernel.reading.reader import invocations_of_records, invocations_of_text
    from oomreport.kernel.reading.scanner import Scanner

# Generous: an instrumented run on a loaded machine is many times slower than a plain one.
SECONDS_PER_INPUT = 5.0
# Small inputs: a dump's lines matter, not their number, and a short input is mutated and read quickly.
MOST_BYTES = 1024


def test_one_input(data: bytes) -> None:
    begun = time.monotonic()
    way, log = data[:1], data[1:]
    lines = log.split(b"\n")
    if way < b"U":
        found = list(invocations_of_text(lines))
    elif way < b"\xaa":
        found = list(invocations_of_records(lines))
    else:
        scanner = Scanner()
        size = way[0]
        found = [one for start in range(0, len(log), size) for one in scanner.feed(log[start : start + size])]
        found += scanner.flush()
    for one in found:
        assert len({victim.pid for victim in one.victims}) == len(one.victims)
        json.dumps(record_spec(one, origin=Origin(), time=None, subject=subject_of_invocation(one)).as_json())
    taken = time.monotonic() - begun
    assert taken < SECONDS_PER_INPUT, f"{taken:.1f} s for {len(data)} bytes"


def seeds() -> Path:
    """Return a folder of pieces of the golden logs, each with one of the ways to be read."""
    folder = Path(tempfile.mkdtemp(prefix="oomreport-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for log in sorted((ROOT / "tests" / "records").glob("*/log*")):
        piece = b""
        pieces = []
        for line in log.read_bytes().splitlines(keepends=True):
            if len(piece) + len(line) > MOST_BYTES - 1 and piece:
                pieces.append(piece)
                piece = b""
            piece += line[: MOST_BYTES - 1]
        for number, text in enumerate([pieces[0], pieces[-1], piece] if pieces else [piece]):
            (folder / f"{log.parent.name}-{number}").write_bytes(b" Z\xf0"[number : number + 1] + text)
    return folder


def main() -> None:
    arguments = [*sys.argv]
    if all(argument.startswith("-") for argument in arguments[1:]):
        arguments.append(str(seeds()))
    if not any(argument.startswith("-timeout") for argument in arguments):
        arguments.append("-timeout=20")
    if not any(argument.startswith("-max_len") for argument in arguments):
        arguments.append(f"-max_len={MOST_BYTES}")
    if not any(argument.startswith("-dict") for argument in arguments):
        arguments.append(f"-dict={Path(__file__).with_name('kernel_log.dict')}")
    arguments.append("-print_final_stats=1")
    atheris.Setup(arguments, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
