"""Tasks that send messages and put events: what is called, and what an entry that is not taken becomes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from engine.world import ROLE

from stepwell.calls import Call, Reply
from stepwell.durable import Effect
from stepwell.engine.performing import perform

EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:m:e"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"


def performed(action: str, parameters: Any, output: dict[str, Any]) -> tuple[dict[str, Any], Call]:
    """A task's outcome, and the call that it made."""
    calls: list[Call] = []

    async def dispatch(call: Call) -> Reply:
        calls.append(call)
        return Reply(output=output)

    body = {
        "resource": f"arn:aws:states:::{action}",
        "parameters": json.dumps(parameters),
        "role": ROLE,
        "task_role": None,
        "session": "s",
        "started_by": EXECUTION,
        "request_id": "r",
    }
    outcome = asyncio.run(perform(Effect(token="t", kind="task", body=body), dispatch))
    return outcome, calls[0]


def test_a_messages_body_may_be_an_object() -> None:
    sent = {"MessageId": "m", "MD5OfMessageBody": "5"}
    for given, body in (({"a": [1]}, {"a": [1]}), ("text", "text")):
        parameters = {"QueueUrl": "q", "MessageBody": given, "DelaySeconds": 3}
        outcome, call = performed("sqs:sendMessage.waitForTaskToken", parameters, sent)
        assert (call.service, call.operation, call.token) == ("sqs", "SendMessage", "t")
        text = call.params["MessageBody"]
        assert (text if isinstance(given, str) else json.loads(text)) == body
        assert call.params["DelaySeconds"] == 3
        assert outcome["result"]["MessageId"] == "m"
        assert outcome["result"]["SdkHttpMetadata"]["HttpStatusCode"] == 200


def test_events_say_who_put_them_and_their_details_may_be_objects() -> None:
    entries = [
        {"Source": "s", "DetailType": "d", "Detail": {"n": 1}, "Resources": ["mine"]},
        {"Source": "s", "DetailType": "d", "Detail": "{}"},
        {"Source": "s", "DetailType": "d"},
    ]
    answer = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}, {"EventId": "2"}, {"EventId": "3"}]}
    outcome, call = performed("events:putEvents", {"Entries": entries}, answer)
    first, second, third = call.params["Entries"]
    assert json.loads(first["Detail"]) == {"n": 1}
    assert first["Resources"] == ["mine", EXECUTION, MACHINE]
    assert (second["Detail"], second["Resources"]) == ("{}", [EXECUTION, MACHINE])
    assert "Detail" not in third
    assert outcome["result"]["Entries"] == answer["Entries"]


def test_an_entry_that_is_not_taken_fails_the_task() -> None:
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "MalformedDetail", "ErrorMessage": "no"}]}
    outcome, _ = performed("events:putEvents", {"Entries": [{"Detail": "x"}]}, answer)
    assert outcome["error"] == "EventBridge.FailedEntry"
    assert json.loads(outcome["cause"]) == answer


def test_a_topics_message_may_be_an_object() -> None:
    outcome, call = performed("sns:publish", {"TopicArn": "t", "Message": {"a": [1]}}, {"MessageId": "m"})
    assert (call.service, call.operation, json.loads(call.params["Message"])) == (
        "sns",
        "Publish",
        {"a": [1]},
    )
    assert outcome["result"]["MessageId"] == "m"
