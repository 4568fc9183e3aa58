"""Kernel logs explained, without a cluster.

Modules:

    choice         The kernel's choice in words: who was chosen, why, and who died
    explain        `oomreport explain`: the OOM kills of any kernel log
    explained      A record with everything that is said about it
    filling        What the memory consisted of: the parts of a bar
    groups         Kills of one run, grouped by what was killed and why
    json_text      Compact JSON in ASCII, safe for a terminal
    judgement      The cause and the advice, as far as a log tells
    log_names      Names of pods from other lines of the same log
    other_killers  Other killers than the kernel, and other witnesses, in a log
    page           Explained kills as one HTML page
    pods           Names and limits of pods, from a cluster or a file
    shortage       The shortage of a node's memory, and what filled most of it
    story          The story of an invocation: sentences, and figures for pictures
    text           An explained kill as text for a terminal
    unread         The answer to a log with an OOM in an unknown form
    watch          The command `oomreport watch`: the OOM kills of this machine, live
    words          Sizes, names and processes as people read them
"""
