"""`oomreport doctor`: what keeps kills from becoming reports.

Modules:

    command       The command: what it prints and its exit status
    installation  What keeps kills from becoming reports in a cluster
    unready_pods  The reasons of unready pods, by status, page or log
"""
