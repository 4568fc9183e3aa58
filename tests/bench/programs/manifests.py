"""A program as a Deployment, in a file that `oomreport apply` edits."""

import json
from pathlib import Path

from bench.programs.catalogue import Program
from bench.programs.image import IMAGE
from e2e.kube import Object
from e2e.workloads import MIB, deployment, pod_spec
from oomreport.workload.quantity import parse_quantity

CONTAINER = "main"
_REQUEST = "32Mi"


def of_program(program: Program, namespace: str, *, name: str, limit_mib: int | None) -> Object:
    """Return the Deployment; without a limit where its need is measured."""
    resources: Object = {"requests": {"memory": _REQUEST}}
    if limit_mib is not None:
        resources["limits"] = {"memory": f"{limit_mib}Mi"}
    main = _container(CONTAINER, program.command, env=[{"name": key, "value": value} for key, value in program.env])
    main["resources"] = resources
    load = [_container("load", program.load)] if program.load else []
    made = deployment(name, namespace, pod_spec(main, *load))
    # Two instances at a time would take twice the memory of the machine, and of the two processors.
    made["spec"]["strategy"] = {"type": "Recreate"}
    return made


def _container(name: str, command: tuple[str, ...], **more: object) -> Object:
    return {"name": name, "image": IMAGE, "imagePullPolicy": "Never", "command": list(command), **more}


def written(manifest: Object, file: Path) -> None:
    """Write a manifest."""
    file.write_text(json.dumps(manifest, indent=2) + "\n")


def limit_of(file: Path) -> int:
    """Return the limit that a manifest sets, in MiB."""
    first = json.loads(file.read_text())["spec"]["template"]["spec"]["containers"][0]
    return (parse_quantity(first["resources"]["limits"]["memory"]) or 0) // MIB
