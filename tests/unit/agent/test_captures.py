"""Every capture of a real kernel through the reporter: nothing raises, and on the node that had the containers each
invocation of the killer is one record, also by its group line alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from oomreport.incident.oom_record import subject_of_invocation
from oomreport.incident.witness.attribution import group_memcg
from oomreport.kernel.dump.assembler import Assembler
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.record import Invocation
from oomreport.workload.container import subject_of
from support.node import Desk

RECORDS = Path(__file__).parents[2] / "records"
CAPTURES = sorted(path.parent for path in RECORDS.glob("kernel-*/log.kmsg"))


def invocations(capture: Path, *, skip: int = 0) -> Iterator[Invocation]:
    assembler = Assembler()
    for raw in (capture / "log.kmsg").read_bytes().splitlines()[skip:]:
        line = line_of_record(raw + b"\n")
        if line is not None:
            yield from assembler.feed(line)
    yield from assembler.flush()


def told(desk: Desk, heard: list[Invocation]) -> None:
    """Tell the reporter, on a node that has the containers in question."""
    seen: set[object] = set()
    for invocation in heard:
        # Beyond the limit of dumps the line that names the group names the container.
        path = invocation.task_memcg or group_memcg(invocation)
        subject = subject_of(path) or subject_of_invocation(invocation)
        if subject and subject.pod_uid and subject.container_id:
            if path and path not in seen:
                desk.node.cgroup(path)
            if subject not in seen:
                desk.node.logs(subject.pod_uid, subject.container_id, namespace="shop", pod="web", container="api")
            seen |= {path, subject}
            desk.look()
        desk.kill(invocation)
    desk.settle(overdue=True)
    desk.now += 60
    desk.settle(untold=0)


def test_there_are_captures() -> None:
    assert len(CAPTURES) > 50


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name.removeprefix("kernel-"))
def test_each_invocation_is_one_record_with_what_the_log_says(tmp_path: Path, capture: Path) -> None:
    desk = Desk(tmp_path)
    heard = list(invocations(capture))
    told(desk, heard)

    killing = [each for each in heard if not each.no_victim]
    records = [record for record in desk.records if not record["spec"]["noVictim"]]
    assert len(records) == len(killing)
    assert len({record["metadata"]["name"] for record in desk.records}) == len(desk.records)
    for record in desk.records:
        json.dumps(record)
        assert record["spec"]["nodeName"] == "worker-3"


@pytest.mark.parametrize("capture", CAPTURES[::4], ids=lambda path: path.name.removeprefix("kernel-"))
def test_a_capture_that_begins_anywhere_raises_nothing_and_tells_no_kill_twice(tmp_path: Path, capture: Path) -> None:
    count = len((capture / "log.kmsg").read_bytes().splitlines())
    # The rest of a group without its beginning is kills of their own: nothing says that they belong together.
    groups = any(each.group_kill for each in invocations(capture))
    whole = {each.killed.monotonic_us for each in invocations(capture) if each.victims}
    for number, skip in enumerate(range(0, count, max(1, count // 12))):
        desk = Desk(tmp_path / str(number))
        told(desk, list(invocations(capture, skip=skip)))
        stamps = [int(r["metadata"]["name"].split("-")[3]) for r in desk.records if r["spec"]["victims"]]
        assert len(set(stamps)) == len(stamps)
        assert groups or set(stamps) <= whole


def test_a_group_kill_is_named_by_its_group_line_where_the_rest_of_the_dump_is_lost(tmp_path: Path) -> None:
    captures = [path for path in CAPTURES if "-03-oomgroup-" in path.name]
    assert captures
    for number, capture in enumerate(captures):
        (whole,) = invocations(capture)
        subject = subject_of_invocation(whole)
        assert subject
        assert subject.pod_uid
        assert subject.container_id
        lines = (capture / "log.kmsg").read_bytes().splitlines()
        first = next(index for index, line in enumerate(lines) if b"Killed process" in line)
        desk = Desk(tmp_path / str(number))
        told(desk, list(invocations(capture, skip=first)))
        (record,) = desk.records
        assert record["spec"]["subject"]["containerID"] == subject.container_id
        assert record["spec"]["subjectSource"] == "GroupLine"
        assert {victim["pid"] for victim in record["spec"]["victims"]} == {victim.pid for victim in whole.victims}
