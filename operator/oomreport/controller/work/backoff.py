"""Pauses between two tries of what must work in the end."""

from collections.abc import Iterable, Iterator

_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)


class Backoff(Iterable[float]):
    """Seconds between tries: more each time, then the last for ever.

    Kopf takes it too: with a finite list, an API server that is away for a minute would end its watch.
    """

    def __iter__(self) -> Iterator[float]:
        """Return the pauses from the first on."""
        yield from _SECONDS
        while True:
            yield _SECONDS[-1]
