import gzip
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from oomreport.adapters.storage import plain_file
from oomreport.cli.logs import log_names
from oomreport.cli.main import main
from records.records import FOLDERS, log_of

# Both halves of one published report: the kernel's record, and the kubelet's line that names the pod.
RECORD, KUBELET = (
    log_of(next(one for one in FOLDERS if one.name.startswith(name))) for name in ("public-002-", "public-112-")
)
UID = b"0f5eb28f-6722-4cf5-ab0f-b62748c018d4"
POD = "default/memory-request-limit-54ff657644-wm7pj"
Told = Callable[[bytes], str]


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    def explain(log: bytes) -> str:
        (tmp_path / "log").write_bytes(log)
        assert main(["explain", str(tmp_path / "log")]) == 0
        return " ".join(capsys.readouterr().out.split())

    return explain


@pytest.mark.parametrize("log", [RECORD + b"\n" + KUBELET, KUBELET + b"\n" + RECORD], ids=["behind", "before"])
def test_the_kubelets_lines_name_the_pod(log: bytes, told: Told) -> None:
    text = told(log)
    assert f"The victim was in pod {POD}, by the lines of the kubelet and the runtime in this log." in text
    assert text.count(" was reached") > 0
    # They say nothing of limits and settings.
    assert "With --pods FILE or --context" in text


def test_a_compressed_log_names_its_pods_too(told: Told) -> None:
    assert POD in told(gzip.compress(KUBELET + b"\n" + RECORD))


def test_a_line_that_two_chunks_share_is_whole(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_file, "CHUNK", 600)
    assert POD in told(b"x\n" * 150 + KUBELET + b"\n" + RECORD)


def test_json_holds_the_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(RECORD + b"\n" + KUBELET)
    assert main(["explain", "-o", "json", str(tmp_path / "log")]) == 0
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert f"{item['spec']['subject']['namespace']}/{item['spec']['subject']['pod']}" == POD


def test_a_pipe_is_read_once_and_names_what_stood_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for output, log in (("json", KUBELET + b"\n" + RECORD), ("text", RECORD + b"\n" + KUBELET)):
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(log,), daemon=True)
        writer.start()
        assert main(["explain", "-o", output, str(tmp_path / "pipe")]) == 0
        writer.join(10)
        assert "memory-request-limit-54ff657644-wm7pj" in capsys.readouterr().out


def test_two_names_for_one_uid_name_nothing_and_it_is_said(told: Told) -> None:
    forged = b'kubelet: "x_kube-system(%b)"' % UID
    text = told(KUBELET + b"\n" + forged + b"\n" + RECORD)
    assert "The victim was in pod UID 0f5eb28f-6722-4cf5-ab0f-b62748c018d4" in text
    assert f'several names, so none of them is believed: "{POD}", "kube-system/x".' in text


def test_a_line_of_the_kernel_names_nothing(told: Told) -> None:
    text = told(b"Dec 11 17:29:21 h kernel: x_kube-system(%b): segfault\n" % UID + RECORD)
    assert "kube-system" not in text


def test_lines_with_names_are_no_evidence_of_a_kill(told: Told) -> None:
    assert told(KUBELET).startswith("No OOM kill by the kernel found.")


def test_a_log_is_not_searched_without_end(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_names, "_MOST_SEARCHED", 0)
    assert POD not in told(b"x" * 1_000_000 + b"\n" + RECORD + b"\n" + KUBELET)
