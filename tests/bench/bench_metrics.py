#!/usr/bin/env python3
"""Series, bytes and processor time of one scrape of the controller.

make bench-metrics       with 1 000 and with 5 000 reports that all have series
"""

import sys
import time
from datetime import timedelta
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from unit.controller.test_report_series import NOW, report, series_of  # noqa: E402 - the tests are no package

SCRAPES = 20


def main() -> int:
    """Print a line for each number of reports."""
    for number in (1_000, 5_000):
        reports = [
            report(f"web-{one}", kills=tuple(NOW - timedelta(minutes=m) for m in range(3))) for one in range(number)
        ]
        series = series_of(*reports, most=number)
        lines = [line for line in series.text(NOW).splitlines() if not line.startswith("#")]
        size = len(series.text(NOW).encode())
        times = []
        for _ in range(SCRAPES):
            start = time.process_time()
            series.text(NOW)
            times.append(time.process_time() - start)
        print(
            f"{number} reports: {len(lines)} series, {size / 1e6:.2f} MB,"
            f" {sorted(times)[SCRAPES // 2] * 1000:.0f} ms of processor time (median of {SCRAPES} scrapes)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
