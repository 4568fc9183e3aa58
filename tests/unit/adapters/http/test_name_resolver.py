"""Names whose servers are slow hold up no other name."""

import asyncio
import socket
import threading
from collections import Counter

import pytest

from oomreport.adapters.http.name_resolver import NameResolver

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]


class Names:
    """The C library's resolver: names that begin with `slow` wait until `answered` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answered = threading.Event()
        self.asked: Counter[str] = Counter()
        monkeypatch.setattr(socket, "getaddrinfo", self._getaddrinfo)

    def _getaddrinfo(self, host: str, *_: object, **__: object) -> object:
        self.asked[host] += 1
        if host.startswith("slow"):
            assert self.answered.wait(60)
        return FOUND


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


def test_slow_names_hold_up_no_other(names: Names) -> None:
    async def run() -> None:
        resolver = NameResolver()
        # More than the threads that everything shares: at most 32 on any machine.
        slow = [asyncio.create_task(resolver.resolve(f"slow-{n}.example", 443)) for n in range(40)]
        await asyncio.sleep(0)  # all of them are asked for before the quick one
        try:
            async with asyncio.timeout(30):
                (found,) = await resolver.resolve("quick.example", 443)
                assert (found["host"], found["port"]) == ("127.0.0.1", 443)
            assert not any(task.done() for task in slow)
        finally:
            names.answered.set()
            await asyncio.gather(*slow)
            await resolver.close()

    asyncio.run(run())


def test_a_name_is_asked_for_once_at_a_time(names: Names) -> None:
    async def run() -> None:
        resolver = NameResolver()
        waiting = [asyncio.create_task(resolver.resolve("slow.example", 443)) for _ in range(50)]
        while not names.asked:
            await asyncio.sleep(0)
        waiting[0].cancel()
        names.answered.set()
        assert all(await asyncio.gather(*waiting[1:]))
        await resolver.close()

    asyncio.run(run())
    assert names.asked == {"slow.example": 1}


def test_a_name_that_nobody_knows_is_an_error_for_each_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    async def run() -> None:
        resolver = NameResolver()
        found = await asyncio.gather(*(resolver.resolve("a.example") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(one, OSError) for one in found)
        await resolver.close()

    asyncio.run(run())
