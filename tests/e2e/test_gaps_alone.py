"""The gaps once more, on cgroup v2 with a kubelet that lets the kernel kill a process alone (singleProcessOOMKill).

There a pod's counter holds those of its containers, as on any v2 node, and a container lives on, as on v1.
"""

from collections.abc import Iterator

import pytest

from e2e.nodes import kubelet_with

# Imported tests are collected here again and run under this module's fixture.
from e2e.test_gaps import (  # noqa: F401
    test_kills_while_the_log_cannot_be_read_are_counted_once_under_their_names,
)

NODES = ("v2",)


@pytest.fixture(scope="module", autouse=True)
def _alone() -> Iterator[None]:
    with kubelet_with(singleProcessOOMKill=True):
        yield
