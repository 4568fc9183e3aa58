"""Many real kills under everything that may fail meanwhile: each is counted once. `make soak`.

plan      what is to happen, drawn from a seed: bursts of kills, and when which fault strikes
pods      the workloads, and what each wrote down of its own dead: the truth
faults    the faults themselves, each as the machine would have it
account   what was told against the truth: counted, lost, doubled, unknowable
run       one soak from its first pod to its figures
soak      the command
"""
