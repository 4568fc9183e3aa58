"""Progress on stderr; stdout is for results."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def say(text: str) -> None:
    """One line for a person."""
    print(f"cluster: {text}", file=sys.stderr, flush=True)


class Step:
    """A long step under way. `detail` is shown with the next sign of life."""

    def __init__(self) -> None:
        self.detail: Callable[[], str] = lambda: ""


@contextmanager
def step(text: str, *, usually: str = "") -> Iterator[Step]:
    """Announce a step, show every 20 s that it lives, and say how long it took."""
    say(f"{text}{f' (usually takes {usually})' if usually else ''} ...")
    start = time.monotonic()
    done = threading.Event()
    current = Step()

    def remind() -> None:
        while not done.wait(20):
            detail = current.detail()
            say(f"  {text}: {time.monotonic() - start:.0f} s{f', {detail}' if detail else ''}")

    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield current
    finally:
        done.set()
        reminder.join()
    say(f"  done in {time.monotonic() - start:.1f} s")
