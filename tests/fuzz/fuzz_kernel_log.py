"""Coverage-guided fuzzing of the reader of kernel logs.

    python tests/fuzz/fuzz_kernel_log.py -max_total_time=60 [CORPUS]

For any bytes: no exception, no victim twice in a record, the same from the searching reader, and a bound on time.
Without a CORPUS the golden records are the seeds. libFuzzer's options apply; -timeout bounds one input in seconds.
"""

import json
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
    from oomreport.kernel.reader import invocations_of_records, invocations_of_text
    from oomreport.kernel.scan import Scanner, found_plainly

# Generous: an instrumented run on a loaded machine is many times slower than a plain one.
SECONDS_PER_INPUT = 5.0


def test_one_input(data: bytes) -> None:
    begun = time.monotonic()
    lines = data.split(b"\n")
    for one in invocations_of_text(lines):
        assert len({victim.pid for victim in one.victims}) == len(one.victims)
        json.dumps(record_spec(one, origin=Origin(), time=None, subject=subject_of_invocation(one)))
    list(invocations_of_records(lines))
    scanner = Scanner(found_plainly)
    for start in range(0, len(data), 777):
        scanner.feed(data[start : start + 777])
    scanner.flush()
    taken = time.monotonic() - begun
    assert taken < SECONDS_PER_INPUT, f"{taken:.1f} s for {len(data)} bytes"


def main() -> None:
    arguments = [*sys.argv]
    if all(argument.startswith("-") for argument in arguments[1:]):
        seeds = Path(tempfile.mkdtemp(prefix="oomreport-fuzz-"))
        for log in (ROOT / "tests" / "records").glob("*/log*"):
            (seeds / log.parent.name).write_bytes(log.read_bytes()[:4096])
        arguments.append(str(seeds))
    if not any(argument.startswith("-timeout") for argument in arguments):
        arguments.append("-timeout=20")
    if not any(argument.startswith("-max_len") for argument in arguments):
        arguments.append("-max_len=4096")
    if not any(argument.startswith("-dict") for argument in arguments):
        arguments.append(f"-dict={Path(__file__).with_name('kernel_log.dict')}")
    atheris.Setup(arguments, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
