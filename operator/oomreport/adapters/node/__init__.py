"""What a node tells: kernel log, cgroups, /proc, names of pods."""
