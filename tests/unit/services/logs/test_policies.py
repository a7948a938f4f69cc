"""Resource policies of log groups: kept by name, checked, and one policy together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import ACCOUNT, Harness

from stepwell.api.callers import service_principal
from stepwell.api.operations import Service
from stepwell.errors import AwsError
from stepwell.identity.evaluate import Policies, Request, decide
from stepwell.services.logs import policies, policy_of

STREAM = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/a:log-stream:s"


def document(action: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": action,
        "Resource": "arn:aws:logs:*:*:log-group:/aws/events/*:*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Harness]:
    with Harness(tmp_path) as harness:
        yield harness.serve([Service("logs", policies.OPERATIONS)])


def allowed(server: Harness, action: str, resource: str = STREAM) -> bool:
    found = server.read(policy_of)
    asker = service_principal("events.amazonaws.com", ACCOUNT)
    request = Request(action=action, resource=resource, principal=asker, context={})
    return decide(request, Policies(resource=found)).allowed


def test_together_they_allow_what_each_allows(server):
    assert not allowed(server, "logs:PutLogEvents")
    server.call("logs", "PutResourcePolicy", policyName="a", policyDocument=document("logs:PutLogEvents"))
    assert allowed(server, "logs:PutLogEvents")
    assert not allowed(server, "logs:CreateLogStream")
    server.call("logs", "PutResourcePolicy", policyName="b", policyDocument=document("logs:CreateLogStream"))
    assert allowed(server, "logs:PutLogEvents") and allowed(server, "logs:CreateLogStream")
    assert not allowed(server, "logs:PutLogEvents", STREAM.replace("/aws/events", "/other"))


def test_they_are_listed_replaced_and_deleted(server):
    for name, action in (("b", "logs:A"), ("a", "logs:B"), ("b", "logs:C")):
        server.call("logs", "PutResourcePolicy", policyName=name, policyDocument=document(action))
    found = server.call("logs", "DescribeResourcePolicies")["resourcePolicies"]
    assert [(each["policyName"], each["policyDocument"]) for each in found] == [
        ("a", document("logs:B")),
        ("b", document("logs:C")),
    ]
    server.call("logs", "DeleteResourcePolicy", policyName="a")
    with pytest.raises(AwsError, match="does not exist") as raised:
        server.call("logs", "DeleteResourcePolicy", policyName="a")
    assert raised.value.error_code == "ResourceNotFoundException"


@pytest.mark.parametrize("params", [{}, {"policyName": "a"}, {"policyName": "a", "policyDocument": "{"}])
def test_what_makes_no_sense_is_refused(server, params):
    with pytest.raises(AwsError) as raised:
        server.call("logs", "PutResourcePolicy", **params)
    assert raised.value.error_code == "InvalidParameterException"


def test_an_account_has_ten(server):
    for number in range(10):
        server.call("logs", "PutResourcePolicy", policyName=f"{number}", policyDocument=document("logs:A"))
    server.call("logs", "PutResourcePolicy", policyName="0", policyDocument=document("logs:B"))
    with pytest.raises(AwsError) as raised:
        server.call("logs", "PutResourcePolicy", policyName="x", policyDocument=document("logs:A"))
    assert raised.value.error_code == "LimitExceededException"
