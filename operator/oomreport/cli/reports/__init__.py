"""Reports of a cluster or a file, read and acted on.

Modules:

    apply          `oomreport apply`: recommendations written into the manifests of a checkout
    checkout       The files of a checkout, read once and written whole
    cluster        Reports in a cluster
    columns        A table for a terminal, as kubectl prints one
    commands       The report commands of `oomreport` and their arguments
    curve          The memory of a container before its kill, as an SVG picture
    export         `oomreport export`: the reports of a cluster in a file
    listing        `oomreport list`: the reports, as `kubectl get oomreports` shows them
    markdown       The body of a pull request, with the evidence of each number
    naming         Reports by the names that people type
    owner_text     The owner of a workload's manifest, in words
    page           `oomreport report`: the reports of a cluster as one HTML page
    patches        Recommendations as patches and values files
    recommend      `oomreport recommend`: the changes that reports ask for
    redeliver      `oomreport redeliver`: have hooks told again what was given up
    report_source  Reports from a cluster or from an exported file
    review         `oomreport accept` and `oomreport reject`: the review of a report
    show           `oomreport show`: a report told in words
    doctor/        `oomreport doctor`: what keeps kills from becoming reports
"""
