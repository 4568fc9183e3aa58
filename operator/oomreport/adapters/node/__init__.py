"""What a node knows: kernel log, cgroups, names."""
