"""One POST to an address that a hook's author chose.

The controller reaches more than that author may, so the address is checked. The name is resolved once, and each address
is checked at the moment its socket is made, whatever form the name had. TLS still verifies the name. No redirect is
followed, no proxy asked, no cookie kept, and only the head of the answer is read. Error messages name the kind of error
alone: a URL can be a secret, and a library's words would show it.
"""

import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from oomreport import __version__
from oomreport.adapters.http.http_session import SessionOwner
from oomreport.adapters.http.name_resolver import NameResolver
from oomreport.errors import OOMReportError

_CONNECT_SECONDS = 5.0
_MOST_HEADER = 8190


class WebhookError(OOMReportError):
    """No answer came. The message holds neither URL nor host.

    `refused` is true where the address may not be reached, or is no address.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class _AddressRefusedError(OSError):
    """An address may not be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The head of an answer."""

    status: int
    retry_after: str | None = None


class WebhookClient(SessionOwner):
    """Sends POSTs. `refusal` returns why an address may not be reached, None where it may."""

    def __init__(self, refusal: Callable[[str], str | None]) -> None:
        self._refusal = refusal
        self._resolver = NameResolver()
        self._session = aiohttp.ClientSession(
            # A connection is not kept: its address was checked for one hook, and receivers close them as they like.
            connector=aiohttp.TCPConnector(
                limit=0,
                force_close=True,
                use_dns_cache=False,
                resolver=self._resolver,
                socket_factory=self._checked_socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"oomreport-controller/{__version__}"},
            auto_decompress=False,
            trust_env=False,
            max_line_size=_MOST_HEADER,
            max_field_size=_MOST_HEADER,
            read_bufsize=16 * 1024,
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await self._resolver.close()

    def refusal_of(self, url: str) -> str | None:
        """Return why a URL's address may not be reached, as far as no name has to be resolved for that."""
        host = (urlsplit(url).hostname or "").rstrip(".")
        # These names lead to this machine everywhere (RFC 6761, 6.3).
        if host == "localhost" or host.endswith(".localhost"):
            host = "127.0.0.1"
        try:
            address = ip_address(host)
        except ValueError:
            return None
        return f"the address is refused: {why}" if (why := self._refusal(str(address))) else None

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], tls: ssl.SSLContext, timeout_seconds: float
    ) -> Response:
        """Send a body and return the head of the answer. Raises WebhookError."""
        timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(_CONNECT_SECONDS, timeout_seconds), ceil_threshold=3600
        )
        try:
            async with self._session.post(
                url, data=body, headers=headers, ssl=tls, timeout=timeout, allow_redirects=False
            ) as response:
                head = Response(status=response.status, retry_after=response.headers.get("Retry-After"))
                response.close()
                return head
        except (aiohttp.ClientError, OSError, ValueError) as error:
            refused = _refused(error)
            # Without the original, whose words hold the URL.
            is_final = refused is not None or isinstance(error, aiohttp.InvalidURL)
            raise WebhookError(refused or _words(error, timeout_seconds), refused=is_final) from None

    def _checked_socket(self, info: tuple[Any, ...]) -> socket.socket:
        family, type_, protocol, _, address = info
        if why := self._refusal(str(address[0])):
            raise _AddressRefusedError(f"the address is refused: {why}")
        made = socket.socket(family=family, type=type_, proto=protocol)
        made.setblocking(False)  # noqa: FBT003 - the library's signature
        return made


def _refused(error: BaseException) -> str | None:
    """Return why an address was refused, where that is the cause of an error."""
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _AddressRefusedError):
            return str(one)
        if one is None:
            continue
        waiting += [one.__cause__, one.__context__, getattr(one, "os_error", None)]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return None


def _words(error: BaseException, timeout_seconds: float) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            inner = error.certificate_error
            why = getattr(inner, "verify_message", "") if isinstance(inner, ssl.SSLCertVerificationError) else ""
            # Python's words for a name that does not fit show the name.
            return "TLS: certificate is not accepted: " + (
                "it is for another name" if not why or "mismatch" in why else why
            )
        case aiohttp.ClientConnectorDNSError():
            return "name cannot be resolved"
        case aiohttp.ClientSSLError():
            return f"TLS: {getattr(error.os_error, 'reason', None) or 'handshake failed'}"
        case aiohttp.ClientConnectorError():
            return f"no connection: {_by_number(error.os_error)}"
        case aiohttp.ServerDisconnectedError():
            return "the receiver closed the connection without an answer"
        case TimeoutError():
            return f"no answer within {timeout_seconds:g} s"
        case aiohttp.InvalidURL() | ValueError():
            return "the URL is not valid"
        case aiohttp.ClientResponseError():
            return "the answer is not HTTP"
        case OSError():
            return f"connection lost: {_by_number(error)}"
    return f"connection lost: {type(error).__name__}"


def _by_number(error: OSError) -> str:
    """Return what an error's number means; its own words may hold the address."""
    return os.strerror(error.errno).lower() if error.errno else type(error).__name__
