"""The digests of one hook: events that a rate limit held back.

    held --period ends--> claimed --every report names the digest--> due --> told

A digest is sent under one ID. So its members must not change once it may have been sent: each report names the digest
in its own delivery first, and the digest is sent when all of them do.
"""

import hashlib
from collections.abc import Callable, Iterable

from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.attempt import Item
from oomreport.controller.work.keys import ReportKey


class Digests:
    """The members of each digest. `claiming` are those whose report does not name the digest yet."""

    def __init__(self) -> None:
        self._members: dict[str, set[Item]] = {}
        self._claiming: dict[str, set[Item]] = {}

    def ids(self) -> tuple[str, ...]:
        """Return all digests that have members."""
        return tuple(self._members)

    def members(self, digest: str) -> frozenset[Item]:
        """Return the deliveries whose reports name a digest."""
        return frozenset(self._members.get(digest, ()))

    def claim(self, digest: str, items: Iterable[Item]) -> None:
        """Begin a digest: nothing of it is due before the claims are settled."""
        self._claiming[digest] = set(items)

    def is_claimed(self, digest: str) -> bool:
        """Return whether reports still have to name a digest."""
        return digest in self._claiming

    def add(self, digest: str, item: Item) -> None:
        """Take note that a report names a digest."""
        self._members.setdefault(digest, set()).add(item)

    def discard(self, item: Item) -> None:
        """Forget a delivery."""
        for digest, members in list(self._members.items()):
            members.discard(item)
            if not members:
                del self._members[digest]

    def settled(self, is_open: Callable[[Item], bool]) -> list[str]:
        """Return the digests whose claims are over. `is_open` tells whether a delivery may still name its digest."""
        found: list[str] = []
        for digest, outstanding in list(self._claiming.items()):
            members = self._members.get(digest, set())
            still = {item for item in outstanding if item not in members and is_open(item)}
            if still:
                self._claiming[digest] = still
                continue
            del self._claiming[digest]
            found.append(digest)
        return found

    def of_report(self, report: ReportKey) -> list[str]:
        """Return the digests without open claims in which a report has deliveries."""
        return [
            digest
            for digest, members in self._members.items()
            if digest not in self._claiming and any(item.report == report for item in members)
        ]


def digest_id(hook: OOMHook, items: Iterable[Item]) -> str:
    """Return the ID of a digest: the same members of the same hook have the same one."""
    parts = [str(hook.metadata.get("uid"))]
    parts += [f"{item.report}\0{item.delivery.event}\0{item.delivery.kill_id}" for item in items]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
