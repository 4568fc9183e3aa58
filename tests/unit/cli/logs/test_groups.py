import json
from pathlib import Path

import pytest

from oomreport.cli.logs.explain import invocations_in
from oomreport.cli.logs.explained import Explained, Where, spec_of
from oomreport.cli.logs.groups import Groups, grouped, when_text, where_text
from oomreport.cli.main import main
from records.records import FOLDERS

KILLED = "[ {}.000000] Out of memory: Killed process {} ({}) total-vm:8kB, anon-rss:2048kB, file-rss:0kB\n"


def records(tmp_path: Path, *kills: str) -> list[Explained]:
    (tmp_path / "log").write_text("".join(kills))
    return [
        Explained(one, spec_of(one), None, None, Where("log", number, one.place or 0))
        for number, one in enumerate(invocations_in(str(tmp_path / "log")), 1)
    ]


def test_kills_of_the_same_process_for_the_same_reason_are_one_group(tmp_path: Path) -> None:
    found = records(tmp_path, KILLED.format(1, 7, "a"), KILLED.format(30, 8, "b"), KILLED.format(60, 9, "a"))
    groups = grouped(found)
    assert [(group.count, group.last.invocation.victims[0].pid) for group in groups] == [(2, 9), (1, 8)]
    assert groups[0].heading() == '"a" was killed twice: the node ran out of memory'
    assert [tuple(one) for one in groups[0].first] == [
        ("line 1", "1.000000 s after boot", '"a" (pid 7), holding 2 MiB'),
        ("line 3", "60.000000 s after boot", '"a" (pid 9), holding 2 MiB'),
    ]


def test_of_a_long_storm_the_first_and_the_last_kills_are_listed(tmp_path: Path) -> None:
    (group,) = grouped(records(tmp_path, *(KILLED.format(30 * n, n, "a") for n in range(1, 101))))
    assert (group.count, len(group.first), group.left_out, len(group.latest)) == (100, 40, 50, 10)
    assert group.latest[-1].what.startswith('"a" (pid 100)')


def test_many_groups_do_not_fill_the_memory(tmp_path: Path) -> None:
    groups = Groups()
    kills = records(tmp_path, *(KILLED.format(30 * n, n, f"p{n}") for n in range(1, 203)))
    told = [group for one in kills if (group := groups.add(one)) is not None]
    assert [group.last.invocation.victims[0].comm for group in told] == ["p1", "p2"]
    assert len(list(groups)) == 200


def test_processes_of_one_container_are_one_group(capsys: pytest.CaptureFixture[str]) -> None:
    folder = next(one for one in FOLDERS if "5.10.0-46-cloud-amd64-cgv1-09b-back-to-back" in one.name)
    log = next(path for path in folder.iterdir() if path.name.startswith("log"))
    assert main(["explain", str(log)]) == 0
    text = capsys.readouterr().out
    assert '"pool-0", "pool-1", "pool-2" and others were killed, 6 kills' in text
    assert text.count("What to change") == 1
    assert main(["explain", "-o", "json", str(log)]) == 0
    lines = [item["source"]["line"] for item in json.loads(capsys.readouterr().out)["items"]]
    assert all(f"line {line}: " in text for line in lines)
    raw = log.read_bytes().split(b"\n")
    assert all(b"invoked oom-killer" in raw[line - 1] for line in lines)


def test_the_place_of_a_kill_names_the_file_where_there_are_several(tmp_path: Path) -> None:
    (one,) = records(tmp_path, KILLED.format(1, 7, "a"))
    assert when_text(one) == "1.000000 s after boot"
    several = one._replace(where=Where("x", 5, 99, several=True))
    large = one._replace(where=Where("x", None, 99))
    assert [where_text(each) for each in (one, several, large)] == ["line 1", "x:5", "byte 99"]
