"""The API server through `kubectl proxy`.

The user's kubectl has the kubeconfig and the credentials. The proxy listens on a Unix socket in a folder that only
this user may enter. A shell waits beside it: when this process ends, in whatever way, its pipe closes, and the shell
ends the proxy and removes the folder.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oomreport.adapters.cluster.http_transport import HttpTransport, UnixConnection
from oomreport.adapters.cluster.transport import JSON, SECONDS, ApiAnswer, unreachable
from oomreport.errors import ApiError

# $0 is the folder, the arguments are kubectl's. A second holder of the output would hide that kubectl has ended.
_BESIDE = '"$@" & child=$!; exec >&-; read -r _; kill "$child" 2>&-; wait "$child"; rm -rf "$0"'


class KubectlProxy:
    """An API server by a `kubectl proxy` that starts with the first request.

    `options` name a context and a kubeconfig, as kubectl takes them.
    """

    def __init__(self, kubectl: str, options: tuple[str, ...]) -> None:
        self._kubectl = kubectl
        self._options = options
        self._started: tuple[subprocess.Popen[bytes], Path] | None = None

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        seconds: float = SECONDS,
    ) -> ApiAnswer:
        """Send a request. Raises ApiError, with status 0, where no answer comes in `seconds`."""
        _, folder = self._started or self._start()
        transport = HttpTransport(lambda: UnixConnection(folder / "socket"))
        answer = transport.send(method, path, body=body, content_type=content_type, seconds=seconds)
        # Where kubectl gets no answer it writes one of its own, as plain text; the API server's are JSON.
        if answer.status >= 500 and not answer.body.lstrip().startswith(b"{"):
            raise unreachable(answer.body.decode("utf-8", "replace").strip() or answer.reason)
        return answer

    def _start(self) -> tuple[subprocess.Popen[bytes], Path]:
        folder = Path(tempfile.mkdtemp(prefix="oomreport-"))
        command = [self._kubectl, "proxy", f"--unix-socket={folder / 'socket'}", *self._options]
        with (folder / "errors").open("wb") as errors:
            # In a session of its own, Ctrl-C reaches this process only, which closes the pipe.
            process = subprocess.Popen(  # noqa: S603 - the user's kubectl
                ["/bin/sh", "-c", _BESIDE, str(folder), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert process.stdout is not None
        # "Starting to serve on ..." comes when the socket is there; nothing comes where kubectl has ended.
        if not process.stdout.readline():
            words = (folder / "errors").read_text("utf-8", "replace").strip()
            process.communicate()
            raise ApiError(f"kubectl proxy: {words.removeprefix('error: ') or 'it ended without a word'}")
        self._started = process, folder
        return self._started


def context_by_kubectl(kubectl: str, options: tuple[str, ...]) -> tuple[str, str]:
    """Return the namespace and the user's name of the context. Raises ApiError where there is no such context."""
    command = [kubectl, "config", "view", "--minify", "--output=json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the user's kubectl
    if done.returncode != 0:
        words = done.stderr.strip().removeprefix("error: ")
        if "current-context" in words:
            words = "there is none, or it has no current context; --context NAME chooses one"
        raise ApiError(f"kubeconfig: {words}")
    contexts = json.loads(done.stdout).get("contexts") or [{}]
    context = contexts[0].get("context") or {}
    return str(context.get("namespace") or "default"), str(context.get("user") or "")


def kubectl_options(context: str | None, kubeconfig: str | None) -> tuple[str, ...]:
    """Return a context and a kubeconfig as kubectl takes them."""
    named = (("--context", context), ("--kubeconfig", kubeconfig))
    return tuple(f"{option}={value}" for option, value in named if value)


def found_kubectl() -> str | None:
    """Return the path of kubectl; None where this machine has none."""
    return shutil.which("kubectl")
