"""The status of an OOMReport: conditions, review, notices.

Modules:

    condition           Conditions of a report, each defined as a list of facts
    decision            The status of an OOMReport: what it becomes by new evidence
    notice              The notice of a kill on its pod: annotations and Event
    review              What people reviewed, and whether it is still what is recommended
    rollout_conditions  Whether a recommendation reached the workload's pods, and whether it holds there
    status              The status of an OOMReport as a value
"""
