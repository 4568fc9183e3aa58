"""One OOM incident: the kernel's and Kubernetes' witnesses joined. Pure.

What happened to whom, why, and what to change.

oom_record      an invocation of the OOM killer as the OOMRecord that the API stores and the CLI prints
evidence        everything known about one report, gathered before deciding
attribution     the containers of kills that the log leaves anonymous, by what the node knows
matching        and by what pod status shows
correlation     kernel records and pod status joined: each kill once, with a verdict
ledger          what was counted, so that nothing is counted twice
cause           whose limit it was, in words that a person acts on
diagnosis       what a person should know about the last kill, in small rules
usage           a container's memory before its kill, as it was read from the cgroup
flight_recorder a container's memory on its way to a kill, in little room
trajectory      the shape of that way
history         earlier kills of the report
policy          how to recommend, and what holds without an OOMPolicy
usage_since     what the running containers held since the last change
surroundings    the bounds that the cluster sets
case            the last kill with all of that
leaks           memory that is never given back, told from demands that end
diagnosis       the rules, in order; findings_* hold them
sizing          the sums behind a limit
raising         a higher limit, within its bounds
trim            the lower limit, where too much was given
recommendation  the right knob, and its number
advice          the recommendation as the report keeps it, and when it is made anew
review          what people reviewed, and whether it is still what is recommended
fix             whether a recommendation reached the pods, and whether it holds there
report          the status of an OOMReport
condition       conditions, each defined as a list of facts
notice          what the pod itself is told: annotations and an Event

Modules:

    api_json    Values of the core as the API's JSON, and back
    kill        One OOM kill: victim, limit, cause and verdict
    oom_record  The spec of an OOMRecord as a value
    advice/     Findings and the recommended limit
    memory/     A container's memory on its way to a kill
    report/     The status of an OOMReport: conditions, review, notices
    witness/    Who saw a kill: kernel record, counter and pod status joined
"""
