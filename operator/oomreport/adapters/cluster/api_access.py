"""The address of the API server, and the credentials for it.

In a pod they come from its service account, elsewhere from KUBECONFIG. A service account's token is replaced about
every hour, so it is read for each request; that file is in memory and small.
"""

import contextlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from oomreport.errors import ConfigurationError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccess:
    """An API server and how to authenticate there.

    `authorization` returns the header's value at that moment, None without one.
    """

    server: str
    tls: ssl.SSLContext | bool
    authorization: Callable[[], str | None]
    namespace: str | None = None


def api_access(environment: Mapping[str, str], *, service_account: Path = SERVICE_ACCOUNT) -> ApiAccess:
    """Return the access that the environment grants; KUBECONFIG wins.

    Raises ConfigurationError where there is none.
    """
    if environment.get("KUBECONFIG"):
        return _by_kubeconfig(environment["KUBECONFIG"])
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    token = service_account / "token"
    if not host or not token.exists():
        problem = (
            f"no access to an API server: neither KUBECONFIG is set nor is this a pod with a service account ({token})"
        )
        raise ConfigurationError([problem])
    namespace = service_account / "namespace"
    authorities = _Authorities(service_account / "ca.crt")

    def authorization() -> str:
        authorities.renew()
        return f"Bearer {token.read_text().strip()}"

    return ApiAccess(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        tls=authorities.tls,
        authorization=authorization,
        namespace=namespace.read_text().strip() if namespace.exists() else None,
    )


class _Authorities:
    """The cluster's CAs, those included that a rotation adds to the file; it is looked at before each request.

    One that leaves the file is trusted until the process ends: a context forgets nothing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._text = file.read_text("ascii")
        self.tls = verifying(str(file))

    def renew(self) -> None:
        """Trust what is new in the file. A half written file changes nothing."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = self._file.read_text("ascii")
            if text != self._text:
                self.tls.load_verify_locations(cadata=text)
                self._text = text


def verifying(ca_file: str | None = None, *, ca_data: str | None = None) -> ssl.SSLContext:
    """Return a context that verifies the server by the CAs of a file or of a PEM text, by the system's without both.

    Raises OSError or ValueError where they cannot be read.
    """
    tls = ssl.create_default_context(cafile=ca_file, cadata=ca_data)
    # Python 3.13 began to refuse a CA without keyUsage, as many clusters have; Kubernetes' own clients take it.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return tls


def _by_kubeconfig(path: str) -> ApiAccess:
    # Costs 20 MB of memory, so only here: it knows every way in which a kubeconfig can hold credentials.
    try:
        from kubernetes.client import Configuration  # noqa: PLC0415
        from kubernetes.config import ConfigException, load_kube_config  # noqa: PLC0415
    except ImportError:  # as in the image
        from oomreport.adapters.cluster.kubeconfig import context_of  # noqa: PLC0415

        return context_of(path).access

    configuration = Configuration()
    try:
        load_kube_config(config_file=path, client_configuration=configuration)  # type: ignore[no-untyped-call]
        tls = verifying(configuration.ssl_ca_cert)
        if not configuration.verify_ssl:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if configuration.cert_file:
            tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    except (ConfigException, OSError) as error:
        raise ConfigurationError([f"KUBECONFIG {path}: {error}"]) from error

    def authorization() -> str | None:
        header = configuration.get_api_key_with_prefix("BearerToken")
        return header or configuration.get_api_key_with_prefix("authorization")

    return ApiAccess(server=configuration.host.rstrip("/"), tls=tls, authorization=authorization)
