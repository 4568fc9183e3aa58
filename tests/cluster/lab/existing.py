"""A cluster somebody else runs: the kubeconfig's current context when `up --provider existing` was called."""

import os
from pathlib import Path

from .access import kubectl, run
from .binaries import binaries, go_missing
from .errors import ClusterError
from .places import which
from .product import remove
from .say import say
from .state import State


class Existing:
    """The provider that only borrows."""

    def missing(self) -> list[str]:
        """kubectl, or Go to compile it."""
        if which("kubectl") is None and (problem := go_missing()):
            return [f"kubectl is not installed, and cannot be compiled: {problem}"]
        return []

    def up(self, state: State) -> None:
        """Keep the kubeconfig of this moment, so that a later change of context does not lead elsewhere."""
        state.path = [] if which("kubectl") else [str(binaries("kubernetes", "kubectl"))]
        if not state.ready:
            state.kubeconfig = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
            answer = run(state, ["kubectl", "config", "view", "--minify", "--flatten"])
            if answer.returncode != 0:
                raise ClusterError(f"the kubeconfig has no current context: {answer.stderr.strip()}")
            state.folder.mkdir(parents=True, exist_ok=True)
            copy = state.folder / "kubeconfig"
            copy.touch(mode=0o600)
            copy.write_text(answer.stdout)
            state.kubeconfig = str(copy)
            state.facts = {"context": run(state, ["kubectl", "config", "current-context"]).stdout.strip()}
            state.save()
        kubectl(state, "get", "--raw", "/readyz")
        say(f"using context {state.facts['context']}")
        state.ready = True
        state.save()

    def lost(self, state: State) -> bool:
        """Never: there is nothing to make anew."""
        return False

    def down(self, state: State) -> None:
        """Remove what was deployed; the cluster itself stays."""
        if state.deployed:
            remove(state)

    def load(self, state: State, archive: Path) -> None:
        """Not possible from outside."""
        raise ClusterError(
            f"cannot load {archive.name} into the nodes of an existing cluster; push the image to its registry and deploy with --image"
        )

    def problems(self, state: State) -> list[str]:
        """Nodes that are not Ready."""
        lines = kubectl(state, "get", "nodes", "--no-headers").splitlines()
        return [
            f"node {line.split()[0]} is {line.split()[1]}" for line in lines if not line.split()[1].startswith("Ready")
        ]

    def logs(self, state: State) -> dict[str, Path]:
        """None that can be reached from here."""
        return {}

    def build(self, state: State, name: str, key: str) -> Path | None:
        """Not possible: the nodes pull."""
        raise ClusterError(
            "an existing cluster pulls its images: push the image to its registry, then: cluster deploy --image REGISTRY/NAME:TAG"
        )
