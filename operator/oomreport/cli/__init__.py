"""The command line: kernel logs explained, reports read and acted on.

`logs` needs no cluster. `reports` reads a cluster or an exported file. `main` has the commands and their arguments.

Modules:

    documents  JSON and YAML documents from a file
    main       The commands of `oomreport` and their arguments
    terminal   Text of others for a terminal
    logs/      Kernel logs explained, without a cluster
    reports/   Reports of a cluster or a file, read and acted on
"""
