"""Deliveries to HTTP endpoints, on this machine only.

Whoever may subscribe an endpoint makes the server send requests: so that nobody reaches into the server's
network by it, only addresses of the machine itself are taken, as they are written. No name is looked up,
no redirection followed, no proxy asked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from stepwell.errors import AwsError

#: seconds that an endpoint may take (SNS developer guide, "Message delivery retries")
_PATIENCE = 15.0
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
#: of a request's head: no line may begin another
_LINE = re.compile(r"[\x20-\x7e]+")


class EndpointFailed(AwsError):
    """The endpoint did not take it; it may the next time."""

    code = "EndpointFailed"
    status = 503


class EndpointRefused(AwsError):
    """The endpoint will not take it."""

    code = "EndpointRefused"


def is_local(url: str) -> bool:
    """Whether a URL names an address of the machine itself, literally."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or parts.username is not None:
        return False
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def post(url: str, headers: Mapping[str, str], text: str) -> None:
    """Send a request. Raises EndpointFailed, EndpointRefused."""
    parts = _split(url)
    if parts is None or not is_local(url):
        raise EndpointRefused(f"{url} is no address of this machine")
    content = text.encode()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {**headers, "Host": parts.netloc, "Content-Length": str(len(content)), "Connection": "close"}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if not all(map(_LINE.fullmatch, lines)):
        raise EndpointRefused(f"{url} or a header has characters that no request may have")
    head = "\r\n".join(lines) + "\r\n\r\n"
    try:
        async with asyncio.timeout(_PATIENCE):
            status = await _exchange(parts, head.encode() + content)
    except (OSError, ValueError) as error:
        raise EndpointFailed(f"{url}: {error or type(error).__name__}") from error
    if status >= 500 or status == 429:
        raise EndpointFailed(f"{url} answered {status}")
    if status >= 300:
        raise EndpointRefused(f"{url} answered {status}")


async def _exchange(parts: SplitResult, request: bytes) -> int:
    """The status of the answer. Raises OSError, ValueError for an answer that is none."""
    secure = parts.scheme == "https"
    # a name in the hosts file or a resolver might lead elsewhere
    host = "127.0.0.1" if parts.hostname == "localhost" else str(parts.hostname)
    reader, writer = await asyncio.open_connection(
        host,
        parts.port or (443 if secure else 80),
        ssl=ssl.create_default_context() if secure else None,
        server_hostname=parts.hostname if secure else None,
    )
    try:
        writer.write(request)
        await writer.drain()
        line = await reader.readline()
        found = _STATUS.match(line)
        if found is None:
            raise ValueError("the answer is no HTTP")
        return int(found[1])
    finally:
        writer.close()


def _split(url: str) -> SplitResult | None:
    """The URL's parts; None where it has none that could be used."""
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None
    except ValueError:
        return None
