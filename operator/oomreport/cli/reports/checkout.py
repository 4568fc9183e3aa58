"""The files of a checkout, read once and written whole.

A file is replaced by rename, with its mode and owner; a symbolic link stays one, its target is edited. What lies
outside the paths that were named is read where a kustomization leads there, and never written.
"""

import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from oomreport.errors import InputUnreadable
from oomreport.gitops.kustomize import NAMES
from oomreport.gitops.marker import KEY
from oomreport.gitops.values import CONFIGURATION
from oomreport.gitops.yaml_text import YamlText, read_yaml

_SUFFIXES = (".yaml", ".yml", ".json")
_LEFT_OUT = frozenset({"node_modules", "__pycache__", "vendor"})
# A manifest of a workload names containers; anything else (CRDs of megabytes) need not be parsed.
_WORTH = re.compile(rf"[cC]ontainers|{re.escape(KEY)}|oomreport")
_MOST_BYTES = 16 << 20


class Checkout:
    """Files below the paths that were named. Raises InputUnreadable where one of those is not there."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._roots: list[Path] = []
        for name in paths:
            path = Path(name)
            if not path.exists():
                raise InputUnreadable(f"{name}: no such file or folder")
            self._roots.append(path.resolve())
        self._here = Path.cwd().resolve()
        self._read: dict[str, YamlText | None] = {}
        self._bytes: dict[str, bytes] = {}
        self._walked = [path for root in self._roots for path in _walk(root)]

    def about(self, names: Iterable[str]) -> list[str]:
        """Return the files that may be about workloads of these names, each once: templates and marked lines always."""
        found = dict.fromkeys(str(path.resolve()) for path in self._walked if path.suffix in _SUFFIXES)
        words = "|".join(map(re.escape, {*names, KEY, "{{"}))
        return [path for path in found if self._is_worth(path, re.compile(words))]

    @property
    def folders(self) -> list[str]:
        """Return the folders that have a kustomization."""
        return list(dict.fromkeys(str(path.parent.resolve()) for path in self._walked if path.name in NAMES))

    @property
    def configurations(self) -> list[Path]:
        """Return the .oomreport.yaml files below the paths, and above them up to the checkout's root.

        What is no file is none: a link may lead to a device that never ends. Raises InputUnreadable for a huge one.
        """
        found = [path for path in self._walked if path.name == CONFIGURATION and path.is_file()]
        for root in self._roots:
            folder = root if root.is_dir() else root.parent
            found += [path for one in _upward(folder) if (path := one / CONFIGURATION).is_file()]
        for path in found:
            if path.stat().st_size > _MOST_BYTES:
                raise InputUnreadable(f"{self.shown(str(path))}: is larger than {_MOST_BYTES >> 20} MiB")
        return list(dict.fromkeys(path.resolve() for path in found))

    @property
    def root(self) -> str:
        """Return the root of the checkout: the folder with .git above the first path, or that path."""
        first = self._roots[0] if self._roots[0].is_dir() else self._roots[0].parent
        return str(_upward(first)[-1])

    def yaml(self, path: str) -> YamlText | None:
        """Return a file's text as YAML; None where it does not exist or is not UTF-8."""
        if path not in self._read:
            self._read[path] = None
            text = self._text(path)
            if text is not None:
                self._read[path] = read_yaml(text)
        return self._read[path]

    def joined(self, folder: str, name: str) -> str | None:
        """Return the path of what stands under a relative name in a folder; None where nothing does."""
        if "://" in name or "\0" in name or Path(name).is_absolute():
            return None
        try:
            path = (Path(folder) / name).resolve()
            return str(path) if path.exists() else None
        except OSError:
            return None

    def is_folder(self, path: str) -> bool:
        """Whether a path is a folder."""
        return Path(path).is_dir()

    def editable(self, path: str) -> bool:
        """Whether a file is among those that were named to be edited, also by where its links lead."""
        return any(root == Path(path) or root in Path(path).parents for root in self._roots)

    def shown(self, path: str) -> str:
        """Return a path relative to the working folder where it is below it."""
        try:
            return str(Path(path).relative_to(self._here))
        except ValueError:
            return path

    def write(self, path: str, text: str) -> None:
        """Replace or make a file. Raises InputUnreadable where it changed since it was read, or cannot be written."""
        target = Path(path)
        try:
            if path in self._bytes and target.read_bytes() != self._bytes[path]:
                raise InputUnreadable(f"{self.shown(path)}: was changed by somebody else in the meantime; run it again")
            _replace(target, text.encode("utf-8"))
        except OSError as error:
            raise InputUnreadable(f"{self.shown(path)}: {error.strerror or error}") from error

    def _text(self, path: str) -> str | None:
        try:
            if Path(path).stat().st_size > _MOST_BYTES or not Path(path).is_file():
                return None
            data = Path(path).read_bytes()
            text = data.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        self._bytes[path] = data
        return text

    def _is_worth(self, path: str, about: re.Pattern[str]) -> bool:
        if Path(path).name == CONFIGURATION:
            return False
        text = self._text(path)
        return text is not None and _WORTH.search(text) is not None and about.search(text) is not None


def _walk(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _LEFT_OUT)
        for name in sorted(files):
            yield Path(folder) / name


def _upward(folder: Path) -> list[Path]:
    """Return a folder and those above it up to the checkout's root; the folder alone where it is in no checkout."""
    for number, one in enumerate((folder, *folder.parents)):
        if (one / ".git").exists():
            return [folder, *folder.parents][: number + 1]
    return [folder]


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            known = target.stat()
            Path(name).chmod(stat.S_IMODE(known.st_mode))
            if (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
                _give(name, known.st_uid, known.st_gid)
        else:
            umask = os.umask(0)
            os.umask(umask)
            Path(name).chmod(0o666 & ~umask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _give(name: str, user: int, group: int) -> None:
    try:
        os.chown(name, user, group)
    except PermissionError:
        # Who may write the folder need not own the file: it then becomes theirs, as with any editor.
        return
