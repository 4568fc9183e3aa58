"""Findings and the recommended limit.

Modules:

    case               The last kill of a report with all that bears on why it came and what to change
    diagnosis          What a person should know about the last kill: small rules in one ordered tuple, each named by
                       the fact it finds
    findings_filling   What filled the memory, and how it grew
    findings_limit     Whose limit it was, who reached it, and who died for it
    findings_settings  Settings that contradict each other or explain the kernel's choice
    findings_witness   What the witnesses of a kill are worth
    kept_advice        The recommendation as a report keeps it: made at a kill, and made anew when what bounds it has
                       changed
    leaks              Tell memory that is never given back from demands that end, by experiment
    raising            A higher limit: from which kill, by which step, within which bounds
    recommendation     The right knob, and its number
    sizing             The sums behind a recommended limit, each with its words
    trim               The lower limit, where a container was given more than it needs
"""
