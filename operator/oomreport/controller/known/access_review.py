"""The rights of this process (SelfSubjectAccessReview).

Every account may ask this about itself.
"""

from oomreport.adapters.cluster.api_server import ApiServer, path

_REVIEWS = path("authorization.k8s.io/v1", "selfsubjectaccessreviews")
NOT_GRANTED = "NotGranted"


async def is_granted(api: ApiServer, verb: str, group: str, resource: str, *, sub: str = "", namespace: str) -> bool:
    """Return whether it may; `namespace` is empty for all of them. Raises ApiError."""
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": sub, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    return bool(((await api.create(_REVIEWS, review)).get("status") or {}).get("allowed"))
