"""Values as `resource.Quantity` of Kubernetes reads and writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomreport.workload.quantity import GI, KI, MI, format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("128974848", 128974848),
        (128974848, 128974848),
        ("129e6", 129_000_000),
        ("129E6", 129_000_000),
        ("12e-1", 2),
        ("129M", 129_000_000),
        ("123Mi", 123 * MI),
        ("64Ki", 64 * KI),
        ("1.5Gi", 1536 * MI),
        (".5Gi", 512 * MI),
        ("1.Gi", GI),
        ("128974848000m", 128974848),
        ("100m", 1),
        ("1n", 1),
        ("2E", 2 * 10**18),
        ("1Ei", 1 << 60),
        ("+64Mi", 64 * MI),
        ("-1Mi", -MI),
        (1.5, 2),
    ],
)
def test_a_quantity_is_read_exactly_and_rounded_up(text: str | float, size: int):
    assert parse_quantity(text) == size


@pytest.mark.parametrize("text", ["", "Mi", "1MiB", "64 Mi", "1KI", "0x10", "1e", "12ei", "one", "\u0661Mi", "1e1000"])
def test_what_is_no_quantity_is_none(text: str):
    assert parse_quantity(text) is None


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (MI, "1Mi"),
        (1024 * MI, "1Gi"),
        (1536 * MI, "1536Mi"),
        (1000, "1000"),
        (KI + 1, "1025"),
        (1 << 60, "1Ei"),
    ],
)
def test_a_size_is_written_canonically(size: int, text: str):
    assert format_quantity(size) == text


@given(st.integers(0, 1 << 62))
def test_what_is_written_reads_back(size: int):
    assert parse_quantity(format_quantity(size)) == size


@given(st.text(max_size=12))
def test_reading_never_raises(text: str):
    parse_quantity(text)
