"""Every claim of a told record has its facts in the record."""

import re
from pathlib import Path

import pytest

from records.claims import CLAIMS, explained, main, said, untrue
from records.records import FOLDERS


def log_in(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.name.startswith("log"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_claim_has_its_facts(folder: Path) -> None:
    assert [found for one in explained(log_in(folder)) for found in untrue(one)] == []


def test_a_claim_without_its_facts_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(CLAIMS, "only container was reached", lambda _: False)
    folder = next(one for one in FOLDERS if one.name.startswith("public-003-"))
    assert main([str(log_in(folder))]) == 1
    assert "memory limit of the pod's only container was reached" in capsys.readouterr().out


def test_each_claim_is_made_somewhere() -> None:
    """A claim that no record makes is not held by the test above; the rare ones have tests of their own lines."""
    rare = {
        "OpenVZ",
        "memory is fragmented",
        "no other candidate",
        "panic_on_oom",
        "No process is the cause",
        "All candidates",
        "wrote a lower limit",
        "several names",
        "slabtop",
        "by the lines of the kubelet",
        "less than the limit allows",
        "/proc/buddyinfo|/proc/zoneinfo",
    }
    everything = " ".join(text for folder in FOLDERS for one in explained(log_in(folder)) for text in said(one))
    assert {words for words in CLAIMS if not re.search(words, everything)} <= rare
