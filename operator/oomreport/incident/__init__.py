"""The kernel's words and Kubernetes' words joined: what happened to whom, why, and what to change. Pure.

oom_record      an invocation of the OOM killer as the OOMRecord that the API stores and the CLI prints
evidence        everything known about one report, gathered before deciding
attribution     the containers of kills that the log leaves anonymous, by what the node knows
matching        and by what pod status shows
correlation     kernel records and pod status joined: each kill once, with a verdict
ledger          what was counted, so that nothing is counted twice
cause           whose limit it was, in words that a person acts on
diagnosis       what a person should know about the last kill, in small rules
recommendation  the right knob, and its number
report          the status of an OOMReport
condition       conditions, each defined as a list of facts
notice          what the pod itself is told: annotations and an Event
"""
