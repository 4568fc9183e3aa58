"""The command line: kernel logs explained without a cluster, and reports of a cluster read and acted on.

main      the commands and their arguments
explain   any kernel log, in words, as JSON, YAML or a page
watch     the same, live on this machine
story     what happened, as sentences
text      a story on a terminal
page      stories as one self-contained HTML page
pods      names and limits of the pods that a cluster or a file knows
"""
