"""The command line: kernel logs explained, reports read and acted on.

main      the commands and their arguments
explain   any kernel log, in words, as JSON, YAML or a page
watch     the same, live on this machine
story     what happened, as sentences
text      a story on a terminal
json_text compact JSON that steers no terminal
page      stories as one self-contained HTML page
pods      names and limits of the pods that a cluster or a file knows

commands  the commands below and their arguments
list, show, export, recommend, apply, review (accept and reject): reports of a cluster or a file, read and acted on
cluster   the API server by the user's kubeconfig
checkout  the files that apply edits
"""
