"""One program from its need to the limit at which it is quiet."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from bench.programs.catalogue import Program
from bench.programs.manifests import limit_of, of_program, written
from bench.programs.memory import Memory
from bench.programs.world import KILLED, World
from e2e.kube import Object, kubectl
from e2e.workloads import MIB
from oomreport.times import parse_time

# A first limit that is too low by as much as people set them (docs/advice.md).
SHARE = 0.6
# No kill for so long is quiet: what fills does so in less than half of it.
QUIET_SECONDS = 100.0
MOST_KILLS = 6
# Where a program that sizes itself may have its need, in steps, and for how long it must live there.
_RUNGS = range(48, 449, 16)
_LIVES_SECONDS = 40.0


class Phase(StrEnum):
    """What is done with a program."""

    NEED = "need"
    CLEAR = "clear"
    RUN = "run"
    DONE = "done"


@dataclass(slots=True)
class Trial:
    """The state of one program's trial. Sizes are MiB; `limits` are those that it ran with, in order.

    `forecast` is the first one that was seen of a leak: when, and for when. `forecast_error` is how much later than
    the kill that was, as a share of the time that was left.
    """

    program: Program
    folder: Path
    namespace: str
    memory: Memory
    forecasting: bool = False
    phase: Phase = Phase.NEED
    need: int = 0
    limits: list[int] = field(default_factory=list)
    kills: int = 0
    ring_kills: int = 0
    named_at: int | None = None
    raises_before_name: int = 0
    forecast: tuple[datetime, datetime] | None = None
    forecast_kill: int | None = None
    forecast_error: float | None = None
    exits: dict[str, int] = field(default_factory=dict)
    outcome: str = "not finished"
    story: list[str] = field(default_factory=list)
    _since: float = 0.0
    _container: str | None = None
    _low: int = 0
    _high: int = len(_RUNGS) - 1

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.json"

    @property
    def measured_as(self) -> str:
        """The Deployment that its need is measured with: each has a report of its own, if any."""
        return f"{self.name}-need-{(self._low + self._high) // 2}"

    def start(self) -> None:
        """Begin with the need, which a leak has none of."""
        if self.program.leaks:
            self._run(self.program.first or 0)
        else:
            self._measure()

    def look(self, world: World) -> bool:
        """Look at what became of it; return whether there is a recommendation to apply."""
        match self.phase:
            case Phase.NEED:
                self._look_at_need(world)
            case Phase.CLEAR:
                if world.gone(self.measured_as):
                    self._run(max(16, round(self.need * SHARE)))
            case Phase.RUN:
                return self._look_at_run(world)
        return False

    def applied(self) -> None:
        """Deploy what `oomreport apply` wrote into the manifest, if it did."""
        limit = limit_of(self.file)
        if self.phase is Phase.RUN and limit != self.limits[-1]:
            kubectl("apply", "-f", str(self.file))
            self.limits.append(limit)
            self._note(f"{limit}Mi")

    def end(self, outcome: str) -> None:
        """End the trial, and its pods."""
        self.phase, self.outcome = Phase.DONE, outcome
        for name in (self.name, self.measured_as):
            kubectl("delete", "deployment", name, "-n", self.namespace, "--ignore-not-found", "--wait=false")

    def _measure(self) -> None:
        limit = _RUNGS[(self._low + self._high) // 2] if self.program.sizes_itself else None
        made = of_program(self.program, self.namespace, name=self.measured_as, limit_mib=limit)
        written(made, self.folder / "need" / f"{self.name}.json")
        kubectl("apply", "-f", str(self.folder / "need" / f"{self.name}.json"))
        self._container = None

    def _look_at_need(self, world: World) -> None:
        running = world.running(self.measured_as)
        if self.program.sizes_itself:
            self._look_at_rung(world, running)
        elif running is not None:
            self.memory.watch(running)
            if self._lasted(running, self.program.settles):
                self.need = -(-self.memory.peak(running) // MIB)
                self.story.append(f"{self.memory.counted(running) // MIB}Mi with page cache")
                self._clear()

    def _look_at_rung(self, world: World, running: str | None) -> None:
        """Halve what is between a limit at which it died and one at which it lives."""
        middle = (self._low + self._high) // 2
        died = bool(world.ends(self.measured_as))
        if not died and not (running is not None and self._lasted(running, _LIVES_SECONDS)):
            return
        kubectl("delete", "deployment", self.measured_as, "-n", self.namespace, "--wait=false")
        self._low, self._high = (middle + 1, self._high) if died else (self._low, middle)
        if self._low < self._high:
            self._measure()
        else:
            self.need, self.phase = _RUNGS[self._high], Phase.CLEAR

    def _clear(self) -> None:
        kubectl("delete", "deployment", self.measured_as, "-n", self.namespace, "--wait=false")
        self.phase = Phase.CLEAR

    def _run(self, limit: int) -> None:
        written(of_program(self.program, self.namespace, name=self.name, limit_mib=limit), self.file)
        kubectl("apply", "-f", str(self.file))
        self.phase, self._container = Phase.RUN, None
        self.limits.append(limit)
        self._note(f"{limit}Mi")

    def _look_at_run(self, world: World) -> bool:
        status, running = world.report(self.name), world.running(self.name)
        self.exits |= {one: code for one, code in world.ends(self.name).items() if code != KILLED}
        self.ring_kills = world.kills(self.name)
        if status.get("kills", 0) > self.kills:
            self.kills = status["kills"]
            self._since = time.monotonic()
        advice = status.get("recommendation", {})
        action = advice.get("action")
        if self.kills and f"{self.kills}:{action}" not in self.story:
            self._note(f"{self.kills}:{action}")
        if action == "FixLeak" and self.named_at is None:
            self.named_at, self.raises_before_name = self.kills, len(self.limits) - 1
        self._look_at_forecast(status)
        if (
            self.program.leaks
            and self.named_at is not None
            and (self.forecast_error is not None or not self.forecasting)
        ):
            self.end("named")
        elif self.kills >= MOST_KILLS:
            self.end("killed on")
        elif (
            not self.program.leaks
            and running is not None
            and self._lasted(running, max(QUIET_SECONDS, self.program.settles))
        ):
            self.end("quiet" if not self.exits else "quiet, ended by itself before")
        return self.phase is Phase.RUN and "memoryLimit" in advice and advice["previousLimit"] == f"{self.limits[-1]}Mi"

    def _look_at_forecast(self, status: Object) -> None:
        killed = parse_time(status.get("lastKill", {}).get("time"))
        if self.forecast is None:
            full = parse_time(status.get("forecast", {}).get("fullAt"))
            now = datetime.now(UTC)
            if full is not None and self.program.leaks:
                self.forecast, self.forecast_kill = (now, full), self.kills + 1
                self._note(f"forecast: full in {(full - now).total_seconds():.0f} s")
        elif self.forecast_error is None and killed is not None and killed > self.forecast[0]:
            seen, full = self.forecast
            self.forecast_error = (full - killed).total_seconds() / (killed - seen).total_seconds()
            self._note(f"forecast {self.forecast_error:+.0%}")

    def _lasted(self, running: str, seconds: float) -> bool:
        if running != self._container:
            self._container, self._since = running, time.monotonic()
        return time.monotonic() - self._since >= seconds

    def _note(self, what: str) -> None:
        self.story.append(what)
        print(f"{time.strftime('%H:%M:%S')} {self.name}: {what}", flush=True)
