"""Reports by the names that people type."""

import pytest

from oomreport.cli.reports.naming import reports_named
from oomreport.cli.reports.report_source import none_in
from support.checkout import a_report

REPORTS = [a_report("web"), a_report("db", kind="StatefulSet"), a_report("web", kind="CronJob")]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("deployment-web-api", ["Deployment"]),
        ("web", ["Deployment", "CronJob"]),
        ("deploy/web", ["Deployment"]),
        ("Deployment/web", ["Deployment"]),
        ("deployments.apps/web", ["Deployment"]),
        ("cj/web", ["CronJob"]),
        ("sts/db", ["StatefulSet"]),
        ("sts/web", []),
        ("nope", []),
        ("deploy/", []),
    ],
)
def test_a_report_is_found_by_its_workload_as_kubectl_names_it(name: str, kinds: list[str]):
    assert [one["spec"]["workloadRef"]["kind"] for one in reports_named(REPORTS, name)] == kinds


def test_where_no_reports_are_is_said_with_what_to_do():
    assert none_in("default", exists=True, elsewhere=5) == (
        "no reports in namespace default; other namespaces have 5, -A uses them"
    )
    assert none_in("shopp", exists=False, elsewhere=0) == (
        "no reports in namespace shopp, which does not exist; other namespaces have 0"
    )
    assert none_in("shop", exists=None, elsewhere=None) == (
        "no reports in namespace shop; -A uses those of all namespaces"
    )
