from pathlib import Path

import pytest

from oomreport.agent.settings import AgentSettings, settings_of
from oomreport.errors import ConfigurationError

IN_CLUSTER = {"NODE_NAME": "worker-3", "KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
HERE = [f"--cgroup-root={Path('/')}"]


def problems(*arguments: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        settings_of([*HERE, *arguments], environment)
    return list(error.value.problems)


def test_in_a_cluster_the_environment_is_enough() -> None:
    settings = settings_of(HERE, IN_CLUSTER | {"POD_UID": "9b02072e"})
    assert settings.node_name == "worker-3"
    assert settings.api_server == "https://10.96.0.1:443"
    assert settings.pod_uid == "9b02072e"
    assert settings.state_dir == Path("/var/lib/oomreport")
    assert settings.health_address == ":8081"
    assert settings.spool_bytes == 64 << 20


def test_an_ipv6_cluster_has_a_url_too() -> None:
    environment = {"NODE_NAME": "n", "KUBERNETES_SERVICE_HOST": "fd00::1"}
    assert settings_of(HERE, environment).api_server == "https://[fd00::1]:443"


def test_an_option_wins_over_the_environment() -> None:
    assert settings_of([*HERE, "--node-name=other", "--source=kmsg"], IN_CLUSTER | {"OOMREPORT_SOURCE": "syslog"}) == (
        settings_of([*HERE, "--source=kmsg"], IN_CLUSTER | {"NODE_NAME": "other"})
    )


def test_a_dry_run_needs_nothing_and_keeps_nothing() -> None:
    settings = settings_of([*HERE, "--dry-run"], {})
    assert settings.node_name
    assert settings.api_server is None
    assert settings.state_dir is None
    assert settings.health_address == ""


def test_every_problem_is_told_at_once_with_option_and_value() -> None:
    found = problems(
        "--source=journal",
        "--proc=/nowhere",
        "--health-address=8081",
        "--spool-records=0",
        "--spool-bytes=64MB",
        "--counter-wait=soon",
        "--log-level=loud",
        "--token-file=/nowhere/token",
        "--node-name=Not_A_Node",
    )
    for part in ("--source: 'journal'", "--proc: /nowhere", "--health-address: '8081'", "--spool-records: '0'"):
        assert any(part in problem for problem in found)
    for part in ("'64MB'", "'soon'", "'loud'", "/nowhere/token", "'Not_A_Node'", "KUBERNETES_SERVICE_HOST"):
        assert any(part in problem for problem in found)
    assert len(found) == 10


def test_a_missing_node_name_says_where_to_take_it_from() -> None:
    assert problems("--api-server=https://x") == ["--node-name (NODE_NAME): missing; set it from spec.nodeName"]


@pytest.mark.parametrize(
    "url", ["http://api.example.org", "ftp://x", "https://", "x", "https://h:99999", "http://[::1"]
)
def test_a_token_is_sent_over_tls_or_to_this_machine_only(url: str) -> None:
    assert any("--api-server" in problem for problem in problems("--node-name=n", f"--api-server={url}"))


@pytest.mark.parametrize("url", ["https://api.example.org:6443", "http://127.0.0.1:8001", "http://[::1]:8001"])
def test_a_usable_url_is_taken(url: str) -> None:
    assert settings_of([*HERE, "--node-name=n", f"--api-server={url}"], {}).api_server == url


@pytest.mark.parametrize("value", ["nan", "inf", "-1", ""])
def test_a_number_is_a_number(value: str) -> None:
    assert any("--counter-wait" in problem for problem in problems("--dry-run", f"--counter-wait={value}"))


def test_every_field_is_documented() -> None:
    source = Path(__file__).parents[3].joinpath("operator/oomreport/agent/settings.py").read_text()
    body = source.split("class AgentSettings:")[1].split("\ndef ")[0]
    for name in AgentSettings.__dataclass_fields__:
        assert f"    {name}:" in body
        after = body.split(f"    {name}:")[1].splitlines()[1]
        assert after.strip().startswith('"""'), name
