"""The webhook of a hook: signed events by HTTP.

URL, keys and certificates are kept by the hook's own namespace.
Secrets and ConfigMaps are read by a right that the hook's namespace grants for the named object; the controller has
none for others. They are kept for some seconds only, so an exchanged key is used at once.
"""

import base64
import binascii
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from oomreport.adapters.cluster.api_access import verifying
from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.adapters.http.webhook import WebhookClient, WebhookError
from oomreport.api.oom_hook import KeyRef, OOMHook, Webhook
from oomreport.controller.delivery.hook_target import Due
from oomreport.errors import ApiError, OOMReportError
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.cloud_event import CONTENT_TYPE, Digest, cloud_event, digest_event
from oomreport.hooks.response import answer_of
from oomreport.hooks.signature import KeyInvalid, signed_headers, signing_keys

_KEEP_SECONDS = 10
_MOST_KEPT = 200
_SYSTEM = ""


class UnusableError(OOMReportError):
    """What a hook refers to is not there, may not be read, or is not what it should be; holds no secret."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    url: str
    keys: tuple[bytes, ...]
    tls: ssl.SSLContext


class WebhookTarget:
    """Sends events to webhooks."""

    def __init__(
        self, api: ApiServer, client: WebhookClient, now: Callable[[], datetime], *, cluster: str = ""
    ) -> None:
        self._api, self._client, self._now, self._cluster = api, client, now, cluster
        self._kept: dict[tuple[str, str, str, str], tuple[datetime, str]] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def deliver(self, due: Due) -> Answer:
        """Send one event."""
        return await self._send(due.hook, due.event.id, cloud_event(due.event, cluster=self._cluster))

    async def deliver_digest(self, hook: OOMHook, digest: Digest) -> Answer:
        """Send many events as one."""
        return await self._send(hook, digest.id, digest_event(digest, cluster=self._cluster))

    async def problem(self, hook: OOMHook) -> tuple[str, str] | None:
        """Return why a hook cannot work, as a condition's reason and message; None where nothing is known."""
        try:
            endpoint = await self._endpoint(hook)
        except UnusableError as error:
            return error.reason, str(error)
        except ApiError:
            return None
        refusal = self._client.refusal_of(endpoint.url)
        return ("AddressRefused", refusal) if refusal else None

    async def _send(self, hook: OOMHook, id_: str, body: bytes) -> Answer:
        try:
            endpoint = await self._endpoint(hook)
        except UnusableError as error:
            return Answer(outcome=Outcome.RETRY, message=str(error))
        except ApiError as error:
            return Answer(outcome=Outcome.RETRY, message=f"the API server does not answer (HTTP {error.status})")
        headers = {
            "Content-Type": CONTENT_TYPE,
            **signed_headers(endpoint.keys, id_=id_, timestamp=int(self._now().timestamp()), body=body),
        }
        webhook = _webhook(hook)
        try:
            response = await self._client.post(
                endpoint.url, body=body, headers=headers, tls=endpoint.tls, timeout_seconds=webhook.timeout_seconds
            )
        except WebhookError as error:
            return Answer(outcome=Outcome.REFUSED if error.refused else Outcome.RETRY, message=str(error))
        answer = answer_of(response.status, retry_after_header=response.retry_after, now=self._now())
        if answer.outcome is Outcome.RETRY and response.status in (401, 403) and not endpoint.keys:
            return replace(answer, message=f"{answer.message}; the hook has no signingSecretRef")
        return answer

    async def _endpoint(self, hook: OOMHook) -> _Endpoint:
        """Return where and how to send. Raises UnusableError, ApiError."""
        namespace, webhook = hook.metadata["namespace"], _webhook(hook)
        keys: tuple[bytes, ...] = ()
        if ref := webhook.signing_secret_ref:
            try:
                keys = signing_keys(await self._value("secrets", namespace, ref))
            except KeyInvalid as error:
                raise UnusableError("SigningKeyInvalid", f"{_what('secrets', ref)}: {error}") from None
        authorities = _SYSTEM
        if ref := webhook.ca_config_map_ref:
            authorities = await self._value("configmaps", namespace, ref)
        return _Endpoint(url=await self._url(namespace, webhook), keys=keys, tls=self._tls(authorities, webhook))

    async def _url(self, namespace: str, webhook: Webhook) -> str:
        if service := webhook.service:
            host = f"{service.name}.{service.namespace or namespace}.svc"
            return f"{service.scheme}://{host}:{service.port}{service.path}"
        if ref := webhook.url_secret_ref:
            url = (await self._value("secrets", namespace, ref)).strip()
            if not _is_url(url):
                raise UnusableError("URLInvalid", f"{_what('secrets', ref)}: holds no http or https URL without a user")
            return url
        if webhook.url is None or not _is_url(webhook.url):
            raise UnusableError("URLInvalid", "webhook.url is no http or https URL without a user")
        return webhook.url

    async def _value(self, plural: str, namespace: str, ref: KeyRef) -> str:
        """Return the text that a Secret or ConfigMap holds under a key. Raises UnusableError, ApiError."""
        place, now = (plural, namespace, ref.name, ref.key), self._now()
        if (kept := self._kept.get(place)) and (now - kept[0]).total_seconds() < _KEEP_SECONDS:
            return kept[1]
        what = _what(plural, ref)
        try:
            found = await self._api.found(path("v1", plural, namespace=namespace, name=ref.name))
        except ApiError as error:
            if error.status == 400:
                raise UnusableError("NameInvalid", f"{what}: this is no name of an object") from None
            if not error.is_forbidden:
                raise
            grant = f"grant the controller get on {plural} {ref.name} in namespace {namespace} by a Role"
            raise UnusableError("NotAllowed", f"{what} may not be read: {grant}") from None
        text = ((found or {}).get("data") or {}).get(ref.key)
        if text is None:
            raise UnusableError("NotFound", f"{what} is not there")
        if plural == "secrets":
            try:
                text = base64.b64decode(text).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise UnusableError("NotText", f"{what} is not text") from None
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[place] = (now, text)
        return str(text)

    def _tls(self, authorities: str, webhook: Webhook) -> ssl.SSLContext:
        known = self._contexts.get(authorities)
        if known:
            return known
        try:
            made = verifying(ca_data=authorities or None)
        except (ssl.SSLError, ValueError):
            assert webhook.ca_config_map_ref
            what = _what("configmaps", webhook.ca_config_map_ref)
            raise UnusableError("CAInvalid", f"{what} holds no PEM certificates") from None
        if len(self._contexts) >= _MOST_KEPT:
            self._contexts.clear()
        self._contexts[authorities] = made
        return made


def _webhook(hook: OOMHook) -> Webhook:
    assert hook.spec.webhook is not None
    return hook.spec.webhook


def _what(plural: str, ref: KeyRef) -> str:
    return f"{'Secret' if plural == 'secrets' else 'ConfigMap'} {ref.name}, key {ref.key}"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
            and text.isascii()
            and text.isprintable()
            and " " not in text
        )
    except ValueError:
        return False
