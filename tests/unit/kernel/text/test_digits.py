import re

import pytest

from oomreport.kernel.text.digits import COUNT, INT, KILOBYTES, MOST, PAGES


@pytest.mark.parametrize(("pattern", "unit"), [(INT, 1), (COUNT, 1), (KILOBYTES, 1024), (PAGES, 65536)])
def test_the_largest_number_of_a_pattern_is_one_of_64_bits(pattern: str, unit: int) -> None:
    longest = max(number for number in range(1, 40) if re.fullmatch(pattern, "9" * number))
    assert int("9" * longest) * unit <= MOST
    assert re.fullmatch(pattern, "0")
    assert not re.fullmatch(pattern, "9" * 5000)
