"""Options: defaults, and every mistake at once."""

import argparse
from datetime import timedelta
from pathlib import Path

import pytest

from oomreport.controller.option_table import OPTIONS
from oomreport.controller.settings import settings_of
from oomreport.errors import ConfigurationError
from oomreport.options import Option, add_options


def test_the_defaults_are_those_of_the_manifests():
    settings = settings_of([], {"POD_NAMESPACE": "oomreport-system", "POD_NAME": "oomreport-controller-x"})
    assert (settings.namespace, settings.agent_namespace) == ("oomreport-system", "oomreport-agent")
    assert settings.identity == "oomreport-controller-x"
    assert settings.health_address == ("", 8080)
    assert settings.patience.grace == timedelta(seconds=15)
    assert settings.patience.termination_age == settings.retention.report_age == timedelta(days=7)


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
        "--namespace",
        "--agent-labels",
        "--grace",
        "--records-per-node",
        "--report-age",
        "--workers",
        "--health-address",
        "--log-level",
    ]


def test_the_probes_can_be_turned_off_and_bound():
    assert settings_of(["--health-address=none"], {}).health_address is None
    assert settings_of(["--health-address=[::1]:9000"], {}).health_address == ("::1", 9000)


def test_a_metrics_source_is_asked_only_where_one_is_named(tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("secret")
    assert settings_of([], {}).metrics_source is None
    assert settings_of([], {"OOMREPORT_PROMETHEUS_URL": "http://prometheus:9090"}).metrics_source
    settings = settings_of(
        ["--prometheus-url=https://thanos.example/base", f"--prometheus-token-file={token}", "--prometheus-window=2d"],
        {},
    )
    source = settings.metrics_source
    assert source
    assert source.url == "https://thanos.example/base"
    assert (source.token_file, source.window) == (token, timedelta(days=2))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--prometheus-url=prometheus:9090"], "no base URL"),
        (["--prometheus-url=https:///query"], "no base URL"),
        (["--prometheus-url=https://p:99999"], "no base URL"),
        (["--prometheus-url=https://p/?query=up"], "no base URL"),
        (["--prometheus-url=https://[p"], "no base URL"),
        (["--prometheus-url=https://p", "--prometheus-window=5s"], "less than 1m"),
        (["--prometheus-url=https://p", "--prometheus-token-file=/nowhere/token"], "cannot be read: No such file"),
        (["--prometheus-url=https://p", "--prometheus-ca-file=/etc/hostname"], "holds no CA certificates"),
        (["--prometheus-token-file=/etc/hostname"], "--prometheus-url is not given"),
        (["--prometheus-url=http://p", "--prometheus-token-file=/etc/hostname"], "by https only"),
    ],
)
def test_a_metrics_source_that_cannot_be_asked_is_refused_in_words(options: list[str], complaint: str):
    with pytest.raises(ConfigurationError, match=complaint):
        settings_of(options, {})


def test_a_password_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(ConfigurationError, match="must hold no credentials") as caught:
        settings_of(["--prometheus-url=https://ada:hunter2@p"], {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("option", [one for options in OPTIONS.values() for one in options], ids=lambda one: one.flag)
def test_each_help_text_is_a_sentence_that_stands_alone_and_names_its_default(
    option: Option, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "1000")
    assert option.help[0].isupper()
    assert option.help.endswith(".")
    parser = argparse.ArgumentParser(prog="x")
    add_options(parser, {"group": (option,)}, {})
    shown = " ".join(parser.format_help().split())
    assert f"(default: {option.default_words or option.default or 'none'})" in shown


def test_a_variable_of_the_environment_comes_before_the_default_and_after_the_option():
    assert settings_of([], {"OOMREPORT_LOG_LEVEL": "debug"}).log_level == "debug"
    assert settings_of(["--log-level=error"], {"OOMREPORT_LOG_LEVEL": "debug"}).log_level == "error"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("team,Owner!", "'Owner!' is no name of a label"),
        ("a,b,c,d,e,f", "6 labels, 5 at most"),
        ("a-b,a.b", "two labels have the same name for Prometheus"),
    ],
)
def test_labels_that_would_spoil_a_scrape_are_refused(value: str, words: str):
    with pytest.raises(ConfigurationError) as error:
        settings_of([f"--metrics-workload-labels={value}"], {})
    assert any(words in problem for problem in error.value.problems)


@pytest.mark.parametrize("value", ["prod-eu", "gke_project_zone_name", "a", "x" * 63])
def test_a_cluster_name_is_one_that_people_give(value: str) -> None:
    assert settings_of([f"--cluster-name={value}"], {}).cluster_name == value


@pytest.mark.parametrize("value", ["prod eu", "//evil", "a/b", "-a", "a.", "x" * 64, "größe", "a\nb", "user@host:1"])
def test_what_would_not_fit_into_the_source_of_an_event_is_no_cluster_name(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--cluster-name: .* is no name"):
        settings_of([f"--cluster-name={value}"], {})
