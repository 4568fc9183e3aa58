"""The memory of a container before its kill, as an SVG picture."""

from collections.abc import Sequence

from oomreport.incident.kill import Kill
from oomreport.workload.quantity import GI, MI

_WIDTH, _HEIGHT, _LEFT = 640, 140, 70


def curve(kill: Kill) -> str:
    """Return the picture of a kill's samples with the limit; empty where fewer than two were taken."""
    usage, limit = kill.usage, kill.limit
    if usage is None or len(usage.samples) < 2:
        return ""
    sizes = usage.samples
    highest = max(*sizes, limit or 0) or 1
    length = usage.interval_seconds * (len(sizes) - 1)
    label = f"memory in the {_duration(length)} before the kill"
    mark = ""
    if limit:
        y = _y(limit, highest)
        mark = (
            f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_size(limit)}</text>'
        )
    return (
        f'<svg viewBox="0 -8 {_WIDTH} {_HEIGHT + 28}" width="{_WIDTH}" height="{_HEIGHT + 28}" role="img" aria-label="{label}">'
        f'<polyline class="way" points="{_points(sizes, highest)}"/>{mark}'
        f'<text x="{_LEFT - 6}" y="{_HEIGHT}" text-anchor="end">0</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT + 16}">{_duration(length)} before</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 16}" text-anchor="end">the kill</text></svg>'
    )


def _points(sizes: Sequence[int], highest: int) -> str:
    step = (_WIDTH - _LEFT) / (len(sizes) - 1)
    return " ".join(f"{_LEFT + number * step:.1f},{_y(size, highest):.1f}" for number, size in enumerate(sizes))


def _y(size: int, highest: int) -> float:
    return _HEIGHT * (1 - size / highest)


def _size(size: int) -> str:
    return f"{size / GI:.1f}Gi" if size >= GI else f"{size / MI:.0f}Mi"


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
