import asyncio

import aiohttp
import pytest

from oomreport.adapters.http.http_session import SessionOwner


class Client(SessionOwner):
    def __init__(self) -> None:
        self._session = aiohttp.ClientSession()

    @property
    def closed(self) -> bool:
        return self._session.closed


def test_the_session_ends_with_its_client_also_after_an_error() -> None:
    async def story(client: Client) -> None:
        async with client as entered:
            assert entered is client
            assert not client.closed
            raise LookupError

    async def told() -> bool:
        client = Client()
        with pytest.raises(LookupError):
            await story(client)
        return client.closed

    assert asyncio.run(told())
