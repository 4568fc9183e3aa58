"""What can go wrong, told apart by exit code."""


class ClusterError(Exception):
    """Something failed; the message says what and where to look. Exit code 1."""

    exit_code = 1


class CannotRunHereError(ClusterError):
    """This machine lacks something that cannot be had; the message lists what. Exit code 3."""

    exit_code = 3


class GuestPanicError(ClusterError):
    """The kernel of the virtual machine ended itself; the message has what it printed. Exit code 1."""
