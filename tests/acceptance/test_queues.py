"""SQS on a real server, by boto3: queues, their rights, long polls, dead letters of EventBridge's rules."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from declaring import Program
from functions import function
from running import Running, allow, arn, ended, role, until


def queue(running: Running, name: str, **attributes: str) -> str:
    """A queue; gives its URL."""
    url: str = running.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def open_to_events(running: Running, url: str, rule_arn: str) -> None:
    """Let EventBridge send for one rule."""
    name = url.rpartition("/")[2]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn("sqs", name),
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    running.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def received(running: Running, url: str) -> list[dict[str, Any]]:
    """What a short wait gives."""
    answer = running.client("sqs").receive_message(
        QueueUrl=url,
        WaitTimeSeconds=10,
        MaxNumberOfMessages=10,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    )
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def rule(running: Running, name: str, *targets: dict[str, Any]) -> str:
    """A rule for events of the source of that name; gives its ARN."""
    events = running.client("events")
    found: str = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    assert events.put_targets(Rule=name, Targets=list(targets))["FailedEntryCount"] == 0
    return found


def put(running: Running, source: str, *details: Any) -> None:
    entries = [{"Source": source, "DetailType": "Order", "Detail": json.dumps(each)} for each in details]
    assert running.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0


def test_a_message_goes_through_a_queue_and_its_loss_is_told_as_boto3_expects(server: Running) -> None:
    sqs = server.client("sqs")
    url = queue(server, "q-through")
    assert url == f"{server.url}/000000000000/q-through"
    attributes = {"kind": {"DataType": "Binary", "BinaryValue": b"\0\1"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="hällo", MessageAttributes=attributes)
    (message,) = received(server, url)
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "hällo")
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as refusal:
        sqs.send_message(QueueUrl=url, MessageBody="x")
    assert refusal.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_long_poll_ends_with_the_message_and_costs_nothing_before(server: Running) -> None:
    url = queue(server, "q-waiting")
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.extend(received(server, url)))
    waiting.start()
    time.sleep(0.5)
    server.client("sqs").send_message(QueueUrl=url, MessageBody="now")
    waiting.join(9)
    assert [message["Body"] for message in found] == ["now"]


def test_a_message_outlives_the_server_and_so_does_its_being_in_flight(own_server: Running) -> None:
    url = queue(own_server, "q-kept", VisibilityTimeout="600")
    sqs = own_server.client("sqs")
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": x, "MessageBody": x} for x in "ab"])
    (first,) = sqs.receive_message(QueueUrl=url)["Messages"]
    own_server.kill()
    own_server.start()
    (second,) = received(own_server, url)
    assert {first["Body"], second["Body"]} == {"a", "b"}
    own_server.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])


def test_a_role_may_do_with_a_queue_what_its_policy_says_and_no_more(server: Running) -> None:
    url = queue(server, "q-rights")
    role_arn = role(
        server, "q-sender", "lambda.amazonaws.com", allow("sqs:SendMessage", arn("sqs", "q-rights"))
    )
    iam = server.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": arn("iam", "root").replace("us-east-1", "")}}
    document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    iam.update_assume_role_policy(RoleName="q-sender", PolicyDocument=json.dumps(document))
    given = server.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="sender")["Credentials"]
    sqs = boto3.client(
        "sqs",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    sqs.send_message(QueueUrl=url, MessageBody="x")
    with pytest.raises(ClientError) as refusal:
        sqs.receive_message(QueueUrl=url)
    assert refusal.value.response["Error"]["Code"] == "AccessDenied"
    assert f"sqs:ReceiveMessage on resource: {arn('sqs', 'q-rights')}" in str(refusal.value)


def test_a_rule_sends_to_a_queue_that_lets_it_in(server: Running) -> None:
    url = queue(server, "q-rule")
    group = queue(server, "q-rule.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    targets = [
        {"Id": "q", "Arn": arn("sqs", "q-rule"), "InputPath": "$.detail"},
        {"Id": "f", "Arn": arn("sqs", "q-rule.fifo"), "SqsParameters": {"MessageGroupId": "g"}},
    ]
    found = rule(server, "q.rule", *targets)
    for each in (url, group):
        open_to_events(server, each, found)
    put(server, "q.rule", {"n": 1})
    (message,) = received(server, url)
    assert json.loads(message["Body"]) == {"n": 1}
    (message,) = received(server, group)
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    assert message["Attributes"]["MessageGroupId"] == "g"


def test_an_event_that_its_target_does_not_take_becomes_a_dead_letter(server: Running) -> None:
    url = queue(server, "q-dead")
    refusing = function(server, "q-refusing", "def handler(event, context):\n    return 1\n")
    target = {"Id": "f", "Arn": refusing, "DeadLetterConfig": {"Arn": arn("sqs", "q-dead")}}
    found = rule(server, "q.dead", target)
    open_to_events(server, url, found)
    put(server, "q.dead", {"n": 1})
    (letter,) = received(server, url)
    event = json.loads(letter["Body"])
    assert (event["source"], event["detail"]) == ("q.dead", {"n": 1})
    told = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    message = told.pop("ERROR_MESSAGE")
    assert "lambda:InvokeFunction" in message
    assert told == {"ERROR_CODE": "NO_PERMISSIONS", "RULE_ARN": found, "TARGET_ARN": refusing}


def test_a_machine_sends_a_message_and_waits_for_its_answer(server: Running) -> None:
    url = queue(server, "q-tasks")
    rights = role(
        server, "q-machine", "states.amazonaws.com", allow("sqs:SendMessage", arn("sqs", "q-tasks"))
    )
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {
            "QueueUrl": url,
            "MessageBody": {"token.$": "$$.Task.Token", "n.$": "$.n"},
            "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "job"}},
        },
        "End": True,
    }
    definition = {"StartAt": "Ask", "States": {"Ask": state}}
    states = server.client("stepfunctions")
    asking = states.create_state_machine(name="q-asking", definition=json.dumps(definition), roleArn=rights)
    execution = states.start_execution(stateMachineArn=asking["stateMachineArn"], input='{"n": 3}')
    (message,) = until(lambda: received(server, url))
    asked = json.loads(message["Body"])
    assert asked["n"] == 3
    states.send_task_success(taskToken=asked["token"], output='{"answer": 4}')
    assert json.loads(ended(server, execution["executionArn"])["output"]) == {"answer": 4}


def test_a_machine_puts_events_and_fails_where_one_is_refused(server: Running) -> None:
    url = queue(server, "q-events")
    open_to_events(server, url, rule(server, "q.events", {"Id": "q", "Arn": arn("sqs", "q-events")}))
    rights = role(
        server,
        "q-putting",
        "states.amazonaws.com",
        allow("events:PutEvents", arn("events", "event-bus/default")),
    )
    entry = {"Source": "q.events", "DetailType": "Done", "Detail": {"n.$": "$.n"}}

    def run(name: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
        state = {
            "Type": "Task",
            "Resource": "arn:aws:states:::events:putEvents",
            "Parameters": {"Entries": entries},
            "End": True,
        }
        states = server.client("stepfunctions")
        definition = json.dumps({"StartAt": "Put", "States": {"Put": state}})
        found = states.create_state_machine(name=name, definition=definition, roleArn=rights)
        started = states.start_execution(stateMachineArn=found["stateMachineArn"], input='{"n": 3}')
        return ended(server, started["executionArn"])

    assert run("q-putting", [entry])["status"] == "SUCCEEDED"
    (message,) = received(server, url)
    event = json.loads(message["Body"])
    assert (event["detail"], event["detail-type"]) == ({"n": 3}, "Done")
    failed = run("q-refused", [{**entry, "Source": "aws.own"}])
    assert (failed["status"], failed["error"]) == ("FAILED", "EventBridge.FailedEntry")


QUEUES = """
dead = aws.sqs.Queue("dead", name=NAME + "-dead", message_retention_seconds=1209600)
work = aws.sqs.Queue("work", name=NAME, visibility_timeout_seconds=TIMEOUT, tags={"team": "a"})
aws.sqs.RedrivePolicy("redrive", queue_url=work.url, redrive_policy=dead.arn.apply(lambda arn: json.dumps(
    {"deadLetterTargetArn": arn, "maxReceiveCount": 2}
)))
aws.sqs.RedriveAllowPolicy("allow", queue_url=dead.url, redrive_allow_policy=work.arn.apply(
    lambda arn: json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn]})
))
rule = aws.cloudwatch.EventRule("rule", name=NAME, event_pattern=json.dumps({"source": [NAME]}))
aws.sqs.QueuePolicy("policy", queue_url=work.url, policy=pulumi.Output.all(work.arn, rule.arn).apply(
    lambda arns: policy({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage", "Resource": arns[0],
        "Condition": {"ArnEquals": {"aws:SourceArn": arns[1]}}})
))
aws.cloudwatch.EventTarget("target", rule=rule.name, arn=work.arn)
ordered = aws.sqs.Queue("ordered", fifo_queue=True, content_based_deduplication=True)
pulumi.export("url", work.url)
pulumi.export("ordered", ordered.name)
"""


def test_a_program_declares_queues_that_get_a_rules_events(program: Program, server: Running) -> None:
    def source(timeout: int) -> str:
        return f"NAME, TIMEOUT = 'q-declared', {timeout}\n{QUEUES}"

    made = program.settled(source(20))
    assert made["counts"] == {"create": 8}
    assert made["outputs"]["ordered"].endswith(".fifo")
    put(server, "q-declared", {"n": 1})
    (message,) = received(server, made["outputs"]["url"])
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    assert program.settled(source(40))["counts"] == {"update": 1, "same": 7}
    sqs = server.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=made["outputs"]["url"], AttributeNames=["All"])["Attributes"]
    assert found["VisibilityTimeout"] == "40"
    program.destroy()
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="q-declared")
