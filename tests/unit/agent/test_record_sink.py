import io
import json
from pathlib import Path
from typing import Any

from oomreport.adapters.storage.spool import Spool
from oomreport.agent.log import Log
from oomreport.agent.record_sink import SpoolSink, StreamSink


def record(name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": "OOMRecord", "metadata": {"name": name}, "spec": spec}


def test_a_record_is_a_file_before_the_sender_is_woken(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    seen: list[list[str]] = []
    SpoolSink(spool, lambda: seen.append(list(spool.pending())), Log("error")).put(record("a"))
    assert seen == [["a"]]


def test_records_are_safe_once_they_are_synced(tmp_path: Path) -> None:
    sink = SpoolSink(Spool(tmp_path), lambda: None, Log("error"))
    sink.put(record("a"))
    assert not sink.sync()
    assert sink.sync(at_once=True)


def test_a_record_that_cannot_be_written_is_kept_and_named_in_the_log(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    (tmp_path / "spool").write_text("no folder")
    stream = io.StringIO()
    SpoolSink(spool, lambda: None, Log("info", stream)).put(record("a"))
    said = json.loads(stream.getvalue())
    assert (said["level"], said["record"]) == ("error", "a")
    assert list(spool.pending()) == ["a"]


def test_a_printed_record_is_one_line_of_ascii() -> None:
    stream = io.StringIO()
    sink = StreamSink(stream)
    sink.put(record("a", comm="bücher\n"))
    assert stream.getvalue().isascii()
    assert json.loads(stream.getvalue())["spec"] == {"comm": "bücher\n"}
    assert stream.getvalue().count("\n") == 1
    assert sink.sync()
