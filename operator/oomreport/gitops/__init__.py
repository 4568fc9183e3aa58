"""Recommendations as edits of the manifests in a checkout.

Pure: no I/O, no Git. `plan` is the entry; it asks `decision` for each recommendation, which asks `location` where a
workload's memory is written.

Modules:

    advice     The part of a report that a manifest can answer
    decision   The decision on one recommendation: edit, patch, skip or refuse
    files      The files of a checkout, as the edits need them
    kustomize  The objects that kustomizations build: names, namespaces and patches
    location   The places in a checkout that set a workload's memory
    lookup     Paths to a value in a document, and obstacles to its edit
    manifest   The workloads in YAML documents, and where their memory is set
    marker     Marked lines: a comment names the memory that the line sets
    overlay    A new strategic-merge patch in a kustomization
    patch      Patches of kustomizations, and the memory that they set
    plan       The edits of a checkout, and the outcome of each recommendation
    text_edit  One scalar of a YAML text replaced, every other byte kept
    values     Mappings from a workload's memory to a line of Helm values
    yaml_text  YAML with the place of every scalar in its text
"""
