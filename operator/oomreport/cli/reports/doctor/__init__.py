"""`oomreport doctor`: what keeps kills from becoming reports.

Modules:

    agents        The agents: which are unready or missing, and what others warn of
    check_result  What a check found, and what the checks ask of a cluster
    command       The command: what it prints and its exit status
    installation  What keeps kills from becoming reports in a cluster
    pod_words     What pods say of themselves, by status, page or log
    rights        Rights of the two service accounts, and policies that bound them
    workloads     The pods of a component, and why there are none
"""
