"""What each verb does, whatever the provider."""

import argparse
import json
from pathlib import Path

from . import access, product, state, v2_worker
from .api_only import ApiOnly
from .archive import names as image_names
from .errors import CannotRunHereError, ClusterError
from .existing import Existing
from .kind import WORKERS, Kind
from .namespaces import remove_mount_points
from .native import Native
from .processes import alive, stop, tail
from .provider import Provider
from .say import say, step
from .state import State
from .workload_images import archive

PROVIDERS: dict[str, Provider] = {"native": Native(), "kind": Kind(), "existing": Existing(), "api": ApiOnly()}
BY_ITSELF = ("native", "kind")
COMPONENTS = ("controller", "agent")
WORKER = {"v2-reboot": v2_worker.reboot, "v2-poweroff": v2_worker.power_off}


def run(name: str, options: argparse.Namespace) -> int:
    """Dispatch; changing verbs hold the cluster's lock."""
    if options.verb == "status":
        return _status(name, as_json=options.json)
    if options.verb == "logs":
        return _logs(state.known(name), options.log, options.tail)
    with state.cluster_lock(name):
        _change(name, options)
    return 0


def _change(name: str, options: argparse.Namespace) -> None:
    match options.verb:
        case "up":
            borrowed = options.provider == "existing"
            provider = "api" if options.api_only and not borrowed else options.provider
            _up(name, provider, api_only=options.api_only, workers=options.workers)
            if options.v2_worker:
                v2_worker.up(state.known(name), memory=options.v2_memory, kubelet=options.v2_kubelet)
        case "v2-reboot" | "v2-poweroff":
            WORKER[options.verb](state.known(name))
        case "down":
            _down(name)
        case "load":
            _load(state.known(name), Path(options.archive))
        case "images":
            _images(state.known(name))
        case "deploy":
            known = state.known(name)
            product.deploy(PROVIDERS[known.provider], known, overlay=options.overlay, image=options.image)
        case "stop":
            _stop(state.known(name), options.daemon)
        case "start":
            known = state.known(name)
            PROVIDERS[known.provider].up(known)


def _choose(provider: str | None) -> str:
    reasons: list[str] = []
    for candidate in [provider] if provider else BY_ITSELF:
        lacks = PROVIDERS[candidate].missing()
        if not lacks:
            return candidate
        reasons.extend(f"  {candidate}: {lack}" for lack in lacks)
    raise CannotRunHereError("no cluster can run on this machine; what is missing:\n" + "\n".join(reasons))


def _up(name: str, provider: str | None, *, api_only: bool, workers: int | None) -> None:
    known = state.load(name)
    if known is not None and provider not in (None, known.provider):
        raise ClusterError(
            f"cluster {name!r} is up with provider {known.provider}; another provider needs another --name, or down first"
        )
    if known is not None and (not known.ready or PROVIDERS[known.provider].lost(known)):
        say(f"cluster {name!r} did not come up or has ended; starting afresh")
        provider = known.provider
        _down(name)
        known = None
    if known is None:
        chosen = _choose(provider)
        say(f"cluster {name!r}, provider {chosen}")
        known = State(name=name, provider=chosen, facts=_wanted(chosen, workers))
    elif not (problems := PROVIDERS[known.provider].problems(known)):
        say(f"cluster {name!r} is up already")
        return
    else:
        say(f"cluster {name!r}: {'; '.join(problems)}")
    PROVIDERS[known.provider].up(known)
    options = "--name api " if api_only and name == "api" else "" if name == "dev" else f"--name {name} "
    say(f"up. Try: tests/cluster/cluster {options}exec -- kubectl get {'namespaces' if api_only else 'pods -A'}")


def _wanted(provider: str, workers: int | None) -> dict[str, str]:
    """What a new cluster is asked to be."""
    if workers is None:
        return {}
    if provider != "kind" or workers < 0:
        raise ClusterError(f"--workers {workers}: a number of nodes for the provider kind, this is {provider}")
    return {WORKERS: str(workers)}


def _down(name: str) -> None:
    known = state.load(name)
    if known is None:
        if not state.folder(name).exists():
            say(f"no cluster {name!r} is up")
            return
        # Nothing was saved, so nothing was started.
        known = State(name=name, provider="none")
    with step(f"Stopping cluster {name!r}"):
        if known.provider in PROVIDERS:
            PROVIDERS[known.provider].down(known)
        known.forget()
        remove_mount_points()


def _load(known: State, file: Path) -> None:
    try:
        names = image_names(file)
    except (OSError, ValueError) as error:
        raise ClusterError(f"cannot load {file}: {str(error).splitlines()[0]}") from error
    PROVIDERS[known.provider].load(known, file.absolute())
    say(f"loaded {' '.join(names)}")


def _images(known: State) -> None:
    for program in ("pause", "hog") if known.provider == "native" else ("hog",):
        _load(known, archive(program))


def _stop(known: State, daemon: str) -> None:
    if daemon not in known.processes:
        raise ClusterError(
            f"cluster {known.name!r} has no daemon {daemon!r}; it has: {' '.join(known.processes) or 'none that can be stopped'}"
        )
    stop([known.processes[daemon]])
    say(f"{daemon} is stopped; `cluster start` brings it back")


def _status(name: str, *, as_json: bool) -> int:
    known = state.load(name) if as_json else state.known(name)
    problems = [f"no cluster {name!r} is up"] if known is None else PROVIDERS[known.provider].problems(known)
    if known is not None and not known.ready:
        problems.append("`up` did not run to its end")
    if as_json:
        print(json.dumps(_facts(name, known, problems), indent=1))
    elif known is not None:
        _print_status(known, problems)
    return 1 if problems else 0


def _facts(name: str, known: State | None, problems: list[str]) -> dict[str, object]:
    facts: dict[str, object] = {"name": name, "up": not problems, "problems": problems}
    if known is not None:
        daemons = {daemon: {"pid": process.pid, "alive": alive(process)} for daemon, process in known.processes.items()}
        facts |= {"provider": known.provider, "kubeconfig": known.kubeconfig, "folder": str(known.folder)}
        facts |= {"deployed": known.deployed, "daemons": daemons, "facts": known.facts}
    return facts


def _print_status(known: State, problems: list[str]) -> None:
    print(f"cluster {known.name}: provider {known.provider}, {'not well' if problems else 'up'}")
    for key, value in {**known.facts, **known.deployed, "kubeconfig": known.kubeconfig}.items():
        print(f"  {key}: {value}")
    for daemon, process in known.processes.items():
        print(f"  {daemon}: {f'pid {process.pid}' if alive(process) else 'ended'}")
    for problem in problems:
        print(f"  PROBLEM {problem}")
    if not problems and known.provider != "api":
        print(access.kubectl(known, "get", "nodes,pods", "--all-namespaces", "-o", "wide"), end="")


def _logs(known: State, log: str | None, lines: int) -> int:
    if log in COMPONENTS:
        print(product.pod_logs(known, log), end="")
        return 0
    files = PROVIDERS[known.provider].logs(known)
    if log is None:
        for name, file in files.items():
            print(f"== {name} ({file})\n{tail(file, lines)}")
        return 0
    if log not in files:
        raise ClusterError(f"no log {log!r}; there are: {' '.join([*files, *COMPONENTS])}")
    print(files[log].read_text(errors="replace"), end="")
    return 0
