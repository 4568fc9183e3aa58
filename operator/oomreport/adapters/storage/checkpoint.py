"""The state that the agent keeps over a restart.

It is one file that is replaced as a whole. A position in the kernel log has a meaning within one boot only, and so have
counters: a checkpoint of another boot is void. Position and counters stand in one file because they change together: a
record that is read again after a crash finds the counters as they were before it was counted.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from oomreport.adapters.node.log_source import LogPosition
from oomreport.adapters.storage.files import write_whole

_VERSION = 1
_NAMES = ("pod_uid", "namespace", "pod", "container")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTally:
    """The kills that a cgroup's counter showed, and how many of them are in records.

    The names are those of its container, None where nobody knew them: its files may be gone by the next start.
    """

    kills: int
    explained: int
    pod_uid: str | None = None
    namespace: str | None = None
    pod: str | None = None
    container: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of one boot. `tallies` are by container ID, those without kills left out.

    `told` is how many of the machine's kills were accounted for, None where it does not count them. `owed` are further
    ones that counters told while the log could not be read. `journal` is the number of the journal of what was told
    afterwards.
    """

    boot_id: str
    position: LogPosition
    told: int | None = None
    owed: int = 0
    journal: int = 0
    tallies: Mapping[str, StoredTally] = field(default_factory=dict)


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Return what was kept, or None where there is no file. Raises ValueError where it is damaged, OSError."""
    try:
        data: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except RecursionError as error:
        message = "not a checkpoint: too deep"
        raise ValueError(message) from error
    try:
        if data["version"] != _VERSION:
            message = f"version {data['version']} is not {_VERSION}"
            raise ValueError(message)
        return Checkpoint(
            boot_id=str(data["bootID"]),
            position=LogPosition(
                sequence=_number(data, "sequence"),
                stamp_us=_number(data, "stampMicroseconds"),
                tail=base64.b64decode(data.get("tail", "")),
            ),
            told=_number(data, "told"),
            owed=_number(data, "owed") or 0,
            journal=_number(data, "journal") or 0,
            tallies={
                key: StoredTally(
                    kills=_number(tally, "kills") or 0,
                    explained=_number(tally, "explained") or 0,
                    **{name: _text(tally, name) for name in _NAMES},
                )
                for key, tally in data.get("tallies", {}).items()
            },
        )
    except (KeyError, TypeError, AttributeError) as error:
        message = f"not a checkpoint: {error!r}"
        raise ValueError(message) from error


def _number(data: Mapping[str, Any], key: str) -> int | None:
    value = data.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    message = f"{key} is no number: {value!r}"
    raise TypeError(message)


def _text(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is None or isinstance(value, str):
        return value
    message = f"{key} is no text: {value!r}"
    raise TypeError(message)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace what was kept. Raises OSError."""
    data = {
        "version": _VERSION,
        "bootID": checkpoint.boot_id,
        "sequence": checkpoint.position.sequence,
        "stampMicroseconds": checkpoint.position.stamp_us,
        "tail": base64.b64encode(checkpoint.position.tail).decode("ascii"),
        "told": checkpoint.told,
        "owed": checkpoint.owed,
        "journal": checkpoint.journal,
        "tallies": {key: asdict(tally) for key, tally in checkpoint.tallies.items()},
    }
    write_whole(path, json.dumps(data).encode())
