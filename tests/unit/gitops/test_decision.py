import pytest

from oomreport.gitops.decision import _is_seen
from oomreport.workload.quantity import parse_quantity


@pytest.mark.parametrize(
    ("written", "seen", "same"),
    [
        ("256Mi", "256Mi", True),
        ("0.25Gi", "256Mi", True),
        # The kernel rounds down to pages of 4 KiB: 100 000 000 bytes are 24414 of them.
        ("100M", "97656Ki", True),
        ("101M", "97656Ki", False),
        ("300Mi", "256Mi", False),
        # A limit of whole pages is not rounded.
        ("97660Ki", "97656Ki", False),
        ("99999999", "99999999", True),
    ],
)
def test_a_limit_is_the_one_that_the_report_saw(written: str, seen: str, same: bool):  # noqa: FBT001 - a table
    size = parse_quantity(written)
    assert size is not None
    assert _is_seen(size, seen) is same
