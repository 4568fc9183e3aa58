"""A headless browser that shows a page and measures its elements."""

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no Chromium on this machine (Debian: apt-get install chromium)"
# Nothing of these is part of a page: a browser that starts looks for updates and for its maker's services.
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--allow-file-access-from-files",
)  # fmt: skip
# blink::mojom::PreferredColorScheme
_SCHEMES = {"dark": 0, "light": 1}
_HEIGHT = 900
_MOST_SECONDS = 120
# A window is never narrower than 500 pixels, a frame is.
_FRAME = (
    '<!doctype html><pre id="measured"></pre><iframe src="{page}" width="{width}" height="{height}" style="border:0"></iframe>'
    "<script>onmessage = told => document.getElementById('measured').textContent = told.data</script>"
)
_MEASURE = """<script>
const looked = [...document.querySelectorAll('SELECTOR')];
const luminous = colour => colour.match(/[\\d.]+/g).map(Number);
parent.postMessage(JSON.stringify({
  width: innerWidth,
  overflow: document.documentElement.scrollWidth - innerWidth,
  dark: matchMedia('(prefers-color-scheme: dark)').matches,
  loaded: performance.getEntriesByType('resource').map(one => one.name),
  ground: luminous(getComputedStyle(document.body).backgroundColor),
  elements: looked.map(one => {
    const box = one.getBoundingClientRect(), style = getComputedStyle(one);
    let behind = one;
    while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
    return {
      name: one.tagName.toLowerCase() + (one.className && one.className.baseVal === undefined ? '.' + one.className : ''),
      text: one.textContent.slice(0, 80), left: box.left, right: box.right, width: box.width, height: box.height,
      colour: luminous(style.color), behind: luminous(getComputedStyle(behind || document.body).backgroundColor),
      shown: one.checkVisibility(), scrolls: style.overflowX === 'auto',
    };
  }),
}), '*');
</script>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element as the browser lays it out, in pixels; colours are red, green, blue."""

    name: str
    text: str
    left: float
    right: float
    width: float
    height: float
    colour: tuple[float, ...]
    behind: tuple[float, ...]
    shown: bool
    scrolls: bool

    @property
    def contrast(self) -> float:
        """The contrast of the text with what is behind it, by WCAG 2: 4.5 is the least for text of any size."""
        light, dark = sorted((_luminance(self.colour), _luminance(self.behind)), reverse=True)
        return (light + 0.05) / (dark + 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A page as the browser shows it. `overflow` is by how many pixels it is wider than the window."""

    width: int
    overflow: float
    dark: bool
    loaded: list[str]
    ground: tuple[float, ...]
    elements: list[Element]

    def named(self, name: str) -> list[Element]:
        """Return the elements of a name, `tag` or `tag.class`."""
        return [one for one in self.elements if one.name == name]


def browser() -> str | None:
    """Return the path of a browser; None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def measured(page: Path, *, width: int, scheme: str, selector: str, picture: Path | None = None) -> Measured:
    """Show a page in a frame of a width, in a colour scheme, and measure the elements that a selector finds.

    With `picture` a screenshot is kept, for people to look at.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy, frame = Path(folder, "page.html"), Path(folder, "frame.html")
        script = _MEASURE.replace("SELECTOR", selector)
        copy.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{script}</body>"), encoding="utf-8")
        frame.write_text(_FRAME.format(page=copy.as_uri(), width=width, height=_HEIGHT), encoding="utf-8")
        dom = _run(folder, "--virtual-time-budget=5000", "--dump-dom", frame.as_uri(), scheme=scheme, width=1400)
        if picture is not None:
            _run(folder, f"--screenshot={picture}", page.as_uri(), scheme=scheme, width=width)
    told = re.search(r'<pre id="measured">(.+?)</pre>', dom, re.DOTALL)
    assert told is not None, dom[:2000]
    found: dict[str, Any] = json.loads(unescape(told.group(1)))
    elements = [
        Element(**{**one, "colour": tuple(one["colour"]), "behind": tuple(one["behind"])})
        for one in found.pop("elements")
    ]
    return Measured(**{**found, "ground": tuple(found["ground"])}, elements=elements)


def _run(folder: str, *arguments: str, scheme: str, width: int) -> str:
    program = browser()
    assert program is not None, MISSING
    command = [program, *_FLAGS, f"--user-data-dir={folder}/profile", f"--window-size={width},{_HEIGHT}",
               f"--blink-settings=preferredColorScheme={_SCHEMES[scheme]}", *arguments]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=_MOST_SECONDS).stdout


def _luminance(colour: tuple[float, ...]) -> float:
    """Return the relative luminance of a colour (WCAG 2)."""
    parts = [part / 255 for part in colour[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
