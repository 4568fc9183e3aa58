"""The way from records and pods to reports.

Modules:

    announcer     Record marks, pod annotations and Events after a report's write
    anonymous     Records that name no container, matched with terminations that have none
    gathering     The evidence of a report, from caches and the API server
    housekeeping  Rounds that delete old objects and find missed ones
    pod_router    Reports and nodes that a pod's new status concerns
    reconciler    The reconciler of a report: gather evidence, decide, write, hand on
    rollout_pods  The pods that show whether a recommendation is applied
    router        The report of a record
"""
