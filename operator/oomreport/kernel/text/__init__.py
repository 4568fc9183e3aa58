"""Parsers of single lines of an OOM record, without state.

`kind` tells which part of a dump a line is. Each other module reads the lines of one part, and gives None where a line
is cut or is no such line. A comm or the name of a cgroup may hold any text, also text that looks like a field.

Modules:

    badness     The kernel's badness of a task, and its score
    candidates  The rows of the task table as ranked tasks, with scores
    digits      The most digits of each kind of number, as regular expressions
    killed      The lines that name a victim, or say that there is none
    kind        The kind of a line in an OOM dump
    machine     What fills the machine's memory, and what ran short, by Mem-Info
    memcg       The memory cgroup at its limit: usage, limits and statistics, in bytes
    meminfo     The machine's memory, as show_mem() prints it in a global OOM
    summary     The line that says whose limit was reached
    table       The kernel's task table: one row per candidate, in pages
    trigger     The task whose allocation started the killer, and the kernel's release
"""
