"""What became of the parts of a test run, and the summary at its end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The outcome of a part: counts, seconds, why tests were skipped, what they measured, why the part was not run.

    `skipped` holds a reason for each skipped test; `left_out` is the number of tests in a part that was not run.
    """

    part: str
    passed: int = 0
    failed: int = 0
    second_try: int = 0
    skipped: list[str] = field(default_factory=list)
    left_out: int = 0
    seconds: float = 0
    set_up_seconds: float = 0
    figures: list[str] = field(default_factory=list)
    not_run: str | None = None


def read_report(report: Path, outcome: Outcome) -> None:
    """Add the figures of a JUnit report to the outcome."""
    if not report.exists():
        return
    for case in ET.parse(report).getroot().iter("testcase"):
        outcome.figures += [
            f"{case.get('name')}: {one.get('name')} {one.get('value')}" for one in case.iter("property")
        ]
        skipped = case.find("skipped")
        if skipped is not None:
            outcome.skipped.append(str(skipped.get("message")))
        elif case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        else:
            outcome.passed += 1


def print_summary(outcomes: Sequence[Outcome], left_out: Sequence[str]) -> int:
    """Print figures a part, then what could not run and why, then one closing line; return the exit status.

    `left_out` names the parts that run where they are named only.
    """
    print("\n== summary\npart          passed  failed  skipped   tests    set-up")
    for outcome in outcomes:
        print(
            f"{outcome.part:12} {outcome.passed:7} {outcome.failed:7} {len(outcome.skipped):8} "
            f"{outcome.seconds:6.0f} s {outcome.set_up_seconds:7.0f} s"
        )
    for outcome in outcomes:
        if outcome.second_try:
            print(f"\n{outcome.part}: {outcome.second_try} passed at the second try only")
    for line in (f"{o.part}: {figure}" for o in outcomes for figure in o.figures):
        print(f"\n{line}")
    missing = [line for outcome in outcomes for line in missing_of(outcome)]
    missing += [f"{name}: runs where it is named only: tests/run.py {name}" for name in left_out]
    print("\nDid not run:" if missing else "\nEverything could run here.")
    for line in missing:
        print(f"  {line}")
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    print(f"\n{passed} passed, {failed} failed, {sum(len(o.skipped) for o in outcomes)} skipped")
    return 1 if failed or not passed else 0


def missing_of(outcome: Outcome) -> Iterator[str]:
    """Yield what of a part did not run: a line for the part as a whole, and one for its skipped tests."""
    if outcome.not_run:
        yield f"{outcome.part}{f' ({outcome.left_out} tests)' if outcome.left_out else ''}: {outcome.not_run}"
    if outcome.skipped:
        reasons = Counter(outcome.skipped).most_common()
        told = "; ".join(f"{number} {reason}" if len(reasons) > 1 else reason for reason, number in reasons)
        yield f"{outcome.part}: {len(outcome.skipped)} skipped: {told}"
