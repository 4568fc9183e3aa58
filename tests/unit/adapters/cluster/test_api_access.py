"""A rotation of the cluster's CA needs no restart."""

import asyncio
from pathlib import Path

import pytest

from oomreport.adapters.cluster.api_access import api_access
from oomreport.adapters.cluster.api_server import ApiServer
from oomreport.errors import ApiError
from support.api import certificate, serving


def test_a_ca_that_is_added_to_the_file_is_trusted_by_the_next_connection(tmp_path: Path) -> None:
    account, old, new = (tmp_path / name for name in ("account", "old", "new"))
    for folder in (account, old, new):
        folder.mkdir()
    (old_ca, old_server), (new_ca, new_server) = certificate(old), certificate(new)
    (account / "token").write_text("t")
    (account / "ca.crt").write_text(old_ca.read_text())

    async def run() -> list[str]:
        with serving(tls=old_server) as first:
            port = first.port
            access = api_access(
                {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}, service_account=account
            )
            api = ApiServer(access, agent="test")
            await api.create("/apis/x", {"metadata": {"name": "before"}})
        made = ["before"]
        async with api:
            with serving(port, new_server):
                with pytest.raises(ApiError):  # the connection that was kept
                    await api.create("/apis/x", {"metadata": {"name": "refused"}})
                with pytest.raises(ApiError, match="certificate"):
                    await api.create("/apis/x", {"metadata": {"name": "refused"}})
                (account / "ca.crt").write_text("-----BEGIN CERT")  # half written
                with pytest.raises(ApiError):
                    await api.create("/apis/x", {"metadata": {"name": "refused"}})
                (account / "ca.crt").write_text(old_ca.read_text() + new_ca.read_text())
                await api.create("/apis/x", {"metadata": {"name": "after"}})
                made.append("after")
        return made

    assert asyncio.run(run()) == ["before", "after"]
