"""Reports of a cluster or a file, read and acted on."""
