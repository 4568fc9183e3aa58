"""Options: defaults, and every mistake at once."""

from datetime import timedelta

import pytest

from oomreport.controller.settings import settings_of
from oomreport.errors import ConfigurationError


def test_the_defaults_are_those_of_the_manifests():
    settings = settings_of([], {"POD_NAMESPACE": "oomreport-system", "POD_NAME": "oomreport-controller-x"})
    assert (settings.namespace, settings.agent_namespace) == ("oomreport-system", "oomreport-agent")
    assert settings.identity == "oomreport-controller-x"
    assert settings.health_address == ("", 8080)
    assert settings.patience.grace == timedelta(seconds=15)
    assert settings.patience.termination_age == settings.report_age == timedelta(days=7)


def test_without_a_namespace_that_of_the_service_account_counts():
    assert settings_of([], {}, pod_namespace="elsewhere").namespace == "elsewhere"
    assert settings_of(["--namespace=mine"], {}, pod_namespace="elsewhere").namespace == "mine"


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("5s", 5), ("1.5s", 1.5), ("10m", 600), ("24h", 86400), ("7d", 604800)]
)
def test_durations(text: str, seconds: float):
    assert settings_of([f"--settle={text}"], {}).patience.settle == timedelta(seconds=seconds)


def test_every_mistake_is_named_at_once():
    wrong = [
        "--namespace=Not_A_Name",
        "--grace=soon",
        "--report-age=7",
        "--workers=0",
        "--records-per-node=-1",
        "--health-address=8080",
        "--agent-labels=app",
        "--log-level=loud",
    ]
    with pytest.raises(ConfigurationError) as caught:
        settings_of(wrong, {})
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "--report-age",
        "--namespace",
        "--agent-labels",
        "--grace",
        "--records-per-node",
        "--workers",
        "--health-address",
        "--log-level",
    ]


def test_the_probes_can_be_turned_off_and_bound():
    assert settings_of(["--health-address=none"], {}).health_address is None
    assert settings_of(["--health-address=[::1]:9000"], {}).health_address == ("::1", 9000)
