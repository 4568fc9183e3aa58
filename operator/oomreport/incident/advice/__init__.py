"""Findings and the recommended limit.

Modules:

    case               The last kill of a report with everything that bears on it
    diagnosis          The findings on the last kill: small rules in order
    findings_filling   What filled the memory, and how it grew
    findings_limit     Whose limit it was, who reached it, and who died for it
    findings_settings  Settings that contradict each other or explain the kernel's choice
    findings_witness   What the witnesses of a kill are worth
    kept_advice        The recommendation as a report keeps it
    leaks              The experiment that tells a leak from a demand that ends
    raising            A higher limit: from which kill, by which step, within which bounds
    recommendation     The right knob, and its number
    sizing             The sums behind a recommended limit, each with its words
    trim               The lower limit, where a container was given more than it needs
"""
