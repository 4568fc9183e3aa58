"""The kernel's words and Kubernetes' words joined: what happened to whom, why, and what to change. Pure.

oom_record      an invocation of the OOM killer as the OOMRecord that the API stores and the CLI prints
evidence        everything known about one report, gathered before deciding
correlation     kernel records and pod status joined: each kill once, with a verdict
cause           whose limit it was, in words that a person acts on
recommendation  the right knob, and its number
report          the status of an OOMReport
condition       conditions, each defined as a list of facts
"""
