"""oomreport: who was OOM-killed on Kubernetes, why, and which limit to set.

A module imports only from layers before its own: names, times, errors and options; kernel and workload; incident;
hooks; api; adapters and gitops; then the three processes agent, controller and cli, which do not know each other.
kernel, workload, incident, hooks and gitops are pure: no I/O. docs/architecture.md draws the flow and the tree.

Modules:

    errors       Every exception that oomreport raises on purpose
    names        API names that writers and readers share, usable without the models
    options      Option groups and checks that all processes share
    times        Times as the Kubernetes API writes them
    adapters/    Everything that does I/O, one module for each thing outside
    agent/       The agent: one process on each node, from kernel log to OOMRecord
    api/         The custom resources as pydantic models, and their CRDs
    cli/         The command line: kernel logs explained, reports read and acted on
    controller/  The controller: kernel records and pod status become reports
    gitops/      Recommendations as edits of the manifests in a checkout
    hooks/       Hooks: what they are told, when, and what answers mean
    incident/    One OOM incident: the kernel's and Kubernetes' witnesses joined. Pure
    kernel/      The kernel's OOM records, in the kernel's words
    workload/    Containers, pods, owners and quantities, in Kubernetes' words
"""

__version__ = "0.1.0"
