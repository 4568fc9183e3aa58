"""A kubeconfig whose credentials are written in it.

The image has no package `kubernetes` and no kubectl, so it reads such files itself: a token or a client certificate, as
the kubeconfig of a CI job has. Credentials that a program makes (`exec`, `auth-provider`) need one of the two.
"""

import base64
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from oomreport.adapters.cluster.api_access import ApiAccess, verifying
from oomreport.errors import ConfigurationError

_DEFAULT = "~/.kube/config"
_BY_PROGRAMS = ("exec", "auth-provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeContext:
    """A context: the way to its cluster, its namespace, and the name that the file has for the user."""

    access: ApiAccess
    namespace: str
    user: str


def context_of(paths: str | None, name: str | None = None) -> KubeContext:
    """Return a context, the current one where `name` is None. `paths` is as in KUBECONFIG: files with colons between.

    Raises ConfigurationError, and says what the file lacks.
    """
    files = _files(paths or _DEFAULT)
    name = name or next((current for _, file in files if (current := file.get("current-context"))), None)
    if not name:
        raise _wrong("it has no current context; --context NAME chooses one")
    context = _named(files, "contexts", name)[1]["context"]
    where, cluster = _named(files, "clusters", context.get("cluster"))
    beside, user = _named(files, "users", context.get("user"))
    access = _access(_Part(where, cluster["cluster"] or {}), _Part(beside, user["user"] or {}))
    return KubeContext(
        access=access, namespace=str(context.get("namespace") or "default"), user=str(context.get("user") or "")
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A cluster or a user of a file. What it refers to is beside that file."""

    file: Path
    values: Mapping[str, Any]

    def path(self, key: str) -> Path | None:
        value = self.values.get(key)
        return self.file.parent / str(value) if value else None

    def data(self, key: str) -> bytes | None:
        """Return what `key` names a file of, or what `key`-data holds; that one wins."""
        if value := self.values.get(f"{key}-data"):
            return base64.b64decode(str(value))
        path = self.path(key)
        return path.read_bytes() if path else None


def _access(cluster: _Part, user: _Part) -> ApiAccess:
    if made := [one for one in _BY_PROGRAMS if user.values.get(one)]:
        raise _wrong(
            f"its user has {made[0]}: that takes kubectl or the Python package kubernetes, and neither is here"
        )
    try:
        authority = cluster.data("certificate-authority")
        tls = verifying(ca_data=authority.decode("ascii") if authority is not None else None)
        if cluster.values.get("insecure-skip-tls-verify"):
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        certificate, key = user.data("client-certificate"), user.data("client-key")
        if certificate and key:
            # The library reads files only.
            with tempfile.NamedTemporaryFile() as file:
                file.write(certificate + b"\n" + key)
                file.flush()
                tls.load_cert_chain(file.name)
    except (OSError, ValueError) as error:
        raise _wrong(str(error)) from error
    server = str(cluster.values.get("server") or "").rstrip("/")
    if not server:
        raise _wrong("its cluster has no server")
    return ApiAccess(server=server, tls=tls, authorization=_authorization(user))


def _authorization(user: _Part) -> Callable[[], str | None]:
    file, token = user.path("tokenFile"), user.values.get("token")
    if file is not None:
        return lambda: f"Bearer {file.read_text('utf-8').strip()}"
    return lambda: f"Bearer {token}" if token else None


def _files(paths: str) -> list[tuple[Path, Mapping[str, Any]]]:
    found = [*_read(paths)]
    if not found:
        raise _wrong(f"there is no file {paths}")
    return found


def _read(paths: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path in (Path(one).expanduser() for one in paths.split(":") if one):
        if not path.exists():
            continue
        try:
            value = yaml.safe_load(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            # Its text could hold a token.
            raise _wrong(f"{path} cannot be read: {type(error).__name__}") from error
        if not isinstance(value, dict):
            raise _wrong(f"{path} holds no kubeconfig")
        yield path, value


def _named(files: list[tuple[Path, Mapping[str, Any]]], kind: str, name: object) -> tuple[Path, Mapping[str, Any]]:
    """Return a context, cluster or user, and its file. The first file that has it wins."""
    for path, file in files:
        for one in file.get(kind) or ():
            if isinstance(one, dict) and one.get("name") == name and kind.removesuffix("s") in one:
                return path, one
    raise _wrong(f"it has no {kind.removesuffix('s')} {name!r}")


def _wrong(words: str) -> ConfigurationError:
    return ConfigurationError([f"kubeconfig: {words}"])
