"""The process that evaluates hook filters for the controller.

It reads one JSON object on a line and answers with one:

    {"filter": "event.kills > 3", "event": {..}}    {"fits": true}, {"invalid": "why"} or {"failed": "why"}

Without an event the filter is only compiled. The kernel ends this process where one request takes more processor time
or more memory than it may: nothing inside a process can stop the evaluation of a filter.
"""

import json
import resource
import signal
import sys
from typing import Any

from oomreport.adapters.cel import MOST_FILTERS, Filter, FilterFailed, FilterInvalid

# A filter compares some values: that takes less than a millisecond.
MOST_SECONDS = 0.5
# Address space: Python and the library need 30 MiB of it, an event at most 60 KiB. The controller's limit is 512 MiB.
MOST_BYTES = 192 << 20


def main() -> None:
    """Answer requests until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    compiled: dict[str, Filter] = {}
    Filter("event.kills > 0")  # so that what is loaded at the first filter counts for none
    for line in sys.stdin.buffer:
        # Processor time, so that a slow machine ends no filter that is in order. SIGPROF ends the process.
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        answer = _answer(json.loads(line), compiled)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _answer(request: dict[str, Any], compiled: dict[str, Filter]) -> dict[str, Any]:
    text = request["filter"]
    try:
        if text not in compiled:
            if len(compiled) >= MOST_FILTERS:
                compiled.clear()
            compiled[text] = Filter(text)
        if "event" not in request:
            return {}
        return {"fits": compiled[text].matches(request["event"])}
    except FilterInvalid as error:
        return {"invalid": str(error)}
    except FilterFailed as error:
        return {"failed": str(error)}


if __name__ == "__main__":
    main()
