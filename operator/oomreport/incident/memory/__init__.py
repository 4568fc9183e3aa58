"""A container's memory on its way to a kill."""
