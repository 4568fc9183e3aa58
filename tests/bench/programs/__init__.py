"""Real programs out of Debian's packages under limits that are too low, killed by the real kernel.

catalogue   the programs: how each is started, and what fills it
image       the one image that holds them, made without an image registry
manifests   a program as a Deployment, in a file that `oomreport apply` edits
metrics     a Prometheus in the cluster, for what is forecast
memory      what a running container holds, read from its cgroup
trial       one program from its need to the limit at which it is quiet
world       pods, reports and the kernel's ring, looked at once for all programs
table       the figures as a table, and the goals
"""
