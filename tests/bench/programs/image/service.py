"""A cache that grows with what is asked for, and stops at its bound; or a list that never stops.

service.py cache MIB SECONDS
service.py leak MIB_A_MINUTE
"""

import random
import sys
import time
from collections import OrderedDict

MIB = 1024 * 1024
PIECE = 16 * 1024


def cache(most: float, seconds: float) -> None:
    """Answers by key, the least recently asked for goes when the bound is reached."""
    random.seed(1)
    known: OrderedDict[int, bytes] = OrderedDict()
    entries = int(most * MIB / PIECE)
    asked = 0
    begin = time.monotonic()
    while True:
        while asked < (time.monotonic() - begin) / seconds * entries:
            asked += 1
            key = random.randrange(20 * entries)
            known[key] = known.pop(key, None) or bytes(str(key), "ascii") * (PIECE // len(str(key)))
            if len(known) > entries:
                known.popitem(last=False)
        time.sleep(0.2)


def leak(per_minute: float) -> None:
    """Something is kept of each request, and nothing is ever given back."""
    kept = []
    begin = time.monotonic()
    while True:
        while len(kept) * PIECE < (time.monotonic() - begin) / 60 * per_minute * MIB:
            kept.append(b"x" * PIECE)
        time.sleep(0.2)


if sys.argv[1] == "leak":
    leak(float(sys.argv[2]))
else:
    cache(float(sys.argv[2]), float(sys.argv[3]))
