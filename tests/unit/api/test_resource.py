from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from oomreport.api.resource import MicroTime, Model, Quantity, Time
from oomreport.names import camel_case


class Sample(Model):
    limit: Quantity | None = None
    seen: MicroTime | None = None
    ended: Time | None = None


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("pod", "pod"),
        ("uid", "uid"),
        ("id", "id"),
        ("pod_uid", "podUID"),
        ("boot_id", "bootID"),
        ("kill_id", "killID"),
        ("anon_rss_bytes", "anonRSSBytes"),
        ("total_vm_bytes", "totalVMBytes"),
        ("rss_bytes", "rssBytes"),
        ("oom_score_adj", "oomScoreAdj"),
        ("kernel_time_microseconds", "kernelTimeMicroseconds"),
    ],
)
def test_a_field_has_the_name_that_the_api_conventions_give_it(field: str, name: str) -> None:
    assert camel_case(field) == name


@pytest.mark.parametrize("text", ["320Mi", "1.5Gi", "1e9", "500m", "0", "9223372036854775807", "128974848000m", "2E"])
def test_every_form_of_a_quantity_is_read_and_kept(text: str) -> None:
    assert Sample.model_validate({"limit": text}).as_json() == {"limit": text}


def test_a_bare_number_is_a_quantity_of_bytes() -> None:
    assert Sample.model_validate({"limit": 1048576}).limit == "1048576"


@pytest.mark.parametrize("text", ["", "Mi", "320 Mi", "320MiB", "320mi", "0x10", "320Mi\n", True, 1.5, None])
def test_what_is_no_quantity_is_refused_by_name(text: object) -> None:
    if text is None:
        assert Sample.model_validate({"limit": None}).limit is None
        return
    with pytest.raises(ValidationError, match="limit"):
        Sample.model_validate({"limit": text})


def test_kernel_times_keep_their_microseconds_and_status_times_have_seconds() -> None:
    at = datetime(2026, 11, 20, 22, 21, 7, 433_434, timezone(timedelta(hours=2)))

    assert Sample(seen=at, ended=at).as_json() == {
        "seen": "2026-11-20T20:21:07.433434Z",
        "ended": "2026-11-20T20:21:07Z",
    }


def test_times_of_the_api_are_read_with_and_without_a_fraction() -> None:
    sample = Sample.model_validate({"seen": "2026-11-20T20:21:07Z", "ended": "2026-11-20T20:21:07.5+02:00"})

    assert sample.seen == datetime(2026, 11, 20, 20, 21, 7, tzinfo=UTC)
    assert sample.ended == datetime(2026, 11, 20, 18, 21, 7, 500_000, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="seen"):
        Sample.model_validate({"seen": "2026-11-20T20:21:07"})


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    assert Sample.model_validate({"limit": "1Gi", "invented": {"later": 1}}).as_json() == {"limit": "1Gi"}
