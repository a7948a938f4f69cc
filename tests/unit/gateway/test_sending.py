"""Whatever stands in a stored value, the answer's head has the lines that it should have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stepwell.gateway.http import Response
from stepwell.gateway.sending import send_response


def sent(*headers: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(send_response(Response(status=200, headers=headers, body=b"x"), "GET", None, send))
    found: list[tuple[bytes, bytes]] = messages[0]["headers"]
    return [pair for pair in found if pair[0] != b"content-length"]


@pytest.mark.parametrize("between", ["\r\n", "\n", "\0", "\x0b", "\x7f", "\t"])
def test_a_value_stays_on_its_line(between: str) -> None:
    ((_, value),) = sent(("x-amz-meta-a", f"b{between}X-Evil: 1"))
    assert value.replace(b" ", b"") == b"bX-Evil:1"
    assert not any(byte < 0x20 or byte == 0x7F for byte in value)


@pytest.mark.parametrize(
    "name", ["x-amz-meta-a\r\nb", "x-amz-meta-a b", "x-amz-meta-é", "x-amz-meta-a:b", ""]
)
def test_a_name_that_is_none_does_not_keep_the_content_from_being_read(name: str) -> None:
    assert sent((name, "v"), ("x-amz-meta-good", "v")) == [(b"x-amz-meta-good", b"v")]
