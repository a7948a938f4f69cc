"""Rules, buses, targets and tags: what is kept, shown, listed, refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import ACCOUNT

from stepwell.errors import AwsError

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule"
SHOP = {"source": ["shop"]}
#: operation, parameters, error code, words of the message
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("PutRule", {"Name": "r"}, "ValidationException", "EventPattern or ScheduleExpression must be specified"),
    ("PutRule", {"Name": "r", "EventPattern": "{}"}, "InvalidEventPatternException", "Empty objects"),
    (
        "PutRule",
        {"Name": "r", "ScheduleExpression": "cron(0 1 * * * *)"},
        "ValidationException",
        "Parameter ScheduleExpression is not valid. Reason: day-of-week",
    ),
    (
        "PutRule",
        {"Name": "r", "ScheduleExpression": "rate(1 hour)", "EventBusName": "own"},
        "ValidationException",
        "ScheduleExpression is supported only on the default event bus.",
    ),
    (
        "PutRule",
        {"Name": "r", "EventPattern": json.dumps(SHOP), "EventBusName": "none"},
        "ResourceNotFoundException",
        "Event bus none does not exist.",
    ),
    (
        "PutRule",
        {"Name": "r", "EventPattern": json.dumps(SHOP), "RoleArn": f"{ROLE}-not"},
        "ValidationException",
        "cannot be assumed by principal 'events.amazonaws.com'",
    ),
    (
        "DescribeRule",
        {"Name": "no"},
        "ResourceNotFoundException",
        "Rule no does not exist on EventBus default.",
    ),
    ("EnableRule", {"Name": "no"}, "ResourceNotFoundException", "Rule no does not exist"),
    ("DeleteRule", {"Name": "full"}, "ValidationException", "Rule can't be deleted since it has targets."),
    ("ListTargetsByRule", {"Rule": "no"}, "ResourceNotFoundException", "Rule no does not exist"),
    ("CreateEventBus", {"Name": "own"}, "ResourceAlreadyExistsException", "Event bus own already exists."),
    ("CreateEventBus", {"Name": "default"}, "ResourceAlreadyExistsException", "default"),
    ("CreateEventBus", {"Name": "a/b"}, "ValidationException", "must not contain '/'"),
    ("DeleteEventBus", {"Name": "default"}, "ValidationException", "Cannot delete event bus default."),
    ("DeleteEventBus", {"Name": "own"}, "ValidationException", "since it has rules"),
    ("DescribeEventBus", {"Name": "no"}, "ResourceNotFoundException", "Event bus no does not exist."),
    ("RemovePermission", {"StatementId": "s"}, "ResourceNotFoundException", "does not have a policy"),
    ("PutPermission", {"Action": "events:PutEvents"}, "ValidationException", "Principal must be specified"),
    ("PutPermission", {"Policy": "{"}, "ValidationException", "Policy is not valid"),
    ("ListTagsForResource", {"ResourceARN": f"{RULE}/no"}, "ResourceNotFoundException", "Rule no does not"),
    ("TagResource", {"ResourceARN": "no", "Tags": []}, "ResourceNotFoundException", "does not exist"),
    ("ListRules", {"NextToken": "???"}, "ValidationException", "Invalid token."),
    (
        "TestEventPattern",
        {"EventPattern": "[]", "Event": "{}"},
        "InvalidEventPatternException",
        "not an object",
    ),
    ("TestEventPattern", {"EventPattern": json.dumps(SHOP), "Event": "{"}, "ValidationException", "Event"),
    (
        "TestEventPattern",
        {"EventPattern": json.dumps(SHOP), "Event": "{}"},
        "ValidationException",
        "id is missing",
    ),
]
#: a target, words of the message
REFUSED_TARGETS: list[tuple[dict[str, Any], str]] = [
    ({"Arn": "nonsense"}, "Provided Arn is not in correct format."),
    ({"Arn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:t"}, "kinesis:us-east-1:000000000000:t is not supported"),
    (
        {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:l"},
        "layer:l is not supported by Stepwell as a target",
    ),
    ({"Arn": MACHINE}, "RoleArn is required for target"),
    ({"Arn": f"{BUS}/own"}, "RoleArn is required for target"),
    ({"Arn": MACHINE, "RoleArn": f"{ROLE}-not"}, "cannot be assumed by principal"),
    ({"Arn": "arn:aws:ssm:us-east-1::document/D", "RoleArn": ROLE}, "RunCommandParameters is required"),
    ({"Arn": f"{BUS}/own", "RoleArn": ROLE, "Input": "{}"}, "An event bus gets the event itself"),
    ({"Arn": FUNCTION, "Input": "{"}, "JSON syntax error in input for target t"),
    ({"Arn": FUNCTION, "Input": "{}", "InputPath": "$"}, "Only one of Input"),
    ({"Arn": FUNCTION, "InputTransformer": {"InputTemplate": '"<a>"'}}, "invalid placeholder a"),
    ({"Arn": FUNCTION, "DeadLetterConfig": {"Arn": MACHINE}}, "a dead letter goes to an SQS queue"),
    ({"Arn": FUNCTION, "EcsParameters": {"TaskDefinitionArn": "t"}}, "EcsParameters is not supported"),
]


@pytest.fixture
def full(world):
    """A world with a bus of its own, and a rule with a target."""
    world.call("CreateEventBus", Name="own", Description="ours", Tags=[{"Key": "k", "Value": "v"}])
    world.rule("full", SHOP, {"Id": "t", "Arn": FUNCTION})
    world.rule("there", SHOP, EventBusName="own")
    return world


@pytest.mark.parametrize(("operation", "params", "code", "text"), REFUSED)
def test_what_is_refused(full, operation, params, code, text):
    with pytest.raises(AwsError) as raised:
        full.call(operation, **params)
    assert raised.value.error_code == code
    assert text in raised.value.message


@pytest.mark.parametrize(("target", "text"), REFUSED_TARGETS, ids=[text for _, text in REFUSED_TARGETS])
def test_targets_that_could_never_get_an_event_are_refused_by_name(full, target, text):
    with pytest.raises(AwsError) as raised:
        full.call("PutTargets", Rule="full", Targets=[{"Id": "t", **target}])
    assert text in raised.value.message
    assert full.call("ListTargetsByRule", Rule="full")["Targets"] == [{"Id": "t", "Arn": FUNCTION}]


def test_a_role_is_trusted_with_the_rules_that_its_trust_policy_names(full):
    """EventBridge's page on the confused deputy: `aws:SourceArn` is the rule's ARN."""
    full.source = f"{RULE}/fu*"
    full.call("PutTargets", Rule="full", Targets=[{"Id": "m", "Arn": MACHINE, "RoleArn": ROLE}])
    full.rule("other", SHOP)
    with pytest.raises(AwsError, match="cannot be assumed"):
        full.call("PutTargets", Rule="other", Targets=[{"Id": "m", "Arn": MACHINE, "RoleArn": ROLE}])
    with pytest.raises(AwsError, match="cannot be assumed"):
        full.call("PutRule", Name="third", EventPattern=json.dumps(SHOP), RoleArn=ROLE)


def test_a_queue_is_refused_where_the_server_has_none(full):
    full.without = ("sqs",)
    for target in ({"Arn": QUEUE}, {"Arn": FUNCTION, "DeadLetterConfig": {"Arn": QUEUE}}):
        with pytest.raises(AwsError, match="not supported by Stepwell"):
            full.call("PutTargets", Rule="full", Targets=[{"Id": "q", **target}])


def test_a_rule_is_shown_as_it_was_put(world):
    arn = world.rule("r", SHOP, Description="d", RoleArn=ROLE, State="DISABLED")
    assert arn == f"{RULE}/r"
    shown = world.call("DescribeRule", Name="r")
    assert shown == {
        "Name": "r",
        "Arn": arn,
        "State": "DISABLED",
        "EventBusName": "default",
        "EventPattern": json.dumps(SHOP),
        "Description": "d",
        "RoleArn": ROLE,
        "CreatedBy": ACCOUNT,
    }


def test_putting_a_rule_again_drops_what_is_left_out_and_keeps_targets_and_tags(world):
    world.rule("r", SHOP, {"Id": "t", "Arn": FUNCTION}, Description="d", Tags=[{"Key": "a", "Value": "b"}])
    world.rule("r", None, ScheduleExpression="rate(1 hour)", Tags=[{"Key": "c", "Value": "d"}])
    shown = world.call("DescribeRule", Name="r")
    assert "Description" not in shown and "EventPattern" not in shown
    assert [target["Id"] for target in world.call("ListTargetsByRule", Rule="r")["Targets"]] == ["t"]
    tags = world.call("ListTagsForResource", ResourceARN=f"{RULE}/r")["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]


def test_rules_are_listed_by_bus_prefix_and_page(full):
    for name in ("fa", "fb", "g"):
        full.rule(name, SHOP)
    first = full.call("ListRules", NamePrefix="f", Limit=2)
    rest = full.call("ListRules", NamePrefix="f", Limit=2, NextToken=first["NextToken"])
    assert [rule["Name"] for rule in [*first["Rules"], *rest["Rules"]]] == ["fa", "fb", "full"]
    assert "NextToken" not in rest
    assert [rule["Name"] for rule in full.call("ListRules", EventBusName="own")["Rules"]] == ["there"]


def test_a_bus_is_named_by_its_arn_too(full):
    assert full.call("DescribeRule", Name="there", EventBusName=f"{BUS}/own")["Arn"] == f"{RULE}/own/there"


def test_a_rule_takes_five_targets(world):
    targets = [{"Id": f"t{n}", "Arn": FUNCTION} for n in range(6)]
    world.rule("r", SHOP, *targets[:5])
    with pytest.raises(AwsError, match="exceeds the maximum number allowed") as raised:
        world.call("PutTargets", Rule="r", Targets=targets[5:])
    assert raised.value.error_code == "LimitExceededException"
    world.call("PutTargets", Rule="r", Targets=[{**targets[0], "Input": "1"}])
    assert world.call("ListTargetsByRule", Rule="r", Limit=1)["Targets"] == [{**targets[0], "Input": "1"}]


def test_removed_targets_are_gone_and_unknown_ones_are_told(full):
    answer = full.call("RemoveTargets", Rule="full", Ids=["t", "u"])
    assert answer["FailedEntryCount"] == 1
    assert answer["FailedEntries"][0]["TargetId"] == "u"
    full.call("DeleteRule", Name="full")
    full.call("DeleteRule", Name="full")


def test_rules_are_found_by_their_target(full):
    full.rule("other", SHOP, {"Id": "x", "Arn": FUNCTION})
    assert full.call("ListRuleNamesByTarget", TargetArn=FUNCTION) == {"RuleNames": ["full", "other"]}
    assert full.call("ListRuleNamesByTarget", TargetArn=MACHINE) == {"RuleNames": []}


def test_buses_are_described_changed_listed_and_deleted(full):
    shown = full.call("DescribeEventBus", Name="own")
    assert (shown["Name"], shown["Arn"], shown["Description"]) == ("own", f"{BUS}/own", "ours")
    full.call("UpdateEventBus", Name="own", KmsKeyIdentifier="alias/k")
    assert full.call("DescribeEventBus", Name=f"{BUS}/own")["KmsKeyIdentifier"] == "alias/k"
    assert [bus["Name"] for bus in full.call("ListEventBuses")["EventBuses"]] == ["default", "own"]
    full.call("DeleteRule", Name="there", EventBusName="own")
    full.call("DeleteEventBus", Name="own")
    full.call("DeleteEventBus", Name="own")
    assert [bus["Name"] for bus in full.call("ListEventBuses")["EventBuses"]] == ["default"]


def test_the_default_bus_is_there_before_anything(world):
    assert world.call("DescribeEventBus") == {"Name": "default", "Arn": f"{BUS}/default"}
    assert [bus["Name"] for bus in world.call("ListEventBuses")["EventBuses"]] == ["default"]


def test_permissions_are_statements_of_the_bus_s_policy(full):
    condition = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"}
    full.call("PutPermission", Action="events:PutEvents", Principal="111122223333", StatementId="a")
    full.call("PutPermission", Action="events:PutEvents", Principal="*", StatementId="b", Condition=condition)
    statements = json.loads(full.call("DescribeEventBus")["Policy"])["Statement"]
    assert [each["Sid"] for each in statements] == ["a", "b"]
    assert statements[0]["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    assert statements[1]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    full.call("RemovePermission", StatementId="a")
    with pytest.raises(AwsError, match="Statement with the provided id does not exist"):
        full.call("RemovePermission", StatementId="a")
    full.call("RemovePermission", RemoveAllPermissions=True)
    assert "Policy" not in full.call("DescribeEventBus")


def test_tags_of_rules_and_buses(full):
    for arn in (f"{RULE}/full", f"{RULE}/own/there", f"{BUS}/own", f"{BUS}/default"):
        full.call(
            "TagResource", ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
        )
        full.call("UntagResource", ResourceARN=arn, TagKeys=["a", "k", "none"])
        assert full.call("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_pattern_is_tried_on_an_event(world):
    event = {
        "id": "1",
        "account": ACCOUNT,
        "source": "shop",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail-type": "Order",
    }
    for pattern, result in ((SHOP, True), ({"source": ["x"]}, False)):
        answer = world.call("TestEventPattern", EventPattern=json.dumps(pattern), Event=json.dumps(event))
        assert answer == {"Result": result}


def test_a_bus_has_three_hundred_rules_at_most(world: Any) -> None:
    server = world.harness
    for number in range(300):
        server.call("events", "PutRule", Name=f"r{number}", EventPattern=json.dumps(SHOP))
    with pytest.raises(AwsError) as refusal:
        server.call("events", "PutRule", Name="one-more", EventPattern=json.dumps(SHOP))
    assert refusal.value.error_code == "LimitExceededException"
    server.call("events", "PutRule", Name="r0", EventPattern=json.dumps(SHOP))
