"""A simulation that judges advice on memory limits by workloads whose true demand is known.

workload     what a workload is, for plug-ins
workloads    the built-in classes
machine      node, kernel and kubelet: charges memory, kills, restarts
advisers     VPA's and KRR's published rules
ours         oomreport's own decision, fed with what the agent and the API server would give it
score        figures per class and in all
"""
