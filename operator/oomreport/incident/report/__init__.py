"""The status of an OOMReport: conditions, review, notices.

Modules:

    condition           Conditions of a report, each defined as a list of facts. A condition's time moves only when its
                        status does
    decision            The status of an OOMReport: what it becomes by new evidence
    notice              What the pod itself is told of a kill: its annotations and an Event of events.k8s.io/v1
    review              What people reviewed, and whether it is still what is recommended
    rollout_conditions  Whether a recommendation reached the workload's pods, and whether it holds there
    status              The status of an OOMReport as a value
"""
