"""The custom resources as pydantic models, and their CRDs.

resource     what every model shares: names in camelCase, times, quantities, lists, what `kubectl get` prints
kill         victim, trigger, memory, tasks and usage: the same in a record and in a report
oom_record   OOMRecord: one invocation of the kernel's OOM killer on one node
oom_report   OOMReport: one container of one workload that gets OOM-killed
crd          `python -m oomreport.api.crd` writes crds/*.yaml, with --check it compares

Every field's docstring is its description in the CRD, so it is what `kubectl explain` prints.
"""
