"""Commands in the guest, by SSH from the cluster's network: streams and exit codes are passed through."""

import os
import shlex
import subprocess
import sys

from . import namespaces
from .errors import ClusterError
from .places import search_path
from .state import State
from .v2_files import ADDRESS
from .v2_guest import channel, folder, running

# A unix socket's path has room for 107 bytes, and ssh appends 17 while it makes one.
CHANNEL_LIMIT = 90
OPTIONS = {
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": "/dev/null",
    "LogLevel": "ERROR",
    "BatchMode": "yes",
    "ConnectTimeout": "10",
    "ServerAliveInterval": "10",
    # What a new client prefers guards against quantum computers, and costs the guest's processor more.
    "KexAlgorithms": "curve25519-sha256",
}


def shell(state: State, command: list[str], *, terminal: bool = False) -> list[str]:
    """The command line that runs `command` in the guest, as root."""
    if state.holder is None or not running(state):
        raise ClusterError("the cgroup v2 worker does not run; start it: cluster up --v2-worker")
    return [*namespaces.enter(state.holder.pid), *_ssh(state), *(["-t"] if terminal else []), "--", shlex.join(command)]


def replace_by(state: State, command: list[str]) -> int:
    """Become the command in the guest; returns only when it cannot be started."""
    line = shell(state, command, terminal=sys.stdin.isatty() and sys.stdout.isatty())
    try:
        os.execvp(line[0], line)
    except OSError as error:
        raise ClusterError(f"cannot run {line[0]}: {error.strerror}") from error


def output(state: State, command: list[str], *, text: str = "", patience: float = 120) -> str:
    """What the command prints; raises ClusterError when it fails, or is not done after `patience` seconds."""
    line = shell(state, command)
    try:
        answer = subprocess.run(line, input=text, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{' '.join(command)} in the guest is not done after {patience:.0f} s") from error
    if answer.returncode != 0:
        raise ClusterError(f"{' '.join(command)} in the guest failed: {answer.stderr.strip()}")
    return answer.stdout


def _ssh(state: State) -> list[str]:
    settings = [f"-o{key}={value}" for key, value in OPTIONS.items()]
    files = ["-F", "none", "-i", str(folder(state) / "key"), "-S", str(channel(state))]
    return ["ssh", *files, *settings, f"root@{ADDRESS}"]


def authorized_key(state: State) -> str:
    """The public half of the key that opens the guest, made where it is not there."""
    key = folder(state) / "key"
    if not key.exists():
        key.parent.mkdir(exist_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "cluster", "-f", str(key)]
        subprocess.run(command, check=True)
    return key.with_suffix(".pub").read_text()


def open_channel(state: State) -> None:
    """Keep one connection open, for the others to use: a handshake costs an emulated processor half a second.

    It ends by itself when the guest has been silent for half a minute, and with the cluster.
    """
    if len(str(channel(state))) <= CHANNEL_LIMIT:
        environment = {"PATH": search_path([]), "HOME": os.environ.get("HOME", "/")}
        namespaces.start(state, "v2-ssh", [*_ssh(state), "-M", "-N"], environment)
