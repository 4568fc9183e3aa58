"""The other source: the same stories once more, with the agent reading /dev/kmsg instead of syslog(2)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.kube import AGENT_NAMESPACE, items, kubectl, roll_out

# Imported tests are collected here again and run under this module's fixture.
from e2e.test_kills import (  # noqa: F401
    test_a_forged_kernel_line_makes_no_report,
    test_a_hostile_process_name_stays_a_name,
    test_a_killed_child_is_silent_or_takes_its_container_along,
    test_a_storm_whose_dumps_the_kernel_limits_is_counted_to_the_last_kill,
)
from e2e.test_outages import test_an_agent_started_after_the_kill_finds_it_in_the_ring  # noqa: F401
from e2e.test_workloads import test_pid_1_of_a_deployment_is_killed  # noqa: F401

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"


def use_overlay(name: str) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "-k", str(MANIFESTS / "overlays" / name))
    roll_out("ds/oomreport-agent", AGENT_NAMESPACE)


@pytest.fixture(scope="module", autouse=True)
def _kmsg() -> Iterator[None]:
    use_overlay("kmsg")
    yield
    sources = {record["spec"]["source"] for record in items("oomrecords")}
    use_overlay("syslog")
    assert "Kmsg" in sources, json.dumps(sorted(sources))
