"""The session of an aiohttp client, closed with it."""

from types import TracebackType
from typing import Self

import aiohttp


class SessionOwner:
    """A context manager that closes its session."""

    _session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
