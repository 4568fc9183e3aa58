"""How fast kernel logs are read: logs of 1 GB, ours and cAdvisor's parser in one run.

    python tests/bench/bench_parse.py [--megabytes 1000] [--runs 5]

Two logs of raw kernel records are made from the golden captures: `quiet` holds no OOM line, of `busy` 1 % of the lines
are OOM dumps. cAdvisor's side (tests/bench/cadvisor, Go) gets the same lines through its own channel of messages. What
is measured is the whole process of ours, from its start to the last record as JSON, as the agent writes it (all fields,
the kernel's text; findings and recommendation are no part of it); of cAdvisor's parser, from its first line to its last
record, which it hands over a channel and nobody prints. The sides take turns, and the best run of each counts,
so that what else the machine does meets all of them. Seconds of processor time tell more than the clock where it does
much. Prints a table and, as its last line, a JSON object.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OOMREPORT = [str(Path(sys.executable).with_name("oomreport")), "explain", "-o", "json", "--no-advice"]
_COUNT = (
    "import json, sys; items = json.load(sys.stdin)['items'];"
    "print(len(items), sum(len(item['spec']['victims']) for item in items))"
)
_WORDS = (
    b"audit: type=1400 apparmor=STATUS operation=profile_load name=cri-containerd comm=apparmor_parser",
    b"cni0: port 7(veth3f2a9c1d) entered forwarding state",
    b"IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready",
    b"systemd[1]: Started Session 4711 of user root, process 4242 killed by nobody, room for zoom",
    b"EXT4-fs (nvme1n1): mounted filesystem with ordered data mode. Quota mode: none.",
    b"TCP: request_sock_TCP: Possible SYN flooding on port 8443. Sending cookies. Check SNMP counters.",
)


def captures() -> list[list[bytes]]:
    texts = []
    for log in sorted((ROOT / "tests" / "records").glob("kernel-*/log.kmsg")):
        lines = [line for line in log.read_bytes().split(b"\n") if b";" in line and not line.startswith(b" ")]
        if b"invoked oom-killer" in log.read_bytes() and len(lines) < 400:
            texts.append([line.split(b",", 3)[3] for line in lines if line.split(b",", 3)[3][:2] in (b"-;", b"c;")])
    return texts


def written(path: Path, megabytes: int, share: float) -> int:
    """Write a log of which `share` of the lines are OOM dumps; return the number of its lines."""
    dumps, sequence, number, debt, size, turn = captures(), 0, 0, 0.0, 0, 0
    with path.open("wb") as file:
        while size < megabytes * 1_000_000:
            block = []
            for _ in range(5000):
                block.append(b"-;" + _WORDS[sequence % len(_WORDS)])
                sequence += 1
                debt += share
                if share and debt >= len(dumps[turn % len(dumps)]):
                    debt -= len(dumps[turn % len(dumps)])
                    block += dumps[turn % len(dumps)]
                    turn += 1
            data = b"".join(b"6,%d,%d,%s\n" % (n, 5_000_000 + n * 40, text) for n, text in enumerate(block, number))
            number += len(block)
            file.write(data)
            size += len(data)
    with path.open("rb") as log:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: log.read(1 << 20), b""))


def ours(path: Path, *, pipe: bool = False) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out:
        begun = time.monotonic()
        command = [*OOMREPORT, "-" if pipe else str(path)]
        with path.open("rb") as log:
            feeder = subprocess.Popen(["cat"], stdin=log, stdout=subprocess.PIPE) if pipe else None
            process = subprocess.Popen(command, stdin=feeder.stdout if feeder else None, stdout=out)
            _, status, usage = os.wait4(process.pid, 0)
            if feeder:
                feeder.wait()
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"oomreport exited with {process.returncode}")
        out.seek(0)
        # Not here: what this process holds when it forks counts into the peak of the next one.
        counted = subprocess.run([sys.executable, "-c", _COUNT], stdin=out, capture_output=True, check=True)
    records, kills = map(int, counted.stdout.split())
    return {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "kills": kills,
        "records": records,
        "peak_rss_mib": usage.ru_maxrss / 1024,
    }


def cadvisor(path: Path, binary: Path) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([str(binary), str(path), "raw"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(run.stdout.splitlines()[-1]), "cpu_seconds": cpu_seconds}


def best(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return min(runs, key=lambda run: float(run["seconds"]))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, default=1000)
    arguments.add_argument("--runs", type=int, default=5)
    given = arguments.parse_args()
    if shutil.which("go") is None:
        print("Go is not installed: cAdvisor's side cannot run", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="oomreport-bench-") as folder:
        binary = Path(folder) / "cadvisor"
        print("building cAdvisor's side (a minute the first time)", flush=True)
        subprocess.run(["go", "build", "-o", str(binary), "."], cwd=ROOT / "tests" / "bench" / "cadvisor", check=True)
        # Whoever installs us, pip or the image, compiles us once. An environment may have a checkout compiled anew
        # by each run.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "code")
        subprocess.run([*OOMREPORT, os.devnull], stdout=subprocess.DEVNULL, check=True)
        result: dict[str, Any] = {"megabytes": given.megabytes}
        for name, share in (("quiet", 0.0), ("busy", 0.01)):
            path = Path(folder) / name
            print(f"writing {name} ({given.megabytes} MB)", flush=True)
            lines = written(path, given.megabytes, share)
            size = path.stat().st_size
            turns = [
                {
                    "cadvisor": cadvisor(path, binary),
                    "one_process": ours(path),
                    "pipe": ours(path, pipe=True),
                }
                for _ in range(given.runs)
            ]
            sides = {side: best([turn[side] for turn in turns]) for side in turns[0]}
            for side, run in sides.items():
                run["lines_per_second"] = round(lines / run["seconds"])
                run["mb_per_second"] = round(size / run["seconds"] / 1e6, 1)
                run["ratio_to_cadvisor"] = round(sides["cadvisor"]["seconds"] / run["seconds"], 2)
                run["cpu_ratio_to_cadvisor"] = round(sides["cadvisor"]["cpu_seconds"] / run["cpu_seconds"], 2)
                print(
                    f"{name:6} {side:14} {run['seconds']:7.2f} s {run['cpu_seconds']:7.2f} s CPU {run['mb_per_second']:8.1f} MB/s "
                    f"{run['lines_per_second']:10} lines/s {run['peak_rss_mib']:6.1f} MiB {run['kills']:6} kills "
                    f"x{run['ratio_to_cadvisor']} (CPU x{run['cpu_ratio_to_cadvisor']})",
                    flush=True,
                )
            result[name] = {side: {k: round(v, 3) if isinstance(v, float) else v for k, v in run.items()}
                            for side, run in sides.items()}  # fmt: skip
            path.unlink()
    result["load"] = os.getloadavg()[0]
    result["children_peak_rss_mib"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
