"""EventBridge on a real server, by boto3: rules fire at functions, machines, log groups, or say why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from functions import function, machine, messages
from running import Running, role, until

from stepwell.testing import Stepwell

SEEN = "import json\ndef handler(event, context):\n    print('SEEN', json.dumps(event))\n"


def rule(running: Running, name: str, pattern: Any, *targets: dict[str, Any]) -> str:
    """A rule with its targets, whose functions let it invoke them; gives its ARN."""
    events = running.client("events")
    arn: str = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    for target in targets:
        if ":function:" in target["Arn"]:
            allow(running, target["Arn"], name, arn)
    answer = events.put_targets(Rule=name, Targets=list(targets))
    assert answer["FailedEntryCount"] == 0
    return arn


def allow(running: Running, function_arn: str, statement: str, rule_arn: str) -> None:
    running.client("lambda").add_permission(
        FunctionName=function_arn,
        StatementId=statement,
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule_arn,
    )


def put(running: Running, source: str, *details: Any) -> None:
    entries = [{"Source": source, "DetailType": "Order", "Detail": json.dumps(each)} for each in details]
    assert running.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0


def seen(running: Running, name: str) -> list[Any]:
    """What the function of that name got."""
    try:
        lines = messages(running, f"/aws/lambda/{name}")
    except ClientError:
        return []
    return [json.loads(line.removeprefix("SEEN ")) for line in lines if line.startswith("SEEN ")]


def starter(running: Running, name: str, machine_arn: str) -> dict[str, str]:
    """A machine as a target, with a role that may start it and no more."""
    statement = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine_arn}
    return {
        "Id": "machine",
        "Arn": machine_arn,
        "RoleArn": role(running, name, "events.amazonaws.com", statement),
    }


def inputs(running: Running, machine_arn: str) -> list[Any]:
    """The inputs of a machine's executions."""
    states = running.client("stepfunctions")
    found = states.list_executions(stateMachineArn=machine_arn)["executions"]
    return [
        json.loads(states.describe_execution(executionArn=each["executionArn"])["input"]) for each in found
    ]


def passing(running: Running, name: str) -> str:
    return machine(running, name, {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})


def test_a_rule_fires_at_a_function_with_what_its_transformer_makes(server: Running) -> None:
    arn = function(server, "eb-orders", SEEN)
    template = {
        "InputPathsMap": {"n": "$.detail.n", "who": "$.detail.who"},
        "InputTemplate": '{"n": <n>, "text": "for <who> by <aws.events.rule-name>"}',
    }
    pattern = {"source": ["eb.shop"], "detail": {"n": [{"numeric": [">", 10]}]}}
    rule(server, "eb-orders", pattern, {"Id": "f", "Arn": arn, "InputTransformer": template})
    put(server, "eb.shop", {"n": 5, "who": "Bo"}, {"n": 11, "who": "Anna"})
    until(lambda: seen(server, "eb-orders"))
    assert seen(server, "eb-orders") == [{"n": 11, "text": "for Anna by eb-orders"}]


def test_an_upload_starts_a_machine_by_rule_and_its_end_comes_to_a_log_group(server: Running) -> None:
    target = passing(server, "eb-uploads")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["eb-uploads"]}, "object": {"key": [{"wildcard": "data/*.csv"}]}},
    }
    rule(server, "eb-uploads", pattern, starter(server, "eb-uploads-starter", target))
    logs, group = server.client("logs"), "/aws/events/eb-ends"
    logs.create_log_group(logGroupName=group)
    group_arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "arn:aws:logs:*:*:log-group:/aws/events/*:*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName="eb-ends", policyDocument=document)
    ends = {"source": ["aws.states"], "detail": {"status": ["SUCCEEDED"], "stateMachineArn": [target]}}
    rule(server, "eb-ends", ends, {"Id": "l", "Arn": group_arn, "InputPath": "$.detail.status"})

    s3 = server.client("s3")
    s3.create_bucket(Bucket="eb-uploads")
    s3.put_bucket_notification_configuration(
        Bucket="eb-uploads", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    for key in ("data/a.txt", "data/b.csv", "other/c.csv"):
        s3.put_object(Bucket="eb-uploads", Key=key, Body=b"1,2")
    (event,) = until(lambda: inputs(server, target))
    assert (event["resources"], event["detail"]["reason"]) == (["arn:aws:s3:::eb-uploads"], "PutObject")
    assert (event["detail"]["object"]["key"], event["detail"]["object"]["size"]) == ("data/b.csv", 3)
    assert until(lambda: messages(server, group)) == ["SUCCEEDED"]


def test_an_event_goes_over_another_bus_and_keeps_its_order(server: Running) -> None:
    events = server.client("events")
    bus = events.create_event_bus(Name="eb-own")["EventBusArn"]
    arn = function(server, "eb-ordered", SEEN)
    there = events.put_rule(
        Name="eb-there", EventBusName="eb-own", EventPattern=json.dumps({"source": [{"prefix": "eb."}]})
    )["RuleArn"]
    allow(server, arn, "there", there)
    events.put_targets(
        Rule="eb-there", EventBusName="eb-own", Targets=[{"Id": "f", "Arn": arn, "InputPath": "$.detail.n"}]
    )
    statement = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}
    over = role(server, "eb-over", "events.amazonaws.com", statement)
    rule(server, "eb-over", {"source": ["eb.over"]}, {"Id": "b", "Arn": bus, "RoleArn": over})
    put(server, "eb.over", *({"n": n} for n in range(6)))
    until(lambda: len(seen(server, "eb-ordered")) == 6)
    assert sorted(seen(server, "eb-ordered")) == list(range(6))


def test_a_function_that_lets_no_rule_in_is_told_in_the_log(server: Running) -> None:
    arn = function(server, "eb-closed", SEEN)
    events = server.client("events")
    events.put_rule(Name="eb-closed", EventPattern=json.dumps({"source": ["eb.closed"]}))
    events.put_targets(Rule="eb-closed", Targets=[{"Id": "f", "Arn": arn}])
    put(server, "eb.closed", {})
    line = until(lambda: [each for each in server.log().splitlines() if "gave up" in each and arn in each])[0]
    assert "rule/eb-closed" in line
    assert "is not authorized to perform: lambda:InvokeFunction" in line
    assert seen(server, "eb-closed") == []


def test_a_role_without_the_right_starts_nothing(server: Running) -> None:
    target = passing(server, "eb-guarded")
    empty = role(server, "eb-empty", "events.amazonaws.com")
    rule(server, "eb-guarded", {"source": ["eb.guarded"]}, {"Id": "m", "Arn": target, "RoleArn": empty})
    put(server, "eb.guarded", {})
    until(lambda: "is not authorized to perform: states:StartExecution" in server.log())
    assert inputs(server, target) == []


def test_who_puts_a_target_must_be_allowed_to_pass_its_role_on(server: Running) -> None:
    iam, target = server.client("iam"), passing(server, "eb-passed")
    machine_target = starter(server, "eb-passed-starter", target)
    iam.create_user(UserName="eb-passer")
    keys = iam.create_access_key(UserName="eb-passer")["AccessKey"]
    events = server.client(
        "events",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )

    def grant(*statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName="eb-passer", PolicyName="rights", PolicyDocument=document)

    rights = {"Effect": "Allow", "Action": ["events:PutRule", "events:PutTargets"], "Resource": "*"}
    grant(rights)
    events.put_rule(Name="eb-passed", EventPattern='{"source": ["eb.passed"]}')
    with pytest.raises(ClientError, match="is not authorized to perform: iam:PassRole"):
        events.put_targets(Rule="eb-passed", Targets=[machine_target])
    passed = {"StringEquals": {"iam:PassedToService": "events.amazonaws.com"}}
    allowed = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": machine_target["RoleArn"]}
    grant(rights, {**allowed, "Condition": passed})
    events.put_targets(Rule="eb-passed", Targets=[machine_target])
    other = {**machine_target, "RoleArn": role(server, "eb-other", "lambda.amazonaws.com")}
    with pytest.raises(ClientError, match="cannot be assumed by principal 'events"):
        server.client("events").put_targets(Rule="eb-passed", Targets=[other])


def test_bad_input_is_refused_in_aws_s_words(server: Running) -> None:
    events = server.client("events")
    with pytest.raises(events.exceptions.InvalidEventPatternException, match="Reason: Empty arrays"):
        events.put_rule(Name="eb-bad", EventPattern='{"source": []}')
    with pytest.raises(ClientError, match="day-of-week is 1-7 or SUN-SAT; did you mean SUN"):
        events.put_rule(Name="eb-bad", ScheduleExpression="cron(0 4 ? * SUNDAY *)")
    with pytest.raises(events.exceptions.ResourceNotFoundException, match="eb-bad does not exist"):
        events.describe_rule(Name="eb-bad")


def test_events_that_were_accepted_arrive_though_the_server_is_killed(tmp_path: Path) -> None:
    running = Running(tmp_path / "data")
    running.start()
    try:
        target = passing(running, "eb-kept")
        rule(running, "eb-kept", {"source": ["eb.kept"]}, starter(running, "eb-kept-starter", target))
        put(running, "eb.kept", *({"n": n} for n in range(10)))
        running.kill()
        running.start()
        until(lambda: len(inputs(running, target)) >= 10)
        assert sorted(event["detail"]["n"] for event in inputs(running, target)) == list(range(10))
    finally:
        running.stop()


def test_a_schedule_fires_at_a_function_and_at_a_machine(stepwell: Stepwell) -> None:
    running = Running(stepwell.data)
    running.url = stepwell.url
    arn, target = function(running, "eb-timed", SEEN), passing(running, "eb-timed-machine")
    events = running.client("events")
    every = events.put_rule(Name="eb-minute", ScheduleExpression="rate(1 minute)")["RuleArn"]
    allow(running, arn, "eb-minute", every)
    constant = {"Id": "f", "Arn": arn, "Input": '{"by": "rate"}'}
    events.put_targets(Rule="eb-minute", Targets=[constant])
    events.put_rule(Name="eb-cron", ScheduleExpression="cron(* * * * ? *)")
    events.put_targets(Rule="eb-cron", Targets=[starter(running, "eb-cron-starter", target)])
    stepwell.settle()
    assert seen(running, "eb-timed") == inputs(running, target) == []
    stepwell.advance("1 minute")
    (event,) = inputs(running, target)
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["time"] == "2026-01-01T00:01:00Z"
    assert until(lambda: seen(running, "eb-timed")) == [{"by": "rate"}]


def test_run_command_runs_a_script_by_rule(server: Running) -> None:
    ssm = server.client("ssm")
    machines = ssm.describe_instance_information()["InstanceInformationList"]
    instance = next(each["InstanceId"] for each in machines if each["ResourceType"] == "ManagedInstance")
    statement = {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"}
    template = {
        "InputPathsMap": {"n": "$.detail.n"},
        "InputTemplate": '{"commands": ["echo by rule <n>"]}',
    }
    target = {
        "Id": "c",
        "Arn": "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
        "RoleArn": role(server, "eb-commander", "events.amazonaws.com", statement),
        "RunCommandParameters": {"RunCommandTargets": [{"Key": "InstanceIds", "Values": [instance]}]},
        "InputTransformer": template,
    }
    rule(server, "eb-command", {"source": ["eb.command"]}, target)
    put(server, "eb.command", {"n": 7})

    def output() -> list[str]:
        found = ssm.list_command_invocations(Details=True)["CommandInvocations"]
        printed = [plugin["Output"] for each in found for plugin in each["CommandPlugins"]]
        return [text for text in printed if "by rule" in text]

    assert until(output) == ["by rule 7\n"]
