"""Leader election by a Lease.

One of several processes works, the others wait. The rules are those of client-go. The times in a Lease are of its
holder's clock and are not compared with ours: a Lease that did not change for its duration, by our own clock, has
expired. Every write carries the resourceVersion that was read, so of two processes that take a Lease one is refused. A
holder that stops gives the Lease back, and a waiting process takes it at its next look.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from oomreport.adapters.cluster.api_server import path
from oomreport.errors import ApiError
from oomreport.times import rfc3339

_API_VERSION = "coordination.k8s.io/v1"


class Client(Protocol):
    """What a Lease needs of the API server."""

    async def found(self, where: str) -> dict[str, Any] | None:
        """Return an object, None where there is none."""

    async def create(self, where: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object."""

    async def replace(self, where: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTerms:
    """The name, the holder and the times of a Lease.

    seconds       how long a Lease lasts that nobody renews
    renew_every   seconds between two renewals
    look_every    seconds between two looks while another process holds it
    """

    namespace: str
    name: str
    holder: str
    seconds: int = 15
    renew_every: float = 3.0
    look_every: float = 1.0


class Lease:
    """A Lease that this process holds or wants. `monotonic` and `now` are its clocks."""

    def __init__(
        self, client: Client, terms: LeaseTerms, *, monotonic: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        self._client, self.terms = client, terms
        self._monotonic, self._now = monotonic, now
        self._seen: tuple[str, float] = ("", 0.0)
        self._stored: dict[str, Any] | None = None

    async def hold(self) -> bool:
        """Take or renew the Lease; return whether it is ours. Raises ApiError where that cannot be known."""
        asked = self._monotonic()
        stored = await self._client.found(self._path(named=True))
        if stored is None:
            return await self._write(None, asked)
        version = stored["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, asked)
        holder = stored["spec"].get("holderIdentity")
        lasts = stored["spec"].get("leaseDurationSeconds") or self.terms.seconds
        if holder not in (None, "", self.terms.holder) and asked - self._seen[1] < lasts:
            return False
        return await self._write(stored, asked)

    async def give_back(self) -> None:
        """Let another process take the Lease at once. Raises ApiError; then they wait until it has expired."""
        if self._stored is None:
            return
        spec = {**self._stored["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._time()}
        await self._client.replace(self._path(named=True), {**self._stored, "spec": spec})
        self._stored = None

    async def _write(self, stored: dict[str, Any] | None, asked: float) -> bool:
        before = stored["spec"] if stored else {}
        is_ours = before.get("holderIdentity") == self.terms.holder
        spec = {
            "holderIdentity": self.terms.holder,
            "leaseDurationSeconds": self.terms.seconds,
            "acquireTime": before.get("acquireTime") if is_ours else self._time(),
            "renewTime": self._time(),
            "leaseTransitions": before.get("leaseTransitions", 0) + (0 if is_ours or not stored else 1),
        }
        metadata = {"namespace": self.terms.namespace, "name": self.terms.name}
        lease = {"apiVersion": _API_VERSION, "kind": "Lease", "metadata": metadata, **(stored or {}), "spec": spec}
        try:
            write = self._client.replace if stored else self._client.create
            self._stored = await write(self._path(named=stored is not None), lease)
        except ApiError as error:
            if error.is_conflict:
                return False
            raise
        self._seen = (self._stored["metadata"]["resourceVersion"], asked)
        return True

    def _path(self, *, named: bool) -> str:
        name = self.terms.name if named else None
        return path(_API_VERSION, "leases", namespace=self.terms.namespace, name=name)

    def _time(self) -> str:
        return rfc3339(self._now())
