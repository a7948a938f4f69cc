"""S3 behind the real dispatch, and a function service that knows policies and keeps what it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import ACCOUNT, Harness

from stepwell.api.operations import Operation, Service, words
from stepwell.calls import Call
from stepwell.durable import Draft, Timer, View
from stepwell.errors import AwsError
from stepwell.services import s3 as service


class S3:
    """Calls S3, and sees what it sends to others."""

    def __init__(self, server: Harness) -> None:
        self.server = server
        self.deliveries: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        #: function name, or a topic's ARN → its policy
        self.policies: dict[str, Any] = {}

    def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        """The call's output."""
        return self.server.call("s3", operation, **params)

    def fails(self, operation: str, **params: Any) -> AwsError:
        """The error of a call that must fail."""
        with pytest.raises(AwsError) as caught:
            self(operation, **params)
        return caught.value

    def put(self, key: str, body: bytes = b"", **params: Any) -> dict[str, Any]:
        return self("PutObject", Bucket="data", Key=key, Body=body, **params)

    def bytes_of(self, key: str, **params: Any) -> bytes:
        body = self("GetObject", Bucket="data", Key=key, **params)["Body"]

        async def read() -> bytes:
            return b"".join([piece async for piece in body.chunks()])

        return self.server.run(read())

    def listed(self, **params: Any) -> list[str]:
        page = self("ListObjectsV2", Bucket="data", **params)
        return [each["Key"] for each in page.get("Contents", ())]

    def allow(self, function: str, source: str = "arn:aws:s3:::data") -> str:
        """Let a bucket invoke a function; gives the function's ARN."""
        arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}"
        self.policies[function] = {
            "Version": "2012-10-17",
            "Statement": {
                "Sid": "s3",
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Resource": arn,
                "Condition": {"ArnLike": {"aws:SourceArn": source}},
            },
        }
        return arn

    def open_topic(self, topic: str, source: str = "arn:aws:s3:::data") -> str:
        """Let a bucket publish to a topic; gives the topic's ARN."""
        arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:{topic}"
        self.policies[arn] = {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": arn,
                "Condition": {"ArnLike": {"aws:SourceArn": source}},
            },
        }
        return arn

    def topics(self) -> Service:
        def get_attributes(call: Call, view: View) -> dict[str, Any]:
            document = self.policies.get(call.params["TopicArn"])
            if document is None:
                raise AwsError("no topic", code="NotFound", status=404)
            return {"Attributes": {"Policy": json.dumps(document)}}

        row = Operation(name="GetTopicAttributes", rights=(), honoured=("TopicArn",), read=get_attributes)
        return Service("sns", [row])

    def functions(self) -> Service:
        def get_policy(call: Call, view: View) -> dict[str, str]:
            document = self.policies.get(call.params["FunctionName"])
            if document is None:
                raise AwsError("no policy", code="ResourceNotFoundException", status=404)
            return {"Policy": json.dumps(document)}

        row = Operation(
            name="GetPolicy", rights=(), honoured=words("FunctionName Qualifier"), read=get_policy
        )
        return Service("lambda", [row])

    def timers(self) -> dict[str, Any]:
        def keep(into: list[dict[str, Any]]) -> Any:
            def handler(timer: Timer, draft: Draft) -> None:
                into.append(dict(timer.body))

            return handler

        return {"delivery": keep(self.deliveries), "event": keep(self.events)}


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3]:
    """S3 with an empty bucket `data`."""
    with Harness(tmp_path) as server:
        caller = S3(server)
        server.serve([service.service(), caller.functions(), caller.topics()], timers=caller.timers())
        caller("CreateBucket", Bucket="data")
        yield caller
