"""What this process may do is asked of the API server itself."""

from oomreport.controller.known.access_review import is_granted
from support.api_server import MemoryApi
from support.controller import run


def test_a_right_is_there_or_not():
    api = MemoryApi()
    assert run(is_granted(api, "create", "batch", "jobs", namespace="shop"))
    api.denied.add("create jobs")
    assert not run(is_granted(api, "create", "batch", "jobs", namespace="shop"))
