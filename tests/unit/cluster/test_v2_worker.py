"""The cgroup v2 worker's settings, and what is said where it does not run."""

import contextlib
import json
import os
from pathlib import Path

import pytest

from cluster.lab import v2_guest, v2_machine, v2_shell, v2_worker
from cluster.lab.errors import ClusterError, GuestPanicError
from cluster.lab.processes import Process, start_time
from cluster.lab.state import State
from cluster.lab.v2_image import Image


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOMREPORT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("OOMREPORT_CACHE", str(tmp_path / "cache"))
    for name in ("OOMREPORT_V2_MEMORY", "OOMREPORT_V2_KUBELET"):
        monkeypatch.delenv(name, raising=False)


def cluster(*, provider: str = "native", facts: dict[str, str] | None = None, inhabited: bool = False) -> State:
    """A cluster; `inhabited` by a process that lives: this one, both as its holder and as its guest."""
    state = State(name="dev", provider=provider, facts=facts or {})
    if inhabited:
        started = start_time(os.getpid())
        assert started is not None
        state.holder = Process(pid=os.getpid(), started=started)
        state.facts[v2_guest.PROCESS] = f"{os.getpid()} {started}"
    return state


def settings(state: State, *, memory: str | None = None, kubelet: str | None = None) -> tuple[int, dict[str, object]]:
    found = v2_worker._settings(state, memory=memory, kubelet=kubelet)
    return int(found[v2_worker.KEPT_MEMORY]), json.loads(found[v2_worker.KEPT_KUBELET])


def test_settings_left_out_stay_as_they_are() -> None:
    assert settings(cluster()) == (2048, {})
    kept = {v2_worker.KEPT_MEMORY: "1024", v2_worker.KEPT_KUBELET: '{"singleProcessOOMKill": true}'}
    assert settings(cluster(facts=kept)) == (1024, {"singleProcessOOMKill": True})
    assert settings(cluster(facts=kept), memory="4096", kubelet="{}") == (4096, {})


def test_the_environment_counts_where_no_option_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOMREPORT_V2_MEMORY", "1500")
    monkeypatch.setenv("OOMREPORT_V2_KUBELET", '{"podsPerCore": 4}')
    assert settings(cluster()) == (1500, {"podsPerCore": 4})
    assert settings(cluster(), memory="1600", kubelet="{}") == (1600, {})


@pytest.mark.parametrize("memory", ["12", "2Gi", "-1", "1.5"])
def test_memory_that_no_node_runs_with_is_refused(memory: str) -> None:
    with pytest.raises(ClusterError, match="MiB"):
        settings(cluster(), memory=memory)


def test_other_providers_have_no_such_worker() -> None:
    with pytest.raises(ClusterError, match="native provider; cluster dev has kind"):
        v2_worker.up(cluster(provider="kind"), memory=None, kubelet=None)


@pytest.mark.parametrize("verb", [v2_worker.reboot, v2_worker.power_off])
def test_without_a_worker_its_verbs_say_how_to_get_one(verb: object) -> None:
    assert callable(verb)
    with pytest.raises(ClusterError, match="up --v2-worker"):
        verb(cluster())


def test_a_worker_that_is_off_is_no_problem_and_one_that_ended_is() -> None:
    off = cluster(facts={v2_worker.KEPT_IMAGE: "/somewhere"})
    assert v2_worker.problems(off) == []
    ended = cluster(facts={v2_guest.PROCESS: f"{os.getpid()} another-start-time"})
    assert not v2_guest.running(ended)
    (problem,) = v2_worker.problems(ended)
    assert "has ended" in problem


def test_a_command_is_one_word_for_the_guests_shell() -> None:
    line = v2_shell.shell(cluster(inhabited=True), ["sh", "-c", "echo \"$HOME\" 'x'"])
    assert line[-2:] == ["--", "sh -c 'echo \"$HOME\" '\"'\"'x'\"'\"''"]
    assert f"--target={os.getpid()}" in line


def test_no_command_runs_in_a_guest_that_does_not() -> None:
    with pytest.raises(ClusterError, match="does not run"):
        v2_shell.shell(cluster(), ["true"])


def test_the_letterbox_keeps_its_size_and_gives_its_blocks_back() -> None:
    state = cluster()
    v2_guest.folder(state).mkdir(parents=True)
    v2_guest.empty_letterbox(state)
    file = v2_guest.folder(state) / "letterbox"
    assert v2_guest.write_letterbox(state, lambda output: output.write(bytes(range(256)) * 4096)) == 1 << 20
    assert file.stat().st_size == v2_guest.LETTERBOX_SIZE
    assert file.stat().st_blocks > 0
    v2_guest.empty_letterbox(state)
    assert file.stat().st_size == v2_guest.LETTERBOX_SIZE
    assert file.stat().st_blocks == 0


def test_what_does_not_fit_the_letterbox_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    state = cluster()
    v2_guest.folder(state).mkdir(parents=True)
    monkeypatch.setattr(v2_guest, "LETTERBOX_SIZE", 1 << 20)
    v2_guest.empty_letterbox(state)
    with pytest.raises(ClusterError, match="2 MiB are too much"):
        v2_guest.write_letterbox(state, lambda output: output.write(bytes(2 << 20)))


def test_whether_kvm_runs_a_kernel_is_tried_once_for_each_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Path] = []

    def works(image: Image) -> bool:
        tried.append(image.kernel)
        return True

    monkeypatch.setattr(os, "access", lambda path, mode: True)
    monkeypatch.setattr(v2_machine, "_reaches_its_end", works)
    (tmp_path / "cache" / "v2").mkdir(parents=True)
    images = [Image.at(tmp_path / name) for name in ("one", "same", "another")]
    for image, content in zip(images, (b"6.12", b"6.12", b"6.1"), strict=True):
        image.kernel.parent.mkdir()
        image.kernel.write_bytes(content)
        assert v2_machine.processor(image) == v2_machine.KVM
    assert tried == [images[0].kernel, images[2].kernel]


def test_without_kvm_the_processor_is_emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert v2_machine.processor(Image.at(tmp_path)) == v2_machine.EMULATED


PANIC = """[    2.452636] CR2: 0000000000000000 CR3: 0000000002c22000 CR4: 0000000000750ef0
[    2.452644] PKRU: 55555554
[    2.452819] Kernel panic - not syncing: Fatal exception in interrupt
[    4.479735] Shutting down cpus with NMI
[    4.481499] Kernel Offset: disabled
"""


def test_a_kernel_that_ended_itself_is_told_from_a_node_that_did_not_come() -> None:
    ended = cluster(facts={v2_guest.PROCESS: f"{os.getpid()} another-start-time"})
    console = v2_guest.folder(ended) / "console.log"
    console.parent.mkdir(parents=True)
    for text, error in ((PANIC, GuestPanicError), (PANIC + "[    0.000000] Linux version 6.12\n" * 9, ClusterError)):
        console.write_text(text)
        with pytest.raises(ClusterError) as caught:
            v2_worker._await(ended, lambda: False, what="node v2-node")
        assert caught.type is error
        assert "CR2: 0000000000000000" in str(caught.value)


@pytest.mark.parametrize(("panics", "starts"), [(0, 1), (1, 2), (2, 2)])
def test_a_guest_whose_kernel_ended_itself_while_it_booted_starts_once_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, panics: int, starts: int
) -> None:
    left, started = iter(range(panics)), []

    def boots(*_: object) -> None:
        if next(left, None) is not None:
            raise GuestPanicError("node v2-node did not become ready")

    state = cluster(facts={v2_worker.KEPT_MEMORY: "2048"})
    key = state.folder / "pki" / "v2-kubelet.kubeconfig"
    key.parent.mkdir(parents=True)
    key.touch()
    monkeypatch.setattr(v2_worker, "node_files", lambda **_: {})
    monkeypatch.setattr(v2_shell, "authorized_key", lambda _: "")
    monkeypatch.setattr(v2_guest, "start", lambda *_, **__: started.append("once"))
    monkeypatch.setattr(v2_worker, "_await_boot", boots)
    with contextlib.ExitStack() as expected:
        if panics == starts:
            expected.enter_context(pytest.raises(GuestPanicError))
        v2_worker._start(state, Image.at(tmp_path), {})
    assert len(started) == starts


def test_readiness_of_the_boot_before_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    status = {"nodeInfo": {"bootID": "old"}, "conditions": [{"type": "Ready", "status": "True", "message": "fine"}]}
    monkeypatch.setattr(v2_worker, "_status", lambda state: status)
    state = cluster(facts={v2_worker.KEPT_BOOT: "old"})
    assert not v2_worker._came_up(state)
    status["nodeInfo"] = {"bootID": "new"}
    assert v2_worker._came_up(state)
    status["conditions"] = [{"type": "Ready", "status": "False", "message": "container runtime is down"}]
    assert not v2_worker._came_up(state)
    assert v2_worker._stage(status) == "container runtime is down"
