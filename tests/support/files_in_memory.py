"""A checkout in memory, for the editing of manifests. Paths begin at /."""

import posixpath
from collections.abc import Mapping

from oomreport.gitops.advice import Target
from oomreport.gitops.yaml_text import YamlText, read_yaml


class FilesInMemory:
    """Texts by path. All may be edited but for those in `outside`."""

    def __init__(self, texts: Mapping[str, str], *, outside: tuple[str, ...] = ()) -> None:
        self.texts = {f"/{path}": text for path, text in texts.items()}
        self._outside = {f"/{path}" for path in outside}
        self._read: dict[str, YamlText] = {}

    def yaml(self, path: str) -> YamlText | None:
        if path in self.texts and path not in self._read:
            self._read[path] = read_yaml(self.texts[path])
        return self._read.get(path)

    def joined(self, folder: str, name: str) -> str | None:
        path = posixpath.normpath(posixpath.join(folder, name))
        return path if path in self.texts or self.is_folder(path) else None

    def is_folder(self, path: str) -> bool:
        return any(each.startswith(f"{path.rstrip('/')}/") for each in self.texts)

    def editable(self, path: str) -> bool:
        return path not in self._outside

    def shown(self, path: str) -> str:
        return path.removeprefix("/")


def target(name: str = "web", container: str | None = "api", *, namespace: str = "shop") -> Target:
    """Return the container of a Deployment."""
    return Target(namespace=namespace, group="apps", kind="Deployment", name=name, container=container)


def deployment(name: str = "web", *, memory: str | None = "256Mi", namespace: str | None = "shop") -> str:
    """Return a Deployment with one container, whose limit is on a line of its own."""
    limit = f"        resources:\n          limits:\n            memory: {memory}\n" if memory else ""
    where = f"  namespace: {namespace}\n" if namespace else ""
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n{where}"
        f"spec:\n  template:\n    spec:\n      containers:\n      - name: api\n        image: api\n{limit}"
    )
