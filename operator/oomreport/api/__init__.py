"""The custom resources as pydantic models, and their CRDs.

The group is oomreport.dev/v1alpha1. Every field's docstring is its description in the CRD, so it is what `kubectl
explain` prints. `python -m oomreport.api.crd` writes crds/*.yaml; with --check it compares.

Modules:

    crd         Write the CustomResourceDefinitions from the models: `python -m oomreport.api.crd [--check] [--out
                crds/]`
    kill        The schema of a kill, shared by OOMRecord and OOMReport
    oom_hook    OOMHook: what is done, and where, when something happens to a report
    oom_policy  OOMPolicy: the rules of advice, retention and annotations
    oom_record  OOMRecord: one invocation of the OOM killer on one node
    oom_report  OOMReport: one container of one workload that gets OOM-killed
    resource    What the models of all custom resources share
"""
