"""A key's use is noted when it signs, and then not for every call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from harness import ACCOUNT

from stepwell.api.callers import root
from stepwell.calls import Call, Caller, Reply
from stepwell.clock import ManualClock
from stepwell.durable import Draft
from stepwell.services.iam.uses import NOTED_EVERY, KeyUses

ANN = Caller(arn=f"arn:aws:iam::{ACCOUNT}:user/ann", account=ACCOUNT, kind="user", access_key_id="AKIAONE")


class Answering:
    """Answers every call with its operation's name."""

    def service_known(self, name: str) -> bool:
        return name == "s3"

    async def dispatch(self, call: Call) -> Reply:
        return Reply(output={"operation": call.operation})


def call(caller: Caller) -> Call:
    return Call(service="s3", operation="ListBuckets", params={}, caller=caller)


def test_a_users_key_is_noted_once_in_a_while_and_calls_go_on() -> None:
    noted: list[Callable[[Draft], Any]] = []
    clock = ManualClock()
    uses = KeyUses(Answering(), noted.append, clock)

    def make(caller: Caller) -> int:
        assert asyncio.run(uses.dispatch(call(caller))).output == {"operation": "ListBuckets"}
        return len(noted)

    assert [make(ANN), make(ANN), make(root(ACCOUNT, "AKIAROOT"))] == [1, 1, 1]
    clock.advance(NOTED_EVERY)
    assert make(ANN) == 2
    assert uses.service_known("s3") and not uses.service_known("sqs")
