"""Leader election against a store that refuses stale writes as the API server does."""

import asyncio
from copy import deepcopy
from typing import Any

from oomreport.adapters.cluster.lease import Lease, LeaseTerms
from oomreport.errors import ApiError
from support.evidence import after


class Store:
    """One Lease with its resource version."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0

    async def found(self, where: str) -> dict[str, Any] | None:
        return deepcopy(self.lease)

    async def create(self, where: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.lease:
            raise ApiError("exists", status=409)
        return self._stored(body)

    async def replace(self, where: str, body: dict[str, Any]) -> dict[str, Any]:
        if not self.lease or body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise ApiError("changed", status=409)
        return self._stored(body)

    def _stored(self, body: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.lease = {**deepcopy(body), "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        return deepcopy(self.lease)


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def candidate(store: Store, clock: Clock, holder: str) -> Lease:
    terms = LeaseTerms(namespace="oomreport-system", name="oomreport-controller", holder=holder)
    return Lease(store, terms, monotonic=clock, now=lambda: after(clock.time))


def test_one_of_two_holds_it_and_keeps_it_while_it_renews():
    async def story() -> None:
        store, clock = Store(), Clock()
        first, second = candidate(store, clock, "first"), candidate(store, clock, "second")
        assert await first.hold()
        for _ in range(10):
            clock.time += 3
            assert not await second.hold()
            assert await first.hold()
        assert store.lease["spec"]["leaseTransitions"] == 0
        assert store.lease["spec"]["holderIdentity"] == "first"

    asyncio.run(story())


def test_a_lease_that_nobody_renews_is_taken_after_its_time_by_our_clock():
    async def story() -> None:
        store, clock = Store(), Clock()
        first, second = candidate(store, clock, "first"), candidate(store, clock, "second")
        await first.hold()
        assert not await second.hold()
        clock.time += 14
        assert not await second.hold()
        clock.time += 2
        assert await second.hold()
        assert not await first.hold()
        assert store.lease["spec"]["leaseTransitions"] == 1

    asyncio.run(story())


def test_a_lease_that_is_given_back_is_taken_at_the_next_look():
    async def story() -> None:
        store, clock = Store(), Clock()
        first, second = candidate(store, clock, "first"), candidate(store, clock, "second")
        await first.hold()
        assert not await second.hold()
        await first.give_back()
        assert await second.hold()
        await first.give_back()
        assert store.lease["spec"]["holderIdentity"] == "second"

    asyncio.run(story())


def test_of_two_that_take_it_at_once_one_is_refused():
    async def story() -> None:
        store, clock = Store(), Clock()
        first, second = candidate(store, clock, "first"), candidate(store, clock, "second")
        held = await asyncio.gather(first.hold(), second.hold())
        assert sorted(held) == [False, True]

    asyncio.run(story())


def test_a_restarted_holder_of_the_same_name_goes_on():
    async def story() -> None:
        store, clock = Store(), Clock()
        await candidate(store, clock, "pod-0").hold()
        assert await candidate(store, clock, "pod-0").hold()

    asyncio.run(story())
