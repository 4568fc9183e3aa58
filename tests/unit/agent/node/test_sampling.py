from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from oomreport.adapters.node.memory_detail import Detail
from oomreport.adapters.node.memory_files import Gauge, MemoryFiles
from oomreport.agent.clock import Moment
from oomreport.agent.node.sampling import Sampler
from oomreport.incident.memory.usage import Usage
from support.node import ID, NOON, OTHER_ID, UID, Desk
from support.node_files import V1, V2

MIB = 1 << 20


class Flown:
    """A node whose containers are sampled, empty when that began; time goes by second by second."""

    def __init__(self, folder: Path, version: int = V2, *, interval: float = 5.0, empty: bool = True) -> None:
        self.desk = Desk(folder, version)
        self.node = self.desk.node
        files = MemoryFiles(str(self.node.root), version)
        self.sampler = Sampler(self.desk.containers, files, interval=interval)
        if empty:
            self.sampler.sample(self.desk.now - 10.0)
        self.began = self.desk.now

    def run(self, seconds: int, each: Callable[[float], None] = lambda _: None) -> None:
        """Let seconds go by; `each` is called with the seconds since the start before anything is sampled."""
        for _ in range(seconds):
            each(self.desk.now - self.began)
            self.desk.containers.look(self.desk.now)
            self.sampler.sample(self.desk.now)
            self.desk.now += 1.0

    def usage(self, container_id: str = ID, *, before: float = 0.0) -> Usage | None:
        """Return the way to what the container had `before` so many seconds."""
        now = Moment(wall=NOON, monotonic=self.desk.now)
        return self.sampler.usage(container_id, NOON - timedelta(seconds=before), now)


@pytest.mark.parametrize("version", [V1, V2])
def test_the_working_set_is_usage_without_inactive_cache(tmp_path: Path, version: int) -> None:
    flown = Flown(tmp_path, version)
    path = flown.node.container(UID, ID)
    flown.node.memory(path, 100 * MIB, inactive_file=30 * MIB)
    flown.run(31)
    usage = flown.usage()

    assert usage
    assert set(usage.samples) == {70 * MIB}
    assert len(usage.samples) in (6, 7)
    assert usage.interval_seconds == 5.0
    assert usage.life
    assert usage.life.start == NOON - timedelta(seconds=31)


def test_a_series_has_the_sizes_of_its_times(tmp_path: Path) -> None:
    flown = Flown(tmp_path)
    path = flown.node.container(UID, ID)
    flown.run(900, lambda second: flown.node.memory(path, int(second) * MIB))
    usage = flown.usage()

    assert usage
    assert len(usage.samples) == 120
    for index, size in enumerate(usage.samples):
        at = (usage.start - NOON).total_seconds() + 900 + 5 * index
        assert abs(size / MIB - at) <= 1, index


def test_an_agent_that_is_late_again_and_again_keeps_the_times_of_its_samples(tmp_path: Path) -> None:
    flown, late = Flown(tmp_path), [0.0, 1.7, 1.9, 0.4, 1.2]
    path = flown.node.container(UID, ID)
    for turn in range(150):
        flown.desk.now = flown.began + 3 * turn + late[turn % 5]
        flown.node.memory(path, int(flown.desk.now - flown.began) * MIB)
        flown.desk.containers.look(flown.desk.now)
        flown.sampler.sample(flown.desk.now)
    usage = flown.usage()

    assert usage
    for index, size in enumerate(usage.samples):
        at = (usage.start - NOON).total_seconds() + flown.desk.now - flown.began + 5 * index
        assert -1 <= size / MIB - at <= 5, index


def test_containers_seen_at_once_are_sampled_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flown = Flown(tmp_path)
    for number in range(50):
        flown.node.memory(flown.node.container(UID, f"{number:064x}"), MIB)
    looks: list[float] = []
    plain = Gauge.usage
    monkeypatch.setattr(Gauge, "usage", lambda self: looks.append(flown.desk.now) or plain(self))
    flown.run(60)
    later = [time for time in looks if time > flown.began + 10]

    assert max(later.count(time) for time in set(later)) == 10
    assert len(later) == pytest.approx(50 * 49 / 5, abs=50)


def test_cache_is_read_again_when_it_can_tell_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flown = Flown(tmp_path)
    path = flown.node.container(UID, ID, limit=1000 * MIB)
    reads: list[float] = []
    plain = Detail.statistics
    monkeypatch.setattr(Detail, "statistics", lambda self: reads.append(flown.desk.now) or plain(self))
    flown.node.memory(path, 100 * MIB)
    flown.run(300)
    quiet = len(reads)
    flown.run(300, lambda second: flown.node.memory(path, 100 * MIB + int(second) * MIB))
    moving = len(reads) - quiet
    flown.node.memory(path, 990 * MIB)
    flown.run(300)
    near = len(reads) - moving - quiet

    assert quiet <= 10
    assert moving >= 25
    assert near >= 59


def test_a_container_at_its_limit_shows_what_takes_the_place_of_cache(tmp_path: Path) -> None:
    flown = Flown(tmp_path)
    path = flown.node.container(UID, ID, limit=100 * MIB)
    flown.run(90, lambda second: flown.node.memory(path, 100 * MIB, inactive_file=max(0, 90 * MIB - int(second) * MIB)))
    usage = flown.usage()

    assert usage
    assert usage.samples[-1] >= 90 * MIB
    assert list(usage.samples) == sorted(set(usage.samples))


def test_what_came_after_the_kill_is_no_way_to_it(tmp_path: Path) -> None:
    flown = Flown(tmp_path)
    path = flown.node.container(UID, ID)
    flown.run(60, lambda second: flown.node.memory(path, MIB if second < 45 else 900 * MIB))
    usage = flown.usage(before=16.0)

    assert usage
    assert set(usage.samples) == {MIB}
    assert usage.life
    assert set(usage.life.samples) == {MIB}
    assert flown.usage(before=100.0) is None


def test_a_container_outlives_its_cgroup_and_holds_no_file_open(tmp_path: Path) -> None:
    flown = Flown(tmp_path)
    path = flown.node.container(UID, ID)
    flown.node.memory(path, 5 * MIB)
    flown.run(20)
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    flown.node.vanish(path)
    flown.run(2)

    assert len(list(Path("/proc/self/fd").iterdir())) == open_files - 1
    usage = flown.usage()
    assert usage
    assert set(usage.samples) == {5 * MIB}
    flown.desk.look(seconds=1000)
    assert flown.usage() is None


def test_a_container_older_than_the_agent_is_not_said_to_be_seen_from_its_start(tmp_path: Path) -> None:
    flown = Flown(tmp_path, empty=False)
    flown.node.memory(flown.node.container(UID, ID), MIB)
    flown.run(20)
    flown.node.memory(flown.node.container(UID, OTHER_ID), MIB)
    flown.run(10)
    older, younger = flown.usage(), flown.usage(OTHER_ID)
    assert older
    assert younger
    assert (older.from_start, younger.from_start) == (False, True)


@pytest.mark.parametrize("version", [V1, V2])
def test_the_last_look_tells_what_the_memory_consisted_of(tmp_path: Path, version: int) -> None:
    flown = Flown(tmp_path, version)
    path = flown.node.container(UID, ID, limit=128 * MIB)
    flown.node.memory(path, 100 * MIB, inactive_file=MIB)
    flown.node.detail(path, peak=101 * MIB, swap=3 * MIB, swap_limit=8 * MIB, stalled=12.5)
    flown.run(12)
    usage = flown.usage()

    assert usage
    assert usage.last
    assert NOON - timedelta(seconds=6) <= usage.last.time <= NOON
    assert (usage.last.usage, usage.last.limit) == (100 * MIB, 128 * MIB)
    assert usage.last.anon == (1 if version == V1 else 7)
    assert usage.last.file == 7
    assert usage.last.kernel == (MIB if version == V1 else None)
    assert (usage.last.swap, usage.last.swap_limit) == ((None, None) if version == V1 else (3 * MIB, 8 * MIB))
    assert usage.peak
    assert (usage.peak.size, usage.peak.time) == (101 * MIB, NOON)
    assert (usage.pressure is None) == (version == V1)
    assert version == V1 or (usage.pressure and (usage.pressure.some, usage.pressure.full) == (12.5, 12.5))


def test_what_is_looked_at_after_a_kill_is_not_told_as_before_it(tmp_path: Path) -> None:
    flown = Flown(tmp_path)
    path = flown.node.container(UID, ID, limit=100 * MIB)
    flown.node.memory(path, 90 * MIB)
    flown.run(12)
    flown.node.container(UID, ID, limit=100 * MIB, kills=1)
    flown.desk.containers.count(flown.desk.now)
    killed = flown.desk.now
    flown.node.memory(path, 5 * MIB)
    flown.run(11)
    usage = flown.usage(before=flown.desk.now - killed)

    assert usage
    assert usage.last
    assert usage.last.usage == 90 * MIB
    known = flown.desk.containers.container(ID)
    assert known
    known.tally.agree()
    flown.run(11)
    later = flown.usage(before=flown.desk.now - killed)
    assert later
    assert later.last is None


def test_a_cgroup_that_went_with_the_kill_leaves_peak_and_pressure_of_the_last_look(tmp_path: Path) -> None:
    flown = Flown(tmp_path)
    path = flown.node.container(UID, ID, limit=100 * MIB)
    flown.node.memory(path, 90 * MIB)
    flown.node.detail(path, peak=95 * MIB, stalled=33.3)
    flown.run(12)
    flown.node.vanish(path)
    flown.run(1)
    usage = flown.usage()

    assert usage
    assert usage.last
    assert usage.peak
    assert usage.pressure
    assert usage.peak.size == 95 * MIB
    assert usage.last.time == usage.peak.time == usage.pressure.time < NOON
    assert usage.pressure.full == 33.3


def test_pressure_is_read_where_memory_moves_or_is_short_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flown = Flown(tmp_path)
    path = flown.node.container(UID, ID, limit=1000 * MIB)
    reads: list[float] = []
    plain = Detail.pressure
    monkeypatch.setattr(Detail, "pressure", lambda self: reads.append(flown.desk.now) or plain(self))
    flown.node.memory(path, 100 * MIB)
    flown.run(300)
    quiet = len(reads)
    flown.node.memory(path, 990 * MIB, inactive_file=900 * MIB)
    flown.run(300)
    cache = len(reads) - quiet
    flown.node.memory(path, 990 * MIB)
    flown.run(100)

    assert quiet == 1
    assert cache == 1
    assert len(reads) - cache - quiet >= 18


def test_a_limit_that_was_changed_while_it_ran_is_known(tmp_path: Path) -> None:
    flown = Flown(tmp_path)
    path = flown.node.container(UID, ID, limit=100 * MIB)
    flown.node.memory(path, 10 * MIB)
    flown.run(40)
    flown.node.container(UID, ID, limit=200 * MIB)
    flown.run(40)
    known, usage = flown.desk.containers.container(ID), flown.usage()
    assert known
    assert usage
    assert usage.last
    assert known.limit_bytes == usage.last.limit == 200 * MIB


def test_nothing_is_sampled_where_it_is_turned_off(tmp_path: Path) -> None:
    flown = Flown(tmp_path, interval=0.0)
    flown.node.memory(flown.node.container(UID, ID), MIB)
    flown.run(20)
    assert flown.usage() is None
    assert flown.sampler.seconds_left(flown.desk.now) == float("inf")


def test_what_was_never_seen_has_no_way(tmp_path: Path) -> None:
    flown = Flown(tmp_path)
    flown.node.container(UID, ID)
    flown.run(20)
    assert flown.usage() is None
    assert flown.usage(OTHER_ID) is None
