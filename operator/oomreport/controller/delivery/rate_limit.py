"""The rate limit of one hook: so many events in a period."""

from datetime import UTC, datetime, timedelta

from oomreport.api.oom_hook import RateLimit

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Allowance:
    """What is left of a period. A period begins with the first event after the last one has ended."""

    def __init__(self) -> None:
        self._used = 0
        self.period_end = LONG_AGO

    def take(self, limit: RateLimit | None, now: datetime) -> bool:
        """Use one event of the period; return whether there was one left. Without a limit there always is."""
        if limit is None:
            return True
        if now >= self.period_end:
            self._used, self.period_end = 0, now + timedelta(seconds=limit.period_seconds)
        if self._used >= limit.events:
            return False
        self._used += 1
        return True
