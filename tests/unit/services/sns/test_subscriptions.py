"""Subscriptions are made once; HTTP endpoints confirm theirs, and only this machine's are taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness import Harness
from publishing import Sns, queue, received, subscribed

from stepwell.errors import AwsError


class Endpoint:
    """An HTTP endpoint that keeps what it gets, and answers with the statuses given, the last one again."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], str]] = []
        self.statuses = [200]
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["Content-Length"]))
        self.got.append((headers, body.decode()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        writer.write(f"HTTP/1.1 {status} Said\r\nLocation: {self.url}\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@contextmanager
def listening(server: Harness) -> Iterator[Endpoint]:
    endpoint = Endpoint()
    listener = server.run(asyncio.start_server(endpoint.serve, "127.0.0.1", 0))
    endpoint.url = f"http://localhost:{listener.sockets[0].getsockname()[1]}/hook?a=b"
    try:
        yield endpoint
    finally:
        listener.close()


def test_an_endpoint_is_subscribed_once(server: Harness, call: Sns, topic: str) -> None:
    first = subscribed(server, topic, "q")
    assert first.startswith(f"{topic}:")
    assert subscribed(server, topic, "q") == first
    with pytest.raises(AwsError, match="already exists with different attributes"):
        subscribed(server, topic, "q", RawMessageDelivery="true")
    (shown,) = call("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]
    assert shown == {
        "SubscriptionArn": first,
        "Owner": "000000000000",
        "Protocol": "sqs",
        "Endpoint": "arn:aws:sqs:us-east-1:000000000000:q",
        "TopicArn": topic,
    }


def test_a_subscription_shows_its_attributes_and_ends(server: Harness, call: Sns, topic: str) -> None:
    arn = subscribed(server, topic, "q")

    def shown() -> Any:
        return call("GetSubscriptionAttributes", SubscriptionArn=arn)["Attributes"]

    found = shown()
    assert found["PendingConfirmation"] == "false"
    assert found["ConfirmationWasAuthenticated"] == "true"
    assert found["RawMessageDelivery"] == "false"
    assert "FilterPolicyScope" not in found
    policy = '{"a": ["b"]}'
    call(
        "SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=policy
    )
    assert (shown()["FilterPolicy"], shown()["FilterPolicyScope"]) == (policy, "MessageAttributes")
    call("SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="FilterPolicy")
    assert "FilterPolicy" not in shown()
    call("Unsubscribe", SubscriptionArn=arn)
    call("Unsubscribe", SubscriptionArn=arn)
    call("Publish", TopicArn=topic, Message="m")
    assert received(server, "q") == []
    with pytest.raises(AwsError, match="Subscription does not exist"):
        shown()


@pytest.mark.parametrize(
    ("protocol", "endpoint", "message"),
    [
        ("email", "a@example.com", "the protocol email is not supported by Stepwell"),
        ("sms", "+15555550100", "the protocol sms is not supported by Stepwell"),
        ("firehose", "arn:aws:firehose:r:0:d", "the protocol firehose is not supported by Stepwell"),
        ("pigeon", "x", "does not support this protocol string: pigeon"),
        ("sqs", "", "Endpoint"),
        ("sqs", "q", "SQS endpoint ARN"),
        ("sqs", "arn:aws:sqs:us-east-1:000000000000:q.fifo", "can not be subscribed to standard"),
        ("lambda", "arn:aws:sqs:us-east-1:000000000000:q", "Lambda endpoint ARN"),
        ("lambda", "arn:aws:lambda:us-east-1:000000000000:layer:x", "Lambda endpoint ARN"),
        ("http", "https://127.0.0.1/", "must match the specified protocol"),
        ("http", "http://example.com/", "this machine's own addresses only"),
        ("http", "http://169.254.169.254/latest/meta-data", "own addresses only"),
        ("http", "http://10.0.0.1/", "own addresses only"),
        ("http", "http://0.0.0.0/", "own addresses only"),
        ("http", "http://127.0.0.1@example.com/", "own addresses only"),
        ("http", "http://localhost.example.com/", "own addresses only"),
        ("http", "http://127.0.0.1.example.com/", "own addresses only"),
        ("http", "http://[::ffff:10.0.0.1]/", "own addresses only"),
        ("http", "http://2130706433/", "own addresses only"),
        ("https", "https://127.0.0.1:99999/", "own addresses only"),
    ],
)
def test_an_endpoint_that_gets_nothing_is_refused(
    call: Sns, topic: str, protocol: str, endpoint: str, message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        call("Subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint)


def test_a_fifo_topic_has_queues_only(server: Harness, call: Sns, fifo: str) -> None:
    with pytest.raises(AwsError, match="can not be subscribed to FIFO SNS topics"):
        call("Subscribe", TopicArn=fifo, Protocol="http", Endpoint="http://127.0.0.1/")
    assert subscribed(server, fifo, "standard").startswith(fifo)


def test_an_http_endpoint_confirms_and_is_notified(server: Harness, call: Sns, topic: str) -> None:
    with listening(server) as endpoint:
        answer = call("Subscribe", TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
        assert answer == {"SubscriptionArn": "pending confirmation"}
        call("Publish", TopicArn=topic, Message="too early")
        server.settle()
        ((headers, text),) = endpoint.got
        asked = json.loads(text)
        assert headers["x-amz-sns-message-type"] == asked["Type"] == "SubscriptionConfirmation"
        assert headers["x-amz-sns-topic-arn"] == topic
        assert asked["Token"] in asked["SubscribeURL"]
        (pending,) = call("ListSubscriptions")["Subscriptions"]
        assert pending["SubscriptionArn"] == "PendingConfirmation"
        with pytest.raises(AwsError, match="Token"):
            call("ConfirmSubscription", TopicArn=topic, Token="x")
        confirmed = call("ConfirmSubscription", TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]
        call("Publish", TopicArn=topic, Message="m")
        server.settle()
        headers, text = endpoint.got[1]
        assert (headers["x-amz-sns-subscription-arn"], json.loads(text)["Message"]) == (confirmed, "m")


def test_an_endpoint_that_fails_is_tried_again_and_one_that_refuses_is_not(
    server: Harness, call: Sns, topic: str
) -> None:
    dead = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": queue(server, "dead")})}
    with listening(server) as endpoint:
        call("Subscribe", TopicArn=topic, Protocol="http", Endpoint=endpoint.url, Attributes=dead)
        server.settle()
        token = json.loads(endpoint.got[0][1])["Token"]
        call("ConfirmSubscription", TopicArn=topic, Token=token)
        for statuses, tries, lost in (([503, 200], 2, 0), ([302], 1, 1), ([404], 1, 1), ([500], 4, 1)):
            endpoint.got.clear()
            endpoint.statuses = list(statuses)
            call("Publish", TopicArn=topic, Message="m")
            for _ in range(6):
                server.settle()
                server.advance(60)
            assert (len(endpoint.got), len(received(server, "dead"))) == (tries, lost), statuses
            server.call("sqs", "PurgeQueue", QueueUrl="dead")
            server.advance(60)


def test_a_token_is_good_for_two_days(server: Harness, call: Sns, topic: str) -> None:
    with listening(server) as endpoint:
        call("Subscribe", TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
        server.settle()
        server.advance(2 * 86_400 + 1)
        with pytest.raises(AwsError, match="Token"):
            call("ConfirmSubscription", TopicArn=topic, Token=json.loads(endpoint.got[0][1])["Token"])
