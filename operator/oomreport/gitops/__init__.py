"""A recommendation as a change of the manifests that a cluster is made from. Pure: no I/O, no Git.

advice     what a report asks for
yaml_text  YAML with the place of every scalar in its text
files      what the editing asks of a checkout
splice     one scalar of a text replaced, and nothing else
lookup     the way to a value, and what bars it: aliases, merge keys, templates
manifest   the workloads in YAML documents
kustomize  what kustomizations make of them, and the patches that set a value
patch      a patch of a kustomization, and the value that it sets
overlay    a new patch in a kustomization
values     values files of Helm charts, by .oomreport.yaml or an annotation
marker     lines marked with {"$oomreport": ...}
site       where a workload's memory is written
decision   what is to be done with a recommendation, and why not
plan       the edits of a checkout, and what became of each recommendation
"""
