"""What follows from an event: each target of the rules that want it gets its input, or is known why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import ACCOUNT, Harness
from services.events.conftest import World

from stepwell.errors import AwsError

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule"
SHOP = {"source": ["shop"]}


def busy() -> AwsError:
    return AwsError("busy", code="TooManyRequestsException", status=429)


def test_a_function_gets_the_event_as_the_rule_s_own(world):
    world.rule("r", {**SHOP, "detail": {"n": [1]}}, {"Id": "t", "Arn": FUNCTION})
    world.put({"n": 2})
    name = world.put({"n": 1}, Resources=["arn:x"], Time=1_600_000_000.0)
    (call,) = world.calls
    assert (call.operation, call.params["FunctionName"]) == ("Invoke", FUNCTION)
    assert (call.caller.kind, call.caller.arn) == ("service", "events.amazonaws.com")
    assert call.origin.source_arn == f"{RULE}/r"
    assert world.payloads() == [
        {
            "version": "0",
            "id": name,
            "detail-type": "Order",
            "source": "shop",
            "account": ACCOUNT,
            "time": "2020-09-13T12:26:40Z",
            "region": "us-east-1",
            "resources": ["arn:x"],
            "detail": {"n": 1},
        }
    ]


def test_a_machine_is_started_as_the_target_s_role(world):
    world.rule("r", SHOP, {"Id": "t", "Arn": MACHINE, "RoleArn": ROLE, "InputPath": "$.detail"})
    world.put({"n": 1})
    (call,) = world.calls
    assert (call.operation, call.params["stateMachineArn"]) == ("StartExecution", MACHINE)
    assert (call.caller.kind, call.caller.role) == ("role", ROLE)
    assert world.payloads() == [{"n": 1}]


def test_every_target_gets_its_own_input(world):
    template = {
        "InputPathsMap": {"n": "$.detail.n"},
        "InputTemplate": '{"got": <n>, "by": <aws.events.rule-arn>}',
    }
    world.rule(
        "r",
        SHOP,
        {"Id": "a", "Arn": FUNCTION, "Input": '{"fixed": true}'},
        {"Id": "b", "Arn": FUNCTION, "InputTransformer": template},
    )
    world.put({"n": 5})
    assert world.payloads() == [{"fixed": True}, {"got": 5, "by": f"{RULE}/r"}]


def test_a_log_group_gets_a_stream_for_each_event(world):
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/shop:*"
    world.rule("r", SHOP, {"Id": "t", "Arn": group, "InputPath": "$.detail"})
    world.put({"n": 1})
    create, write = world.calls
    assert create.params["logGroupName"] == write.params["logGroupName"] == "/aws/events/shop"
    assert create.params["logStreamName"] == write.params["logStreamName"]
    assert [event["message"] for event in write.params["logEvents"]] == ['{"n": 1}']


def test_run_command_gets_its_targets_and_the_document_s_parameters(world):
    target = {
        "Id": "t",
        "Arn": "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
        "RoleArn": ROLE,
        "Input": '{"commands": ["echo hi"], "executionTimeout": "60"}',
        "RunCommandParameters": {"RunCommandTargets": [{"Key": "InstanceIds", "Values": ["i-1"]}]},
    }
    world.rule("r", SHOP, target)
    world.put()
    (call,) = world.calls
    assert call.params == {
        "DocumentName": "AWS-RunShellScript",
        "Targets": [{"Key": "InstanceIds", "Values": ["i-1"]}],
        "Parameters": {"commands": ["echo hi"], "executionTimeout": ["60"]},
    }


def test_an_event_that_is_no_document_s_parameters_is_given_up(world):
    parameters = {"RunCommandTargets": [{"Key": "InstanceIds", "Values": ["i-1"]}]}
    document = "arn:aws:ssm:us-east-1::document/D"
    target = {"Id": "t", "Arn": document, "RoleArn": ROLE, "RunCommandParameters": parameters, "Input": "[1]"}
    world.rule("r", SHOP, target)
    world.put()
    assert [lost.code for lost in world.given_up()] == ["InvalidParameters"]


def test_a_queue_gets_a_message(world):
    world.rule(
        "r",
        SHOP,
        {"Id": "t", "Arn": QUEUE, "InputPath": "$.detail", "SqsParameters": {"MessageGroupId": "g"}},
    )
    world.put({"n": 1})
    (call,) = world.calls
    assert call.params["QueueUrl"].endswith(f"/{ACCOUNT}/dead")
    assert (call.params["MessageBody"], call.params["MessageGroupId"]) == ('{"n": 1}', "g")


def test_rules_that_are_off_and_rules_of_other_buses_do_nothing(world):
    world.call("CreateEventBus", Name="own")
    world.rule("off", SHOP, {"Id": "t", "Arn": FUNCTION, "Input": '"off"'})
    world.rule("other", SHOP, {"Id": "t", "Arn": FUNCTION, "Input": '"other"'}, EventBusName="own")
    world.call("DisableRule", Name="off")
    world.put()
    assert world.payloads() == []
    world.put(EventBusName="own")
    world.call("EnableRule", Name="off")
    world.put()
    assert world.payloads() == ["other", "off"]


def test_a_rule_that_changed_is_matched_as_it_is_now(world):
    world.rule("r", SHOP, {"Id": "t", "Arn": FUNCTION})
    world.put()
    world.rule("r", {"source": ["else"]})
    world.put()
    world.call("RemoveTargets", Rule="r", Ids=["t"])
    world.call("DeleteRule", Name="r")
    world.put(source="else")
    assert len(world.calls) == 1


def test_events_of_this_server_s_services_come_to_the_default_bus(world):
    world.rule("r", {"source": ["aws.s3"], "detail-type": ["Object Created"]}, {"Id": "t", "Arn": FUNCTION})
    sent = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "resources": ["arn:aws:s3:::b"],
        "detail": {},
    }
    world.harness.decide(lambda draft: draft.send("event", sent))
    world.harness.settle()
    assert [payload["resources"] for payload in world.payloads()] == [["arn:aws:s3:::b"]]


def test_deliveries_to_one_target_keep_the_order_of_their_events(world):
    world.rule("r", SHOP, {"Id": "t", "Arn": FUNCTION, "InputPath": "$.detail.n"})
    world.failures = [busy(), busy()]
    entries = [{"Source": "shop", "DetailType": "d", "Detail": json.dumps({"n": n})} for n in range(5)]
    world.call("PutEvents", Entries=entries)
    world.call("PutEvents", Entries=entries)
    world.harness.settle()
    assert world.payloads() == [0]
    world.harness.advance(1)
    world.harness.advance(2)
    assert world.payloads() == [0, 0, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4]


def test_one_target_s_trouble_does_not_hold_up_another(world):
    world.rule(
        "r",
        SHOP,
        {"Id": "a", "Arn": FUNCTION, "Input": '"a"'},
        {"Id": "b", "Arn": FUNCTION, "Input": '"b"'},
    )
    world.failures = [busy()]
    world.put()
    assert sorted(world.payloads()) == ["a", "b"]
    world.harness.advance(1)
    assert len(world.calls) == 3


def test_waiting_deliveries_outlive_the_server_and_keep_their_order(tmp_path: Path):
    with Harness(tmp_path) as harness:
        first = World(harness).serve()
        first.rule("r", SHOP, {"Id": "t", "Arn": FUNCTION, "InputPath": "$.detail.n"})
        first.failures = [busy()]
        for number in range(3):
            first.put({"n": number})
        assert first.payloads() == [0]
    with Harness(tmp_path) as harness:
        second = World(harness).serve()
        harness.advance(2)
        assert second.payloads() == [0, 1, 2]
        second.put({"n": 3})
        assert second.payloads() == [0, 1, 2, 3]


def test_what_is_given_up_lets_the_next_one_pass(world):
    world.rule("r", SHOP, {"Id": "t", "Arn": FUNCTION, "InputPath": "$.detail.n"})
    world.failures = [AwsError("denied", code="AccessDeniedException")]
    world.put({"n": 1})
    world.put({"n": 2})
    assert world.payloads() == [1, 2]
    assert [lost.code for lost in world.given_up()] == ["AccessDeniedException"]


@pytest.mark.parametrize(
    ("policy", "waits", "condition"),
    [
        ({"MaximumRetryAttempts": 2}, [1, 2], "MaximumRetryAttempts"),
        ({"MaximumRetryAttempts": 0}, [], "MaximumRetryAttempts"),
        ({"MaximumEventAgeInSeconds": 60}, [1, 2, 4, 8, 16], "MaximumEventAgeInSeconds"),
    ],
)
def test_a_delivery_that_fails_to_the_end_is_a_dead_letter(world, policy, waits, condition):
    target = {"Id": "t", "Arn": FUNCTION, "RetryPolicy": policy, "DeadLetterConfig": {"Arn": QUEUE}}
    world.rule("r", SHOP, {**target, "InputPath": "$.detail"})
    world.failures = [busy() for _ in range(len(waits) + 1)]
    name = world.put({"n": 1})
    for wait in waits:
        world.harness.advance(wait)
    letter = world.calls[-1]
    assert [call.operation for call in world.calls] == ["Invoke"] * (len(waits) + 1) + ["SendMessage"]
    assert json.loads(letter.params["MessageBody"])["id"] == name
    attributes = {key: value["StringValue"] for key, value in letter.params["MessageAttributes"].items()}
    assert attributes == {
        "RULE_ARN": f"{RULE}/r",
        "TARGET_ARN": FUNCTION,
        "ERROR_CODE": "THROTTLING",
        "ERROR_MESSAGE": "busy",
        "EXHAUSTED_RETRY_CONDITION": condition,
        "RETRY_ATTEMPTS": str(len(waits)),
    }
    assert [lost.attempts for lost in world.given_up()] == [len(waits) + 1]


def test_a_denied_target_is_a_dead_letter_at_once(world):
    world.rule("r", SHOP, {"Id": "t", "Arn": FUNCTION, "DeadLetterConfig": {"Arn": QUEUE}})
    world.failures = [AwsError("not authorized", code="AccessDeniedException", status=403)]
    world.put()
    assert [call.operation for call in world.calls] == ["Invoke", "SendMessage"]
    attributes = world.calls[-1].params["MessageAttributes"]
    assert attributes["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert "EXHAUSTED_RETRY_CONDITION" not in attributes


def test_a_dead_letter_that_fails_makes_no_other(world):
    world.rule("r", SHOP, {"Id": "t", "Arn": FUNCTION, "DeadLetterConfig": {"Arn": QUEUE}})
    world.failures = [
        AwsError("no", code="AccessDeniedException"),
        AwsError("no", code="AccessDeniedException"),
    ]
    world.put()
    assert [lost.target for lost in world.given_up()] == [FUNCTION, QUEUE]


def test_a_template_whose_result_is_no_json_is_given_up_with_its_reason(world):
    template = {"InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '{"a": "<a>"}'}
    world.rule("r", SHOP, {"Id": "t", "Arn": FUNCTION, "InputTransformer": template})
    world.put({"a": 'say "hi"'})
    (lost,) = world.given_up()
    assert (lost.code, world.calls) == ("InvalidInput", [])
    assert lost.payload["detail"] == {"a": 'say "hi"'}


def test_an_event_goes_on_to_another_bus_as_it_is(world):
    world.call("CreateEventBus", Name="own")
    world.rule("r", SHOP, {"Id": "t", "Arn": f"{BUS}/own", "RoleArn": ROLE})
    world.rule("there", SHOP, {"Id": "t", "Arn": FUNCTION}, EventBusName="own")
    name = world.put()
    assert [payload["id"] for payload in world.payloads()] == [name]
    assert world.calls[0].origin.source_arn == f"{RULE}/own/there"


@pytest.mark.parametrize(
    ("forbidden", "code"), [(True, "AccessDeniedException"), (False, "ResourceNotFoundException")]
)
def test_an_event_that_may_not_or_can_not_go_on_is_given_up(world, forbidden, code):
    world.forbidden = [("events:PutEvents", f"{BUS}/none")] if forbidden else []
    if forbidden:
        world.call("CreateEventBus", Name="none")
    world.rule("r", SHOP, {"Id": "t", "Arn": f"{BUS}/none", "RoleArn": ROLE})
    world.put()
    assert [lost.code for lost in world.given_up()] == [code]


def test_buses_that_name_each_other_come_to_rest(world):
    world.call("CreateEventBus", Name="own")
    world.rule("r", SHOP, {"Id": "t", "Arn": f"{BUS}/own", "RoleArn": ROLE})
    world.rule("back", SHOP, {"Id": "t", "Arn": f"{BUS}/default", "RoleArn": ROLE}, EventBusName="own")
    world.put()
    assert [lost.code for lost in world.given_up()] == ["TooManyHops"]


@pytest.mark.timeout(20)
def test_buses_that_multiply_an_event_do_so_up_to_a_limit(world):
    """A bus with twenty targets that are itself would make 3,200,000 of one event."""
    world.call("CreateEventBus", Name="own")
    again = [{"Id": f"{each}", "Arn": f"{BUS}/own", "RoleArn": ROLE} for each in range(5)]
    for rule in range(4):
        world.rule(f"r{rule}", SHOP, *again, EventBusName="own")
    world.put(EventBusName="own")
    assert [(lost.code, lost.attempts) for lost in world.given_up()] == [("TooManyHops", 1)]


GOOD = {"Source": "shop", "DetailType": "d", "Detail": "{}"}
ENTRIES = [
    ({**GOOD, "Source": ""}, "InvalidArgument", "Source is a required argument."),
    ({"Source": "shop", "Detail": "{}"}, "InvalidArgument", "DetailType is a required argument."),
    ({"Source": "shop", "DetailType": "d"}, "InvalidArgument", "Detail is a required argument."),
    ({**GOOD, "Source": "aws.s3"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
    ({**GOOD, "Time": 1e18}, "InvalidArgument", "Time is not valid"),
    ({**GOOD, "Detail": "{"}, "MalformedDetail", "Detail is malformed."),
    ({**GOOD, "Detail": "[]"}, "MalformedDetail", "Detail is malformed."),
    ({**GOOD, "Detail": '{"a": NaN}'}, "MalformedDetail", "Detail is malformed."),
    ({**GOOD, "Detail": '{"a": "\\ud800"}'}, "MalformedDetail", "Detail is malformed."),
    ({**GOOD, "Detail": '{"a":' * 5000 + "1" + "}" * 5000}, "MalformedDetail", "Detail is malformed."),
]


@pytest.mark.parametrize(
    ("entry", "code", "text"), ENTRIES, ids=[f"{code}-{n}" for n, (_, code, _) in enumerate(ENTRIES)]
)
def test_a_bad_entry_is_told_and_holds_up_no_good_one(world, entry, code, text):
    world.rule("r", {"source": [{"prefix": ""}]}, {"Id": "t", "Arn": FUNCTION})
    answer = world.call("PutEvents", Entries=[entry, GOOD])
    world.harness.settle()
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert text in answer["Entries"][0]["ErrorMessage"]
    assert [payload["id"] for payload in world.payloads()] == [answer["Entries"][1]["EventId"]]


def test_a_call_takes_ten_entries_and_256_kilobytes(world):
    with pytest.raises(AwsError, match="length less than or equal to 10"):
        world.call("PutEvents", Entries=[GOOD] * 11)
    large = {**GOOD, "Detail": json.dumps({"a": "x" * 130_000})}
    with pytest.raises(AwsError, match="Total size of the entries"):
        world.call("PutEvents", Entries=[large, large, large])
    world.call("PutEvents", Entries=[large])


def test_an_event_for_a_bus_that_does_not_exist_is_dropped(world, caplog):
    world.put(EventBusName="none")
    assert "none, which does not exist" in caplog.text
