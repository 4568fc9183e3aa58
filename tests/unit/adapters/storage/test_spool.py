import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from oomreport.adapters.storage import spool as module
from oomreport.adapters.storage.spool import Spool


def record(name: str, *, bulk: int = 0) -> dict[str, Any]:
    spec = {"nodeName": "n", "victims": [{"pid": 7}], "log": "x" * bulk, "memory": {"usageBytes": 1, "stat": {"a": 1}}}
    return {"metadata": {"name": name}, "spec": spec}


def test_records_outlive_the_process_oldest_first(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number, name in enumerate(("one", "two")):
        spool.add(record(name))
        os.utime(tmp_path / "spool" / f"{name}.json", (number, number))
    later = Spool(tmp_path)

    assert later.pending() == ["one", "two"]
    assert json.loads(later.body("one") or b"")["metadata"]["name"] == "one"
    later.done("one")
    assert Spool(tmp_path).pending() == ["two"]


def test_the_first_record_of_a_name_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(record("one"))
    assert spool.add(record("one", bulk=9)).already_there
    assert json.loads(spool.body("one") or b"")["spec"]["log"] == ""


def test_a_full_spool_drops_the_oldest_and_says_which(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_records=3)
    for name in "abc":
        assert spool.add(record(name)).dropped == ()
    assert spool.add(record("d")).dropped == ("a",)

    assert spool.pending() == ["b", "c", "d"]
    assert spool.figures().dropped == 1
    assert sorted(path.stem for path in (tmp_path / "spool").iterdir()) == ["b", "c", "d"]


def test_a_nearly_full_spool_keeps_new_records_without_their_bulk_first(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_bytes=3000)
    assert not spool.add(record("a", bulk=2000)).thinned
    added = spool.add(record("b", bulk=2000))

    assert added.thinned
    assert added.dropped == ()
    spec = json.loads(spool.body("b") or b"")["spec"]
    assert "log" not in spec
    assert spec["memory"] == {"usageBytes": 1}
    assert spec["victims"] == [{"pid": 7}]


def test_what_is_refused_is_kept_with_its_reason_and_offered_again_on_demand(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(record("a"))
    spool.refuse("a", "HTTP 422: no")

    assert spool.pending() == []
    kept = json.loads((tmp_path / "refused" / "a.json").read_text())
    assert kept["reason"] == "HTTP 422: no"
    assert kept["record"] == record("a")
    assert spool.figures().refused == 1
    assert Spool(tmp_path).readmit() == 1
    later = Spool(tmp_path)
    assert later.pending() == ["a"]
    assert later.figures().refused == 0


def test_a_damaged_file_of_a_power_cut_is_refused_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "cut.json").write_text('{"metadata": {"na')
    spool = Spool(tmp_path)
    spool.refuse("cut", "HTTP 400: not JSON")

    assert spool.pending() == []
    assert spool.readmit() == 0


def test_an_empty_file_of_a_power_cut_is_named_and_never_sent(tmp_path: Path) -> None:
    Spool(tmp_path).add(record("whole"))
    (tmp_path / "spool" / "empty.json").write_bytes(b"")
    (tmp_path / "spool" / "unwritten.json").write_bytes(bytes(4096))

    spool = Spool(tmp_path)
    assert spool.pending() == ["whole"]
    assert sorted(spool.torn) == ["empty", "unwritten"]
    assert Spool(tmp_path).torn == ()


def test_records_wait_in_memory_while_the_disk_is_unusable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    spool = Spool(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_whole", full)
        assert not spool.add(record("a")).on_disk
        assert spool.figures().in_memory == 1
        assert "No space left" in (spool.problem or "")
        assert not spool.write_back()
    assert json.loads(spool.body("a") or b"") == record("a")
    assert spool.write_back()
    assert spool.problem is None
    assert spool.figures().in_memory == 0
    assert Spool(tmp_path).pending() == ["a"]


def test_a_record_is_synced_to_the_disk_unless_it_is_delivered_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    spool = Spool(tmp_path)
    spool.add(record("quick"))
    spool.add(record("slow"))
    spool.done("quick")
    spool.sync()
    assert spool.figures().unsynced == 1
    now += 0.25
    spool.sync()
    assert spool.figures().unsynced == 0
    spool.add(record("last"))
    spool.sync(at_once=True)
    assert spool.figures().unsynced == 0


def test_the_age_of_the_oldest_record_is_known(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert spool.figures().oldest_seconds == 0
    spool.add(record("a"))
    assert spool.figures(now=time.time() + 60).oldest_seconds == pytest.approx(60, abs=2)


def test_what_is_no_file_of_a_record_is_passed_over_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "gone.json").symlink_to("/nowhere")
    (folder / "folder.json").mkdir()
    (folder / ".half.json.new").write_text("{")
    spool = Spool(tmp_path)
    assert spool.pending() == []
    assert not (folder / ".half.json.new").exists()


def test_a_clock_that_is_set_back_does_not_put_off_what_makes_a_record_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.add(record("a"))
    before = time.time()
    monkeypatch.setattr("oomreport.adapters.storage.spool.time.time", lambda: before - 3600)
    monkeypatch.setattr("oomreport.adapters.storage.spool._SYNC_SECONDS", 0)
    spool.sync()
    assert spool.figures().unsynced == 0


def test_what_was_refused_is_bounded_by_its_size_as_well(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_bytes=20_000)
    for number in range(10):
        spool.add(record(f"r{number}", bulk=4000))
        spool.refuse(f"r{number}", "no")
    assert sum(path.stat().st_size for path in (tmp_path / "refused").iterdir()) <= 20_000
    assert 0 < spool.figures().refused < 10
