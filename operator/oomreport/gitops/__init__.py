"""A recommendation as a change of the manifests that a cluster is made from. Pure: no I/O, no Git.

advice     what a report asks for
yaml_text  YAML with the place of every scalar in its text
splice     one scalar of a text replaced, and nothing else
lookup     the way to a value, and what bars it: aliases, merge keys, templates
manifest   the workloads in YAML documents
kustomize  what kustomizations make of them, and the patches that set a value
overlay    a new patch in a kustomization
values     values files of Helm charts, by .oomreport.yaml or an annotation
marker     lines marked with {"$oomreport": ...}
place      where a value is written, or why it cannot be
plan       the edits of a checkout, and what became of each recommendation
"""
