"""The main job, shown: workloads are really OOM-killed, and the reports say who died, why, and what limit to set.

With a cluster (root and Go on Linux, or Docker and kind): a cluster of its own comes up, three workloads are killed by
the kernel, `kubectl get oomreports -A` and one report in full are printed. Without one: bundled real kernel logs are
explained and this machine's own kernel log is looked at.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLUSTER = [sys.executable, str(ROOT / "tests/cluster/cluster")]
CANNOT_RUN_HERE = 3
NAMESPACE = "demo"
WORKLOADS = {("Deployment", "web"): 1, ("Pod", "worker"): 1, ("Job", "import"): 1}


def main() -> int:
    """Show the full job where a cluster can be had, else what can be shown without one."""
    started = time.monotonic()
    for verb in ("up", "deploy"):
        status = subprocess.run([*CLUSTER, verb], check=False).returncode
        if status == CANNOT_RUN_HERE:
            return without_cluster()
        if status:
            return status
    print(f"demo: cluster and oomreport are ready after {time.monotonic() - started:.0f} s", flush=True)
    command = [
        *CLUSTER,
        "exec",
        "--",
        sys.executable,
        "-c",
        "import sys; sys.path.insert(0, 'tests'); import demo; demo.show()",
    ]
    status = subprocess.run(command, check=False, cwd=ROOT).returncode
    print(f"demo: done after {time.monotonic() - started:.0f} s. The cluster stays up; look around:")
    print("  tests/cluster/cluster exec -- kubectl get oomreports -A -o wide")
    print("  tests/cluster/cluster down")
    return status


def show() -> None:
    """Have three workloads killed and print what oomreport says. Runs inside the cluster's namespaces."""
    from e2e.kube import apply, eventually, items, kubectl  # noqa: PLC0415 - known inside the cluster only
    from e2e.workloads import container, deployment, job, pod, pod_spec  # noqa: PLC0415

    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true")
    kubectl("create", "namespace", NAMESPACE)
    eventually("the default service account", lambda: items("serviceaccounts", NAMESPACE))
    print(
        "\ndemo: three workloads of 64Mi ask for 128Mi: a Deployment's PID 1, a Job, and the child of a PID 1 that lives on",
        flush=True,
    )
    apply(
        deployment("web", NAMESPACE, pod_spec(container("self", "128", "2", "5"))),
        job("import", NAMESPACE, pod_spec(container("self", "128", "2", "5"), restart="Never")),
        pod("worker", NAMESPACE, pod_spec(container("child", "128", "1", "2", "5"))),
    )

    def reports() -> bool:
        found = {
            (r["spec"]["workloadRef"]["kind"], r["spec"]["workloadRef"]["name"]): r["status"]["lastKill"]
            for r in items("oomreports", NAMESPACE)
            if r.get("status", {}).get("lastKill")
        }
        silent = found.get(("Pod", "worker"), {}).get("silent", False)
        return set(found) == set(WORKLOADS) and silent and found["Deployment", "web"]["verdict"] == "Confirmed"

    eventually("a settled report of each", reports, seconds=120)
    for arguments in (
        ("get", "pods", "-n", NAMESPACE),
        ("get", "oomreports", "-A"),
        ("get", "oomreport", "-n", NAMESPACE, "-l", "oomreport.dev/workload=web", "-o", "yaml"),
    ):
        print(f"\n$ kubectl {' '.join(arguments)}")
        print(kubectl(*arguments), end="", flush=True)
    print("\n(worker: Running, no restart: nothing in pod status. Its report is the only trace of the kill.)")


def without_cluster() -> int:
    """Explain the bundled logs and look at this machine's kernel log."""
    print("\ndemo: no cluster here (see above). The full one needs Docker with kind, or root and Go >= 1.26 on Linux.")
    oomreport = str(Path(sys.executable).with_name("oomreport"))
    logs = [log for folder in sorted((ROOT / "tests/records").iterdir()) for log in sorted(folder.glob("log*"))][:3]
    failed = 0
    for log in logs:
        print(f"\n$ oomreport explain {log.relative_to(ROOT)}", flush=True)
        failed |= subprocess.run([oomreport, "explain", str(log)], check=False).returncode
    print("\n$ dmesg | oomreport explain -        # this machine's own kernel log", flush=True)
    try:
        own = subprocess.run(["dmesg"], check=False, capture_output=True)
    except OSError as error:
        print(f"demo: {error}")
    else:
        if own.returncode:
            # Where kernel.dmesg_restrict is 1, only root may read it: that is no failure of the demo.
            print(f"demo: {own.stderr.decode(errors='replace').strip()} (try it as root)")
        else:
            failed |= subprocess.run([oomreport, "explain", "-"], input=own.stdout, check=False).returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
