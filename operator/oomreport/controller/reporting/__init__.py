"""Records and pods become reports."""
