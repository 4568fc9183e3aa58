"""The files of a checkout, as the edits need them.

Paths are absolute and resolved, so that two names of one file are one path.
"""

from typing import Protocol

from oomreport.gitops.yaml_text import YamlText


class Files(Protocol):
    """The files of a checkout, read once."""

    def yaml(self, path: str) -> YamlText | None:
        """Return a file's text as YAML; None where it does not exist or is not UTF-8."""

    def joined(self, folder: str, name: str) -> str | None:
        """Return the path of what stands under a relative name in a folder; None where nothing does."""

    def is_folder(self, path: str) -> bool:
        """Whether a path is a folder."""

    def editable(self, path: str) -> bool:
        """Whether a file is among those that were named to be edited."""

    def shown(self, path: str) -> str:
        """Return a path as people know it: relative to where they stand."""
