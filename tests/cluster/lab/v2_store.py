"""Images in the guest's containerd before it ever starts: unpacked by this machine's, which takes seconds.

An emulated processor takes two minutes for the product's image. Its large layers change seldom, so they are on the
disk's image under a name that no pod asks for; the image itself comes with its small layers when it is loaded.
"""

import json
import shlex
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from .errors import ClusterError
from .processes import tail

LARGE = 16 << 20
LAYERS = "localhost/oomreport/layers:dev"
CONFIGURATION = """\
version = 3
root = '{root}'
state = '{state}'
disabled_plugins = ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images', 'io.containerd.cri.v1.runtime']

[grpc]
  address = '{state}/socket'

[ttrpc]
  address = '{state}/socket.ttrpc'

[plugins.'io.containerd.internal.v1.opt']
  path = '{state}/opt'

[plugins.'io.containerd.nri.v1.nri']
  disable = true
"""


def large_layers(archive: Path) -> tuple[str, ...]:
    """What names the large layers of the image in a Docker archive: their paths in it, which hold their digests."""
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        layers: list[str] = json.load(manifest)[0]["Layers"]
        return tuple(layer for layer in layers if tar.getmember(layer).size >= LARGE)


def fill(root: Path, scratch: Path, *, programs: Path, archives: Sequence[Path], layers: Path | None) -> None:
    """Make `root` a containerd's folder with the images of `archives`, and that of `layers` under another name."""
    state = scratch / "containerd"
    state.mkdir()
    configuration, log = scratch / "containerd.toml", scratch / "containerd.log"
    configuration.write_text(CONFIGURATION.format(root=root, state=state))
    ctr = f"{programs}/ctr --address {state}/socket --namespace k8s.io"
    lines = [
        f"{programs}/containerd --config {configuration} >{log} 2>&1 & daemon=$!",
        "trap 'kill $daemon; wait $daemon || true' EXIT",
        f"tries=0; until {ctr} version >/dev/null 2>&1 || [ $tries = 100 ]; do sleep 0.1; tries=$((tries + 1)); done",
        *(f"{ctr} images import --snapshotter overlayfs {shlex.quote(str(archive))}" for archive in archives),
    ]
    if layers is not None:
        lines += [
            f"before=$({ctr} images ls -q)",
            f"{ctr} images import --snapshotter overlayfs {shlex.quote(str(layers))}",
            f'name=$({ctr} images ls -q | grep -vxF "$before")',
            f'{ctr} images tag "$name" {LAYERS} && {ctr} images rm "$name"',
        ]
    # containerd mounts what it unpacks into; nobody else should see that.
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", "\n".join(lines)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ClusterError(f"images cannot be unpacked for the guest: {answer.stderr.strip()}\n{tail(log)}")
