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
            [OOMREPORT, "watch", "--source", source, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stderr
        self.said = self.process.stderr.readline().decode()
        assert "watching the kernel log" in self.said
        time.sleep(0.3)  # what the log still holds is passed over first

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


def test_it_ends_when_nobody_reads_it_any_more(group: Group, new_watch: NewWatch, source: str) -> None:
    del group  # for what it asks of the machine
    watch = new_watch(source)
    assert watch.process.stdout
    watch.process.stdout.close()
    assert watch.process.wait(timeout=5) == 0
    assert watch.process.stderr
    assert watch.process.stderr.read() == b""
