"""Listening: on this machine only, and a URL that reaches the socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from stepwell.errors import UsageError
from stepwell.gateway.listening import listen, url_of


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as found:
        yield found


def test_the_url_names_the_port_that_was_free(bound: socket.socket) -> None:
    assert url_of(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address_stands_in_brackets() -> None:
    try:
        found = listen("::1", 0)
    except UsageError:
        pytest.skip("this machine has no IPv6 loopback")
    with found:
        assert url_of(found) == f"http://[::1]:{found.getsockname()[1]}"


def test_a_taken_port_is_told(bound: socket.socket) -> None:
    port = bound.getsockname()[1]
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_an_address_that_others_reach_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="reachable from other machines"):
        listen(host, 0)


def test_a_name_is_no_address() -> None:
    with pytest.raises(UsageError, match="takes an IP address"):
        listen("localhost", 0)
