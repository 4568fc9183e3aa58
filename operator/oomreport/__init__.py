"""oomreport: who was OOM-killed on Kubernetes, why, and which limit is right.

The map of the package; a line imports only from the lines above it:

    errors                the exceptions that everything shares
    options               what the command lines of the processes have in common
    kernel                PURE: the kernel's OOM records, in the kernel's words
    workload              PURE: containers, owners and quantities, in Kubernetes' words
    incident              PURE: both joined: correlation, cause, recommendation, report
    api                   the custom resources as pydantic models, and the CRD generator
    adapters              I/O: kernel log, cgroups, node files, spool, API server
    agent controller cli  three processes: they wire, they do not think
"""

__version__ = "0.1.0"
