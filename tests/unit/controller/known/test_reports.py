"""What a watch tells of reports: people's edits, among the controller's own writes."""

from typing import Any, cast

from oomreport.controller.known.reports import ReportStore, key_of_report


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
