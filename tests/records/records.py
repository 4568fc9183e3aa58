"""The golden records: a folder per log with the log itself, the expected records, and where the log comes from.

`python tests/records/records.py` writes the expected records anew, for a change that was reviewed line by line.
"""

import json
from pathlib import Path
from typing import Any

from oomreport.incident.oom_record import Origin, Source, record_spec, subject_of_invocation
from oomreport.kernel.reading.reader import invocations_of_text
from oomreport.kernel.record import Invocation

HERE = Path(__file__).parent
FOLDERS = sorted(path.parent for path in HERE.glob("*/expected.json"))


def log_of(folder: Path) -> bytes:
    return next(path for path in folder.iterdir() if path.name.startswith("log")).read_bytes()


def specs_of(invocations: list[Invocation]) -> list[dict[str, Any]]:
    specs = [
        record_spec(one, origin=Origin(source=Source.FILE), time=None, subject=subject_of_invocation(one)).as_json()
        for one in invocations
    ]
    for spec in specs:
        spec.pop("log", None)  # it is in the folder already
    return json.loads(json.dumps(specs))  # type: ignore[no-any-return]


def main() -> None:
    for folder in sorted(path for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__"):
        specs = specs_of(list(invocations_of_text(log_of(folder).split(b"\n"))))
        (folder / "expected.json").write_text(json.dumps(specs, indent=1) + "\n")


if __name__ == "__main__":
    main()
