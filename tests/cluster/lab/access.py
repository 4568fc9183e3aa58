"""Running commands where the cluster's API can be reached."""

import os
import subprocess
from pathlib import Path

from .errors import ClusterError
from .namespaces import ADDRESS, SERVICE_NETWORK, enter
from .places import REPOSITORY, search_path
from .processes import alive
from .state import State

DIRECT = ("127.0.0.1", "localhost", ADDRESS, SERVICE_NETWORK)


def environment(state: State) -> dict[str, str]:
    """The caller's environment with the cluster in it: KUBECONFIG, kubectl on PATH, no proxy on the way."""
    direct = ",".join([*filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy")]), *DIRECT])
    return {
        **os.environ,
        "KUBECONFIG": state.kubeconfig,
        # Each cluster has the same address; what kubectl learned of one must not be believed of the next.
        "KUBECACHEDIR": str(state.folder / "kubectl-cache"),
        "PATH": search_path([Path(folder) for folder in state.path]),
        "OOMREPORT_CLUSTER": state.name,
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def inside(state: State, command: list[str]) -> list[str]:
    """The command line that runs `command` in the cluster's namespaces (where it has any), in the current folder."""
    if state.provider != "native":
        return command
    if state.holder is None or not alive(state.holder):
        raise ClusterError(
            f"cluster {state.name} is not running (its namespaces are gone); run: cluster up --name {state.name}"
        )
    return [*enter(state.holder.pid), "env", f"--chdir={Path.cwd()}", *command]


def replace_by(state: State, command: list[str]) -> int:
    """Become the command; returns only when it cannot be started."""
    line = inside(state, command)
    values = environment(state)
    try:
        os.execvpe(line[0], line, values)
    except OSError as error:
        raise ClusterError(f"cannot run {line[0]}: {error.strerror}") from error


def run(
    state: State, command: list[str], *, text: str | None = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, its output captured. The caller looks at the status."""
    return subprocess.run(
        inside(state, command),
        env=environment(state),
        cwd=REPOSITORY,
        input=text,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def kubectl(state: State, *arguments: str, text: str | None = None) -> str:
    """What kubectl prints; raises ClusterError with what it complains about."""
    answer = run(state, ["kubectl", *arguments], text=text)
    if answer.returncode != 0:
        raise ClusterError(f"kubectl {' '.join(arguments)}: {answer.stderr.strip() or answer.stdout.strip()}")
    return answer.stdout
