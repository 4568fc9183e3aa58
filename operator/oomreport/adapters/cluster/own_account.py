"""The account of this process, as the API server knows it."""

from oomreport.adapters.cluster.api_server import ApiServer, path

_GROUP = "authentication.k8s.io/v1"


async def own_account(api: ApiServer) -> str:
    """Return the user name; empty where the API server does not say. Raises ApiError."""
    review = await api.create(path(_GROUP, "selfsubjectreviews"), {"apiVersion": _GROUP, "kind": "SelfSubjectReview"})
    return str(((review.get("status") or {}).get("userInfo") or {}).get("username") or "")
