"""The law of doubling: an input that is twice as long takes twice the time and memory, not four times.

Processor time is measured, the best of several runs, and what a byte costs is compared: a step that is quadratic costs
16 times as much for each byte of 128 KB as for each of 8 KB. The factor allowed is far from that and far from noise.
"""

import os
import time
import tracemalloc
from collections.abc import Callable
from typing import TypeVar

Input = TypeVar("Input")
SMALLEST = 1 << 10
# `make laws` goes up to 4 MB; a run of the suite has no hour for it.
_SUITE_KB = 128
LARGEST = int(os.environ.get("OOMREPORT_DOUBLING_KB", _SUITE_KB)) << 10
THOROUGH = LARGEST > _SUITE_KB << 10
_MOST_TIMES = 4.0
# Below this nothing is measured: it is noise.
_FEW_SECONDS = 0.02
_REFERENCE = 8 << 10
_SMALL_MEMORY, _LARGE_MEMORY = 16 << 10, 128 << 10


def seconds(read: Callable[[Input], object], made: Input) -> float:
    begun = time.process_time()
    read(made)
    return time.process_time() - begun


def assert_linear_time(
    read: Callable[[Input], object],
    make: Callable[[int], Input],
    *,
    largest: int | None = None,
    reference: int = _REFERENCE,
) -> float:
    """Double the input up to `largest`, and compare with what a byte costs up to `reference`.

    Returns the seconds for the largest input.
    """
    read(make(SMALLEST))  # what is loaded and compiled once
    size, per_byte, taken = SMALLEST, 0.0, 0.0
    while size <= (largest or LARGEST):
        made = make(size)
        taken = seconds(read, made)
        allowed = max(_FEW_SECONDS, _MOST_TIMES * per_byte * size)
        if size > reference:
            for _ in range(3):
                if taken <= allowed:
                    break
                taken = min(taken, seconds(read, made))
            assert taken <= allowed, (
                f"{size} bytes take {taken:.3f} s, {taken / size / (per_byte or 1):.0f} times as long each"
            )
        else:
            taken = min(taken, seconds(read, made))
            per_byte = max(per_byte, taken / size) if size >= reference // 2 else 0.0
        size *= 2
    return taken


def assert_linear_memory(read: Callable[[Input], object], make: Callable[[int], Input]) -> None:
    """Compare the peaks of two inputs, what is read not counted."""
    peaks = []
    for size in (_SMALL_MEMORY, _LARGE_MEMORY):
        made = make(size)
        read(made)
        tracemalloc.start()
        read(made)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    times = _LARGE_MEMORY // _SMALL_MEMORY
    assert peaks[1] <= 2 * times * peaks[0] + (1 << 20), (
        f"{peaks[0]} bytes, then {peaks[1]} for {times} times the input"
    )
