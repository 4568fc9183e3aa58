"""The API server through the Python package `kubernetes`."""

# ruff: noqa: PLC0415 - the package takes half a second to import, so only the runs that need it do

from collections.abc import Mapping
from typing import Any

from oomreport.adapters.cluster.transport import JSON, SECONDS, ApiAnswer, unreachable
from oomreport.errors import ApiError


class ClientPackage:
    """An API server by a `kubernetes.client.ApiClient`."""

    def __init__(self, api: Any) -> None:  # noqa: ANN401 - the package has no types
        self._api = api

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        seconds: float = SECONDS,
    ) -> ApiAnswer:
        """Send a request. Raises ApiError, with status 0, where no answer comes in `seconds`."""
        headers = {"Accept": JSON} | ({"Content-Type": content_type} if body is not None else {})
        try:
            request = self._api.param_serialize(
                method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            answer = self._api.call_api(*request, _request_timeout=seconds)
            answer.read()
        except Exception as error:
            raise unreachable(error) from error
        return ApiAnswer(
            status=int(answer.status),
            reason=str(answer.reason),
            body=bytes(answer.data or b""),
            date=str(answer.getheader("Date") or ""),
        )


def by_kubeconfig(context: str | None, kubeconfig: str | None) -> tuple[ClientPackage, str, str]:
    """Return the client, the namespace and the user's name of a context.

    Raises ApiError where there is no such context, or no kubeconfig; ImportError where the package is not installed.
    """
    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException

    try:
        config.load_kube_config(config_file=kubeconfig, context=context)  # type: ignore[no-untyped-call]
        contexts, active = config.list_kube_config_contexts(config_file=kubeconfig)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, ValueError) as error:
        raise ApiError(f"kubeconfig: {error}") from error
    chosen = next((one for one in contexts if one["name"] == context), active)["context"]
    configuration = client.Configuration.get_default_copy()
    # Left to itself the package tries a request that ran out of time three times more.
    configuration.retries = False
    return (
        ClientPackage(client.ApiClient(configuration)),
        str(chosen.get("namespace") or "default"),
        str(chosen.get("user") or ""),
    )
