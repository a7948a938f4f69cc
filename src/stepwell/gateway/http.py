"""Requests and responses as values: what the protocols read and write, free of any server's interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote, unquote_plus

from stepwell.calls import Body


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request. `labels` and `payload` are empty until it is routed and read."""

    #: upper case
    method: str
    #: the path as sent, percent-encoded, without the query
    raw_path: str
    #: the query as sent, without the question mark
    raw_query: str = ""
    #: lower-case names; repeated headers joined by commas
    headers: Mapping[str, str] = field(default_factory=dict)
    #: whether TLS protected it
    secure: bool = False
    #: the client's address
    client: str = "127.0.0.1"
    #: the URI's variable parts, decoded: `{"Bucket": "b", "Key": "a/b"}`
    labels: Mapping[str, str] = field(default_factory=dict)
    #: the content: bytes, or a `Body` for operations that take a stream
    payload: bytes | Body = b""

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query's pairs in order, decoded; a key without `=` has an empty value."""
        return tuple(
            (unquote(key), unquote_plus(value))
            for key, _, value in (pair.partition("=") for pair in self.raw_query.split("&") if pair)
        )

    @cached_property
    def query_map(self) -> Mapping[str, str]:
        """The last value of each of the query's keys."""
        return dict(self.query)

    @cached_property
    def host(self) -> str:
        """The Host header as sent, with its port."""
        return self.headers.get("host", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP response. Header names may have any case."""

    #: the HTTP status
    status: int
    #: what to send before the content
    headers: tuple[tuple[str, str], ...] = ()
    #: the content
    body: bytes | Body = b""
