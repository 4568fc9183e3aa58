"""Everything that may fail, once each, while five hundred processes die: none is lost, none counted twice.

OOMREPORT_SOAK_SEED repeats what was drawn.
"""

import os
import random
from collections.abc import Callable

from soak.plan import API_FAULTS, NODE_FAULTS, drawn
from soak.run import soak

# Faults strike processes of this machine.
NODES = ("native",)
KILLS, AWAY_SECONDS = 500, 30


def test_no_kill_is_lost_or_counted_twice_whatever_fails(
    namespace: str, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("OOMREPORT_SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    found = soak(namespace, drawn(seed=seed, kills=KILLS, away=AWAY_SECONDS), print)
    record_property("soak", found.as_json())
    assert found.faults.keys() >= {*NODE_FAULTS, *API_FAULTS}
    assert found.account.kills >= KILLS
    assert (found.account.lost, found.account.doubled, found.twice) == (0, 0, []), found.as_json()
