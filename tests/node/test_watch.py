"""`oomreport watch` on this machine's kernel: real kills, told at once."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.pods import MIB, Group, hogs

OOMREPORT = str(Path(sys.executable).with_name("oomreport"))
NewWatch = Callable[..., "Watch"]


class Watch:
    def __init__(self, source: str, *options: str) -> None:
        self.process = subprocess.Popen(
            [OOMREPORT, "watch", "--source", source, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A test run in the background of a script has it ignored, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread runs here
        )
        if "--past" not in options:  # with it, it begins to watch when the past was read from its output
            self.wait_until_it_watches()

    def wait_until_it_watches(self) -> None:
        assert self.process.stderr
        assert b"watching the kernel log" in self.process.stderr.readline()

    def output_until(self, word: bytes, seconds: float) -> bytes:
        assert self.process.stdout
        end, output = time.monotonic() + seconds, b""
        while word not in output and (left := end - time.monotonic()) > 0:
            if select.select([self.process.stdout], [], [], left)[0]:
                output += os.read(self.process.stdout.fileno(), 1 << 16)
        return output


@pytest.fixture
def new_watch() -> Iterator[NewWatch]:
    made: list[Watch] = []

    def make(*options: str) -> Watch:
        made.append(Watch(*options))
        return made[-1]

    yield make
    for watch in made:
        if watch.process.poll() is None:
            watch.process.kill()
        watch.process.wait()


def test_a_kill_is_told_within_a_second(group: Group, new_watch: NewWatch, source: str) -> None:
    watch = new_watch(source, "-o", "json")
    container = group.container(limit_mib=32)
    with hogs([container], 1, comm="watched") as (hog,):
        hog.go()
        (pid,) = hog.killed()
        begun = time.monotonic()
        item = {}
        while item.get("spec", {}).get("taskMemcg") != container.path and time.monotonic() - begun < 5:
            lines = watch.output_until(b"\n", 5).splitlines()
            item = next(
                (found for line in lines if (found := json.loads(line))["spec"].get("taskMemcg") == container.path),
                item,
            )
        taken = time.monotonic() - begun
    assert [victim["pid"] for victim in item["spec"]["victims"]] == [pid]
    assert item["spec"]["victims"][0]["comm"] == "watched"
    assert item["spec"]["memory"]["limitBytes"] == 32 * MIB
    assert item["findings"][0]["rule"] == "ContainerLimitHit"
    assert item["recommendation"]["previousLimit"] == "32Mi"
    assert taken < 1.0


def test_it_tells_people_in_words_and_ends_with_an_interrupt(group: Group, new_watch: NewWatch, source: str) -> None:
    watch = new_watch(source)
    container = group.container(limit_mib=32)
    with hogs([container], 1, comm="watched") as (hog,):
        hog.go()
        (pid,) = hog.killed()
        told = " ".join(watch.output_until(b"What to look at", 5).decode().split())
    assert f'"watched" (pid {pid}) was killed: the memory limit of the container was reached' in told
    watch.process.send_signal(signal.SIGINT)
    _, errors = watch.process.communicate(timeout=5)
    assert watch.process.returncode == 130
    assert errors == b""


def test_kills_of_before_are_told_only_where_they_are_wanted(group: Group, new_watch: NewWatch, source: str) -> None:
    containers = [group.container(limit_mib=16) for _ in range(6)]  # more text than is read at once
    with hogs(containers, 1, comm="earlier") as earlier:
        for hog in earlier:
            hog.go()
        pids = {pid for hog in earlier for pid in hog.killed()}
    assert new_watch(source).output_until(b"killed", 2.5) == b""  # longer than any silence that ends a dump
    with_past = new_watch(source, "--past", "-o", "json")
    told = with_past.output_until(b"never", 2.5)
    with_past.wait_until_it_watches()
    found = [victim["pid"] for line in told.splitlines() for victim in json.loads(line)["spec"]["victims"]]
    assert [pid for pid in found if pid in pids] == sorted(pids, key=found.index)
    assert pids <= set(found)


def test_it_ends_when_nobody_reads_it_any_more(group: Group, new_watch: NewWatch, source: str) -> None:
    del group  # for what it asks of the machine
    watch = new_watch(source)
    assert watch.process.stdout
    watch.process.stdout.close()
    assert watch.process.wait(timeout=5) == 0
    assert watch.process.stderr
    assert watch.process.stderr.read() == b""
