#!/usr/bin/env python3
"""The pictures of the README, made of what the command prints today.

    make pictures      docs/images/explain.svg and docs/images/page.png

The log is one of tests/records, from a real kernel. The reports are those of docs/images/reports.yaml, from a real
cluster: `make demo`, then `oomreport export docs/images/reports.yaml -n demo`. The page needs Chromium.
"""

import html
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs/images"
REPORTS = IMAGES / "reports.yaml"
LOG = "tests/records/kernel-6.1.0-56-cloud-amd64-cgv2-10-pause-neighbour-systemd-guaranteed-crio/log.kmsg"
OOMREPORT = str(Path(sys.executable).with_name("oomreport"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A character of a monospaced font is 0.6 em wide; Chromium's, DejaVu's and Menlo's differ by less than 1 %.
FONT, WIDE, HIGH, EDGE = 14, 8.43, 19, 16
COLOURS = {"1": 'font-weight="bold"', "2": 'fill="#8b949e"', "31": 'fill="#ff7b72"', "35": 'fill="#d2a8ff"'}


def main() -> int:
    """Write both; return 1 where one could not be made."""
    command = [OOMREPORT, "explain", "--colour=always", LOG]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    (IMAGES / "explain.svg").write_text(svg(f"$ oomreport explain kern.log\n{text}"))
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("pictures: no Chromium here: docs/images/page.png stays as it is", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch, "page.html")
        report = [OOMREPORT, "report", "--reports", str(REPORTS), "--html", str(page)]
        subprocess.run(report, check=True)
        # A picture shows one report in full: nobody can open it there.
        page.write_text(page.read_text().replace("<details", "<details open", 1))
        options = (
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--window-size=1060,1620",
            f"--user-data-dir={scratch}/b",
        )
        shot = [browser, *options, f"--screenshot={IMAGES / 'page.png'}", page.as_uri()]
        subprocess.run(shot, check=True, capture_output=True, timeout=120)
    print(*(f"pictures: {file.relative_to(ROOT)}: {file.stat().st_size} bytes" for file in made()), sep="\n")
    return 0


def made() -> list[Path]:
    """Return the files of the pictures."""
    return [IMAGES / "explain.svg", IMAGES / "page.png"]


def svg(text: str) -> str:
    """Return what a terminal shows of a text as a picture."""
    lines = text.rstrip("\n").splitlines()
    columns = max(len(re.sub(r"\x1b\[\d*m", "", line)) for line in lines)
    width, height = round(columns * WIDE + 2 * EDGE), len(lines) * HIGH + 2 * EDGE
    rows = "\n".join(
        f'<text x="{EDGE}" y="{EDGE + HIGH * number + FONT}">{"".join(_spans(line))}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f' font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="{FONT}" fill="#e6edf3"'
        f'>\n<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n{rows}\n</svg>\n'
    )


def _spans(line: str) -> Iterator[str]:
    style = ""
    for part in re.split(r"(\x1b\[\d*m)", line):
        if found := re.fullmatch(r"\x1b\[(\d*)m", part):
            style = COLOURS.get(found[1], "")
        elif part:
            # Browsers join spaces in a picture, whatever it says of them.
            words = html.escape(part, quote=False).replace(" ", "\u00a0")
            yield f"<tspan {style}>{words}</tspan>" if style else words


if __name__ == "__main__":
    sys.exit(main())
