"""What a watch tells of reports: people's edits, among the controller's own writes."""

from typing import Any, cast

import pytest

from oomreport.controller.known.reports import ReportStore, StaleReportError, key_of_report, labels_of
from oomreport.names import API_VERSION, OOM_REPORTS
from support.controller import Parts, run


def report(version: int, *, generation: int = 1, observed: int | None = 1, decision: str = "Pending") -> dict[str, Any]:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metadata = {"namespace": "shop", "name": "deployment-web-api", "uid": "u", "resourceVersion": str(version)}
    return {
        "metadata": {**metadata, "generation": generation},
        "spec": {"workloadRef": ref, "container": "api", "review": {"decision": decision}},
        "status": {} if observed is None else {"kills": 1, "observedGeneration": observed},
    }


def reports() -> ReportStore:
    return ReportStore(cast("Any", None))


def test_an_edit_is_taken_over_and_what_is_older_is_not():
    known = reports()
    edited = report(12, generation=2, decision="Accepted")
    key = key_of_report(edited)
    assert known.take("MODIFIED", edited) == key
    assert known.take("MODIFIED", edited) is None
    assert known.take("MODIFIED", report(11, generation=2)) is None
    assert known._cache[key].review == "Accepted"


def test_own_writes_and_reports_without_a_status_are_no_edits():
    known = reports()
    assert known.take(None, report(5)) is None
    assert known.take("ADDED", report(5, observed=None)) is None
    assert known.take("MODIFIED", report(13, generation=2, observed=2)) is None
    assert known._cache == {}


def test_a_deleted_report_is_read_anew():
    known = reports()
    edited = report(12, generation=2)
    assert known.take(None, edited)
    assert known.take("DELETED", report(13, generation=2)) is None
    assert known._cache == {}


def test_a_report_that_the_watch_has_not_told_of_is_not_asked_for_and_is_found_before_it_is_written_over():
    parts = Parts()
    stored = parts.api.put(API_VERSION, OOM_REPORTS, report(1))
    key = key_of_report(stored)
    followed = [True]
    parts.reports.trust(lambda: followed[0])
    assert run(parts.reports.get(key)) is None
    assert parts.api.requests == []
    with pytest.raises(StaleReportError):
        run(parts.reports.write_status(key, None, {"kills": 7}))
    found = run(parts.reports.get(key))
    assert found
    assert found.status["kills"] == 1
    parts.reports.forget(key)
    assert run(parts.reports.get(key)) == found
    parts.reports.take("DELETED", stored)
    assert run(parts.reports.get(key)) is None
    followed[0] = False
    assert run(parts.reports.get(key)) == found


def test_reports_with_long_ledgers_are_not_all_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("oomreport.controller.known.reports._MOST_CACHED_ENTRIES", 25)
    known = reports()
    for number in range(12):
        one = report(20 + number, generation=2)
        one["spec"]["workloadRef"]["name"] = f"web-{number % 6}"
        one["status"]["counted"] = [{"id": str(entry)} for entry in range(10 if number < 6 else 5)]
        assert known.take("MODIFIED", one)
        assert sum(len(kept.status["counted"]) for kept in known._cache.values()) <= 25
    assert [kept.resource_version for kept in known._cache.values()] == ["27", "28", "29", "30", "31"]


def test_what_was_written_is_known_without_reading_it_again():
    parts = Parts()
    key = key_of_report(report(1))
    stored = report(1, decision="Accepted")
    stored["metadata"]["labels"] = labels_of(key)
    parts.api.put(API_VERSION, OOM_REPORTS, stored)
    first = run(parts.reports.get(key))
    written = run(parts.reports.write_status(key, first, {"kills": 2, "observedGeneration": 1}))
    requests = len(parts.api.requests)
    assert run(parts.reports.get(key)) == written
    assert (written.review, written.known.kills, len(parts.api.requests)) == ("Accepted", 2, requests)
    again = run(parts.reports.write_status(key, written, {"kills": 3, "observedGeneration": 1}))
    parts.reports.forget(key)
    assert run(parts.reports.get(key)) == again
