"""The test image's program, run on this machine as an ordinary process."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from cluster.lab.places import CLUSTER, which

pytestmark = pytest.mark.skipif(sys.platform != "linux" or which("gcc") is None, reason="needs Linux and a C compiler")


@pytest.fixture(scope="session")
def hog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("hog") / "hog"
    flags = ["-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, "-o", program, CLUSTER / "images" / "hog.c"], check=True)
    return program


def run(hog: Path, *arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    command = [hog, *arguments]
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command, capture_output=True, text=True, check=False, timeout=30, **more
    )


def lines(process: "subprocess.Popen[str]", until: str) -> Sequence[str]:
    assert process.stdout
    found: list[str] = []
    while not found or until not in found[-1]:
        found.append(process.stdout.readline())
        assert found[-1], f"ended before it said {until!r}: {found}"
    return found


def test_it_exits_with_the_code_it_was_given(hog: Path) -> None:
    assert run(hog, "exit-after", "0", "7").returncode == 7


def test_it_prints_a_text_as_it_is(hog: Path) -> None:
    text = "Memory cgroup out of memory: Killed process 1 (a) b) total-vm:1kB"
    assert text in run(hog, "print", text, "exit-after", "0", "0").stdout.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [[], ["nothing"], ["self"], ["self", "many"], ["hold", "-1"], ["comm", "zz", "hold", "1"], ["comm", "6100", "hold", "1"], ["comm", "61" * 16, "hold", "1"], ["exit-after", "1"]],
    ids=lambda arguments: " ".join(arguments) or "none",
)  # fmt: skip
def test_a_wrong_call_gets_the_help_and_status_2(hog: Path, arguments: list[str]) -> None:
    answer = run(hog, *arguments)
    assert answer.returncode == 2
    assert "hog MODE" in answer.stderr


def test_help_goes_to_stdout(hog: Path) -> None:
    answer = run(hog, "--help")
    assert answer.returncode == 0
    assert "hold-then-child" in answer.stdout


def test_a_step_that_fails_says_which_and_why(hog: Path, tmp_path: Path) -> None:
    answer = run(hog, "kmsg", "text", env={"HOG_KMSG": str(tmp_path / "absent")})
    assert answer.returncode == 3
    assert f"failed what={tmp_path}/absent error=No such file" in answer.stdout


def test_it_waits_for_a_file_and_takes_a_hostile_name(hog: Path, tmp_path: Path) -> None:
    gate, name = tmp_path / "gate", b") ,task=x"
    with subprocess.Popen(
        [hog, "comm", name.hex(), "after", gate, "hold", "1"], stdout=subprocess.PIPE, text=True
    ) as process:
        lines(process, "mode=after")
        deadline = time.monotonic() + 5
        while (comm := Path(f"/proc/{process.pid}/comm").read_bytes()) != name + b"\n":
            assert time.monotonic() < deadline, comm
        gate.touch()
        assert "allocated" in "".join(lines(process, "holding"))
        process.terminate()
        assert process.wait() == 0


def test_children_die_with_their_parent(hog: Path) -> None:
    with subprocess.Popen([hog, "child", "1"], stdout=subprocess.PIPE, text=True) as process:
        try:
            # Which of the two speaks first is theirs to decide.
            child = int(lines(process, "child started n=1 pid=")[-1].split("pid=")[1].split()[0])
            deadline = time.monotonic() + 5
            while (name := Path(f"/proc/{child}/comm").read_text()) != "hog-child\n":
                assert time.monotonic() < deadline, name
        finally:
            process.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}/stat").exists() and ") Z " not in Path(f"/proc/{child}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
