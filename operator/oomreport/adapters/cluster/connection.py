"""The cluster that a command talks to, by what this machine has.

The package `kubernetes` where it is installed, else kubectl, else a kubeconfig that holds its credentials; the service
account in a pod without a kubeconfig.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from oomreport.adapters.cluster.api_access import api_access
from oomreport.adapters.cluster.client_package import by_kubeconfig
from oomreport.adapters.cluster.http_transport import by_access
from oomreport.adapters.cluster.kubeconfig import context_of
from oomreport.adapters.cluster.kubectl_proxy import KubectlProxy, context_by_kubectl, found_kubectl, kubectl_options
from oomreport.adapters.cluster.transport import ApiTransport
from oomreport.errors import ApiError, ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConnection:
    """A way to a cluster. `namespace` is the context's, `user` the name that the kubeconfig has for who calls."""

    transport: ApiTransport
    namespace: str
    user: str


def connection_of(*, context: str | None, kubeconfig: str | None) -> ClusterConnection:
    """Return the connection of a context. Raises ApiError where there is none, and says what is missing."""
    context, kubeconfig = context or None, kubeconfig or None
    try:
        transport, namespace, user = by_kubeconfig(context, kubeconfig)
    except ImportError:
        return _without_package(context, kubeconfig)
    except ApiError:
        if inside := _inside(context, kubeconfig):
            return inside
        raise
    return ClusterConnection(transport=transport, namespace=namespace, user=user)


def _without_package(context: str | None, kubeconfig: str | None) -> ClusterConnection:
    if inside := _inside(context, kubeconfig):
        return inside
    if kubectl := found_kubectl():
        options = kubectl_options(context, kubeconfig)
        namespace, user = context_by_kubectl(kubectl, options)
        return ClusterConnection(transport=KubectlProxy(kubectl, options), namespace=namespace, user=user)
    try:
        found = context_of(kubeconfig or os.environ.get("KUBECONFIG"), context)
    except ConfigurationError as error:
        raise ApiError(str(error)) from error
    return ClusterConnection(transport=by_access(found.access), namespace=found.namespace, user=found.user)


def _inside(context: str | None, kubeconfig: str | None) -> ClusterConnection | None:
    """Return the connection of a pod's service account; None outside of pods, and where there is a kubeconfig."""
    if context or kubeconfig or os.environ.get("KUBECONFIG") or Path("~/.kube/config").expanduser().exists():
        return None
    try:
        access = api_access(os.environ)
    except ConfigurationError:
        return None
    return ClusterConnection(transport=by_access(access), namespace=access.namespace or "default", user="")
