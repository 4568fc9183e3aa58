"""The verbs. Each may be run twice; the second time finds nothing to do and says so.

Exit codes: 0 done, 1 failed, 2 usage, 3 this cannot run on this machine (the message lists why); `exec` passes on the
command's own.
"""

import argparse
import os
import sys

from . import access, state
from .errors import ClusterError

RUNNING_COMMANDS = ("exec", "v2")
EPILOG = """\
A cluster has a name: `dev`, or `api` with --api-only; --name or OOMREPORT_CLUSTER chooses another, so that several run
side by side. Exit codes: 0 done, 1 failed, 2 usage, 3 cannot run on this machine. `exec` passes the command's code on.

  cluster up && cluster deploy && cluster exec -- kubectl get pods -A
  cluster exec -- .venv/bin/pytest tests/e2e       the tests run inside, where kubectl costs no detour
  cluster up --v2-worker && cluster v2 -- dmesg    a second node, with cgroup v2, systemd and another kernel
  cluster up --api-only && cluster --name api exec -- .venv/bin/pytest tests/integration

OOMREPORT_CACHE       binaries and images, kept between clusters (default ~/.cache/oomreport)
OOMREPORT_STATE       what a cluster keeps while it is up (default ~/.local/state/oomreport)
OOMREPORT_KIND_IMAGE  the node image for kind (default: kind's own)
OOMREPORT_BASE_IMAGE  another base for the image, as the Dockerfile's BASE
OOMREPORT_V2_MEMORY   --v2-memory; OOMREPORT_V2_KUBELET --v2-kubelet; OOMREPORT_V2_SUITE another Debian release for it
OOMREPORT_DOCKER_BUILD_ARGS  more words for `docker build`, as --network=host
OOMREPORT_BUILDER     buildah: build the image for kind as for native, where `docker build` finds no base image
"""

UP_HELP = """\
Bring the cluster up. Without --provider: native for root on Linux with Go >= 1.26, else kind where Docker works.
native compiles Kubernetes from source the first time (8 to 15 minutes on two cores) and starts in 10 s afterwards.
--api-only is etcd and kube-apiserver on 127.0.0.1, without root and without a node, for the integration tests."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    plain = argparse.RawDescriptionHelpFormatter
    naming = argparse.ArgumentParser(add_help=False)
    naming.add_argument("--name", default=argparse.SUPPRESS, help="which cluster (see `cluster --help`)")
    top = argparse.ArgumentParser(
        prog="cluster",
        description="A real Kubernetes cluster for the demo and the tests.",
        epilog=EPILOG,
        formatter_class=plain,
    )
    top.add_argument("--name", default=argparse.SUPPRESS, help="which cluster")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str, description: str = "") -> argparse.ArgumentParser:
        return verbs.add_parser(
            name,
            help=text,
            description=description or f"{text[0].upper()}{text[1:]}.",
            parents=[naming],
            formatter_class=plain,
        )

    up = verb("up", "bring the cluster up", UP_HELP)
    up.add_argument(
        "--provider", choices=("native", "kind", "existing"), help="existing: the kubeconfig's current context"
    )
    up.add_argument("--api-only", action="store_true", help="only etcd and kube-apiserver, on free ports of 127.0.0.1")
    up.add_argument(
        "--workers", type=int, metavar="N", help="kind: so many nodes besides the control plane (at first 0)"
    )
    up.add_argument(
        "--v2-worker", action="store_true", help="native: also a virtual machine as a worker with cgroup v2 and systemd"
    )
    up.add_argument("--v2-memory", metavar="MIB", help="its memory (at first 2048, then as before)")
    up.add_argument(
        "--v2-kubelet", metavar="JSON", help="an object laid over its kubelet's configuration (at first {})"
    )
    load = verb("load", "load an OCI or Docker image archive into the nodes' runtime")
    load.add_argument("archive", metavar="FILE.tar")
    verb("images", "build and load the images of the tests (hog); `up` does it too")
    deploy = verb("deploy", "build the product's image if stale, load it, apply the manifests, wait until ready")
    deploy.add_argument(
        "--overlay",
        default="syslog",
        help="a folder of manifests/overlays, or a path with a slash (default %(default)s)",
    )
    deploy.add_argument("--image", help="use this image instead of building one")
    run = verb("exec", "run a command with KUBECONFIG set, inside the cluster's namespaces where it has any")
    run.usage = "cluster exec [-h] [--name NAME] -- CMD..."
    guest = verb("v2", "run a command on the cgroup v2 worker, as root; streams and exit code are passed through")
    guest.usage = "cluster v2 [-h] [--name NAME] -- CMD..."
    verb("v2-reboot", "reboot the cgroup v2 worker; returns when it is Ready again")
    verb("v2-poweroff", "cut the power of the cgroup v2 worker; `up --v2-worker` starts it again")
    logs = verb("logs", "print a log; without NAME the last lines of all")
    logs.add_argument("log", nargs="?", metavar="NAME", help="apiserver, kubelet, containerd ..., or controller, agent")
    logs.add_argument("--tail", type=int, default=10, help="lines of each without NAME (default %(default)s)")
    status = verb("status", "say what runs; exit code 1 when something that should run does not")
    status.add_argument("--json", action="store_true", help="facts for programs")
    stop = verb("stop", "stop one daemon (native, api): apiserver, kubelet ...; `start` brings it back")
    stop.add_argument("daemon", metavar="NAME")
    verb("start", "start the daemons that do not run")
    verb("down", "end the cluster and remove what it made")
    return top


def main(arguments: list[str]) -> int:
    """Run one verb."""
    # The first -- ends our own words; argparse's own handling of it differs between versions of Python.
    ours, command = _split(arguments)
    known = parser()
    options = known.parse_args(ours)
    if (options.verb in RUNNING_COMMANDS) != bool(command):
        takes = "its command" if options.verb in RUNNING_COMMANDS else "nothing"
        known.error(f"{options.verb} takes {takes} after --")
    api_only = getattr(options, "api_only", False)
    name = getattr(options, "name", None) or ("api" if api_only else os.environ.get("OOMREPORT_CLUSTER") or "dev")
    try:
        if options.verb == "exec":
            return access.replace_by(state.known(name), command)
        if options.verb == "v2":
            from . import v2_shell  # noqa: PLC0415 - the same

            return v2_shell.replace_by(state.known(name), command)
        from . import verbs  # noqa: PLC0415 - exec, called hundreds of times by tests, needs none of it

        return verbs.run(name, options)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has gone (`cluster status | head`); the interpreter must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("cluster: interrupted; `cluster down` ends what was started", file=sys.stderr)
        return 130


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]
