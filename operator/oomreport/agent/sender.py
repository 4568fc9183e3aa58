"""The sender: from the spool to the API server, in a thread.

A record that cannot be delivered now waits, and so do all others: what stops one usually stops all. The pause doubles
up to a minute, with jitter, so that a thousand agents do not come back at once. Retry-After is obeyed, and the pause
stands behind it: an API server that is overloaded asks all agents for the same second. A record that is refused is set
aside and offered again at the next start and every hour, since rights and CRDs change.
"""

import os
import threading
import time
from dataclasses import dataclass

from oomreport.adapters.cluster.record_client import Delivered, RecordClient, Refused, Retry
from oomreport.adapters.storage.spool import Spool
from oomreport.agent.log import Log

_FIRST_BACKOFF = 0.5
_MOST_BACKOFF = 60.0
_READMIT_SECONDS = 3600.0
_WRITE_BACK_SECONDS = 30.0
# Behind this the API server's load balancer has closed the connection, or a rolled API server deserves a new one.
_IDLE_SECONDS = 60.0
# A pause of the API server is over before this, as a rule.
_PAUSE_SECONDS = 2.0
# One record that will never be taken is no reason to be unwell for ever.
_REFUSED_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderFigures:
    """What was sent since the start.

    `failing_since`, `refused_at` are by the monotonic clock, None while all is well.
    """

    delivered: int = 0
    refused: int = 0
    failing_since: float | None = None
    refused_at: float | None = None
    last_error: str | None = None


class Sender:
    """Sends what is in a spool until it is stopped."""

    def __init__(self, spool: Spool, client: RecordClient, log: Log, *, first_backoff: float = _FIRST_BACKOFF) -> None:
        self._spool, self._client, self._log = spool, client, log
        self._first_backoff = first_backoff
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run_on, name="sender", daemon=True)
        self._backoff = 0.0
        self._warned = False
        self._failed_last: set[str] = set()
        self.figures = SenderFigures()

    def start(self) -> None:
        """Start sending; what was refused earlier is offered again."""
        again = self._spool.readmit()
        if again:
            self._log.info("records refused earlier are offered again", records=again)
        self._thread.start()

    def problem(self) -> str | None:
        """Return why "no record" does not mean "no kill" right now: records wait, or one was refused recently."""
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set():
            return "the thread that sends records has ended"
        figures, now = self.figures, time.monotonic()
        if figures.failing_since is not None and now - figures.failing_since > _PAUSE_SECONDS:
            return f"records wait since {now - figures.failing_since:.0f} s: {figures.last_error}"
        if figures.refused_at is not None and now - figures.refused_at < _REFUSED_SECONDS:
            return f"a record was refused {now - figures.refused_at:.0f} s ago: {figures.last_error}"
        return None

    def wake(self) -> None:
        """Tell the sender that there is a new record."""
        self._news.set()

    def stop(self, seconds: float) -> None:
        """Send what can be sent within `seconds`, then stop."""
        end = time.monotonic() + seconds
        while self._thread.is_alive() and time.monotonic() < end and self._spool.pending() and not self._backoff:
            self._news.set()
            time.sleep(0.02)
        self._stopping.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join(max(0.1, end - time.monotonic()))

    def _run_on(self) -> None:
        """Go on after a mistake of ours: records wait on the disk meanwhile."""
        while not self._stopping.is_set():
            try:
                self._run()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next try may do
                self._log.error("sending failed and goes on", problem=repr(error))
                self._stopping.wait(_MOST_BACKOFF)

    def _run(self) -> None:
        readmitted_at = written_at = time.monotonic()
        while not self._stopping.is_set():
            self._news.clear()
            wait = self._send_pending()
            now = time.monotonic()
            if now - written_at > _WRITE_BACK_SECONDS:
                written_at = now
                self._spool.write_back()
            if now - readmitted_at > _READMIT_SECONDS:
                readmitted_at = now
                self._spool.readmit()
            if wait:
                # A new record must not shorten a backoff.
                self._stopping.wait(wait)
            elif not self._news.wait(_IDLE_SECONDS):
                self._client.close()
        self._client.close()

    def _send_pending(self) -> float:
        """Send what waits; return how many seconds to pause, 0 where everything is sent.

        A record that failed goes last, so that one record that makes the server fail does not hold up the others.
        """
        for name in sorted(self._spool.pending(), key=self._failed_last.__contains__):
            if self._stopping.is_set():
                return 0.0
            body = self._spool.body(name)
            if body is None:
                self._spool.done(name)
                continue
            outcome = self._client.create(body)
            if isinstance(outcome, Retry):
                self._failed_last.add(name)
                return self._failed(outcome)
            self._failed_last.discard(name)
            self._backoff = 0.0
            if self._warned:
                self._warned = False
                self._log.info(
                    "the API server answers again, records are delivered", waiting=len(self._spool.pending())
                )
            if isinstance(outcome, Refused):
                self._refused(name, outcome)
            else:
                self._delivered(name, outcome)
        return 0.0

    def _delivered(self, name: str, outcome: Delivered) -> None:
        self._spool.done(name)
        self.figures = SenderFigures(delivered=self.figures.delivered + 1, refused=self.figures.refused)
        self._log.debug("record delivered", record=name, existed=outcome.existed)

    def _refused(self, name: str, outcome: Refused) -> None:
        self._spool.refuse(name, outcome.reason)
        self.figures = SenderFigures(
            delivered=self.figures.delivered,
            refused=self.figures.refused + 1,
            refused_at=time.monotonic(),
            last_error=outcome.reason,
        )
        self._log.error("record refused by the API server and set aside", record=name, reason=outcome.reason)

    def _failed(self, outcome: Retry) -> float:
        doubled = min(_MOST_BACKOFF, self._backoff * 2 or self._first_backoff)
        self._backoff = doubled
        wait = (outcome.after or 0.0) + doubled * (0.5 + os.urandom(1)[0] / 510)
        if not self._warned:
            self._warned = True
            self._log.warning(
                "records wait, the API server cannot be reached or will not have them", reason=outcome.reason
            )
        self._log.debug("record not delivered", reason=outcome.reason, again_in_seconds=round(wait, 3))
        self.figures = SenderFigures(
            delivered=self.figures.delivered,
            refused=self.figures.refused,
            failing_since=self.figures.failing_since or time.monotonic(),
            refused_at=self.figures.refused_at,
            last_error=outcome.reason,
        )
        return wait
