"""What the Dockerfile leaves out of the image, and the machines that the rest has wheels for."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PACKAGES = {one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
LEFT_OUT = re.findall(r"--prune (\S+)", DOCKERFILE)


def test_controller_agent_and_filters_start_without_what_is_left_out() -> None:
    modules = [name.replace("-", "_") for name in LEFT_OUT]
    assert "kubernetes" in modules
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({modules!r}));"
        "import oomreport.agent.main, oomreport.controller.main, oomreport.controller.wiring, oomreport.cli.main;"
        "from oomreport.adapters.cel import Filter; Filter('event.kills > 1')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_base_is_named_by_digest_and_no_line_names_a_processor() -> None:
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert not re.search(r"amd64|x86_64|arm64|aarch64", re.sub(r"^#.*$", "", DOCKERFILE, flags=re.MULTILINE))


def test_every_package_of_the_image_has_wheels_for_amd64_and_arm64() -> None:
    for name in needed():
        files = [wheel["url"].rpartition("/")[2] for wheel in PACKAGES[name]["wheels"]]
        if any(file.endswith("-none-any.whl") for file in files):
            continue
        for machine in ("x86_64", "aarch64"):
            fits = [file for file in files if "manylinux" in file and machine in file]
            assert any("cp313" in file or "abi3" in file for file in fits), f"{name} has no wheel for {machine}"


def needed() -> set[str]:
    """The packages of the image: what the project needs, without what is left out."""
    found, waiting = set[str](), ["oomreport"]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in LEFT_OUT:
            found.add(name)
            waiting += [
                one["name"] for one in PACKAGES[name].get("dependencies", ()) if "win32" not in one.get("marker", "")
            ]
    return found - {"oomreport"}
