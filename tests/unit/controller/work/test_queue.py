"""The work queue under a real event loop."""

import asyncio
import logging
from collections import Counter
from collections.abc import Hashable

import pytest

from oomreport.controller.work.queue import QueueLine, WorkQueue
from oomreport.errors import ApiError
from support.virtual_time import run


def line_of(key: Hashable) -> QueueLine:
    """The line that a key names itself; others count."""
    return {"find": QueueLine.FIND, "tell": QueueLine.TELL}.get(str(key).split()[0], QueueLine.COUNT)


async def worked(queue: WorkQueue, handle, *, workers: int = 4, until) -> None:
    tasks = [asyncio.create_task(queue.work(handle)) for _ in range(workers)]
    async with asyncio.timeout(10):
        while not until():
            await asyncio.sleep(0.005)
    queue.stop()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)


def test_a_key_added_often_is_handled_once_or_twice_and_never_by_two_at_once():
    async def story() -> None:
        queue, running, handled = WorkQueue(), Counter[Hashable](), Counter[Hashable]()

        async def handle(key: Hashable) -> None:
            running[key] += 1
            assert running[key] == 1
            await asyncio.sleep(0.02)
            handled[key] += 1
            running[key] -= 1

        for _ in range(30):
            queue.add("a")
        queue.add("b")
        tasks = [asyncio.create_task(queue.work(handle)) for _ in range(4)]
        await asyncio.sleep(0.01)
        for _ in range(30):
            queue.add("a")
        await asyncio.sleep(0.1)
        assert handled == {"a": 2, "b": 1}
        queue.stop()
        await asyncio.gather(*tasks)

    run(story())


def test_what_fails_is_tried_again_until_it_succeeds(caplog: pytest.LogCaptureFixture):
    async def story() -> None:
        queue, tries = WorkQueue(), Counter[Hashable]()

        async def handle(key: Hashable) -> None:
            tries[key] += 1
            if tries[key] < 5:
                raise ApiError("PATCH https://api/x: no answer: refused")

        queue.add("a")
        await worked(queue, handle, until=lambda: tries["a"] == 5)

    with caplog.at_level(logging.WARNING):
        run(story())
    assert [record.__dict__["failures"] for record in caplog.records] == [4]
    assert "no answer" in caplog.records[0].__dict__["error"]


def test_a_defect_is_logged_with_its_traceback_and_stops_nothing(caplog: pytest.LogCaptureFixture):
    async def story() -> None:
        queue, done = WorkQueue(), Counter[Hashable]()

        async def handle(key: Hashable) -> None:
            if key == "bad":
                raise KeyError("x")
            done[key] += 1

        queue.add("bad")
        queue.add("good")
        await worked(queue, handle, workers=1, until=lambda: done["good"] == 1)

    run(story())
    assert caplog.records[0].exc_info


def test_the_earlier_of_two_times_counts():
    async def story() -> None:
        queue, at = WorkQueue(), []
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def handle(key: Hashable) -> None:
            at.append(loop.time() - began)

        queue.add_later("a", 5)
        queue.add_later("a", 0.05)
        queue.add_later("a", 9)
        await worked(queue, handle, until=lambda: at)
        assert 0.04 < at[0] < 1
        assert len(at) == 1

    run(story())


def test_now_overtakes_later():
    async def story() -> None:
        queue, handled = WorkQueue(), Counter[Hashable]()

        async def handle(key: Hashable) -> None:
            handled[key] += 1

        queue.add_later("a", 0.05)
        queue.add("a")
        tasks = [asyncio.create_task(queue.work(handle))]
        await asyncio.sleep(0.15)
        assert handled == {"a": 1}
        queue.stop()
        await asyncio.gather(*tasks)

    run(story())


def test_what_only_tells_goes_after_what_counts_and_never_waits_without_end():
    async def story() -> None:
        queue, handled = WorkQueue(line_of), list[Hashable]()

        async def handle(key: Hashable) -> None:
            handled.append(key)

        for number in range(8):
            queue.add(f"tell {number}")
        for number in range(8):
            queue.add(f"count {number}")
        await worked(queue, handle, workers=1, until=lambda: len(handled) == 16)
        assert [str(key).split()[0] for key in handled[:8]] == ["count"] * 3 + ["tell"] + ["count"] * 3 + ["tell"]
        assert sorted(map(str, handled)) == sorted([f"{what} {n}" for what in ("tell", "count") for n in range(8)])

    run(story())


def test_who_finds_a_report_goes_before_who_counts_and_no_line_waits_without_end():
    async def story() -> None:
        queue, handled = WorkQueue(line_of), list[str]()

        async def handle(key: Hashable) -> None:
            handled.append(str(key).split()[0])

        for what in ("tell", "count", "find"):
            for number in range(8):
                queue.add(f"{what} {number}")
        await worked(queue, handle, workers=1, until=lambda: len(handled) == 24)
        assert handled[:10] == ["find", "find", "find", "count", "tell"] * 2
        assert Counter(handled) == {"find": 8, "count": 8, "tell": 8}

    run(story())


def test_while_there_is_something_to_count_a_quarter_of_the_workers_tells_at_most():
    async def story() -> None:
        queue, most, running = WorkQueue(line_of), Counter[str](), Counter[str]()

        async def handle(key: Hashable) -> None:
            what = str(key).split()[0]
            running[what] += 1
            if any(str(one).startswith("count") for one in queue._waiting):
                most[what] = max(most[what], running[what])
            # To tell takes longer.
            await asyncio.sleep(1.0 if what == "tell" else 0.01)
            running[what] -= 1

        for number in range(400):
            queue.add(f"count {number}")
            queue.add(f"tell {number}")
        tasks = [asyncio.create_task(queue.work(handle)) for _ in range(8)]
        await asyncio.sleep(1000)
        assert most["tell"] == 2
        assert len(queue) == 0
        queue.stop()
        await asyncio.gather(*tasks)

    run(story())


def test_what_waits_is_a_figure_for_each_line_and_how_late_the_first_is():
    async def story() -> None:
        queue, hold = WorkQueue(line_of), asyncio.Event()

        async def handle(_: Hashable) -> None:
            await hold.wait()

        assert (queue.lines, queue.late_seconds) == ({"count": 0, "tell": 0}, 0.0)
        tasks = [asyncio.create_task(queue.work(handle))]
        for key in ("held", "count 1", "count 2", "tell 1"):
            queue.add(key)
            await asyncio.sleep(1)
        assert queue.lines == {"count": 2, "tell": 1}
        assert queue.late_seconds == pytest.approx(3.0)
        hold.set()
        await asyncio.sleep(0.1)
        assert (queue.lines, queue.late_seconds) == ({"count": 0, "tell": 0}, 0.0)
        queue.stop()
        await asyncio.gather(*tasks)

    run(story())
