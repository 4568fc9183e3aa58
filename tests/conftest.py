"""What all tests share: properties are judged by what holds, never by how fast, since machines are shared and noisy.

A law draws the same examples in each run, so that a run that fails says something of the change and not of luck. New
ones are drawn by `make laws`, whose OOMREPORT_EXAMPLES says how many times as many.
"""

import os

import hypothesis
import pytest

TIMES = int(os.environ.get("OOMREPORT_EXAMPLES", "0"))

hypothesis.settings.register_profile("oomreport", deadline=None, print_blob=True, derandomize=not TIMES)
hypothesis.settings.load_profile("oomreport")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Draw more examples where they are asked for, and leave out what draws none."""
    if not TIMES:
        return
    laws = [item for item in items if hasattr(getattr(item, "obj", None), "hypothesis")]
    for law in laws:
        function = law.obj  # type: ignore[attr-defined]
        own = function._hypothesis_internal_use_settings
        function._hypothesis_internal_use_settings = hypothesis.settings(own, max_examples=own.max_examples * TIMES)
    items[:] = laws
