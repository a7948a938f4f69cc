"""SNS on a real server, by boto3: to queues, functions, endpoints; from rules, buckets, state machines."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from declaring import Program
from functions import function, machine, start
from running import Running, allow, arn, ended, role, until


def topic(running: Running, name: str, **attributes: str) -> str:
    """A topic; gives its ARN."""
    made: str = running.client("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"]
    return made


def subscribed(running: Running, topic_arn: str, name: str, **attributes: str) -> str:
    """A queue that lets the topic in, subscribed to it; gives the queue's URL."""
    sqs = running.client("sqs")
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn("sqs", name),
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url: str = sqs.create_queue(QueueName=name, Attributes={**fifo, "Policy": policy})["QueueUrl"]
    running.client("sns").subscribe(
        TopicArn=topic_arn, Protocol="sqs", Endpoint=arn("sqs", name), Attributes=attributes
    )
    return url


def received(running: Running, url: str, count: int = 1) -> list[dict[str, Any]]:
    """The messages of a queue, taken out, once there are so many."""
    found: list[dict[str, Any]] = []
    sqs = running.client("sqs")
    while len(found) < count:
        answer = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=10, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        assert "Messages" in answer, found
        for message in answer["Messages"]:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found += answer["Messages"]
    return found


def envelopes(running: Running, url: str, count: int = 1) -> list[dict[str, Any]]:
    return [json.loads(message["Body"]) for message in received(running, url, count)]


def open_to(running: Running, topic_arn: str, service: str, source: str) -> None:
    """Let a service publish for one source."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": {"ArnLike": {"aws:SourceArn": source}},
    }
    running.client("sns").set_topic_attributes(
        TopicArn=topic_arn,
        AttributeName="Policy",
        AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


@contextmanager
def listening() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An HTTP endpoint: its URL, and the messages that it has got."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", got
    finally:
        server.shutdown()
        server.server_close()


def test_a_message_reaches_queues_functions_and_endpoints(server: Running) -> None:
    sns = server.client("sns")
    news = topic(server, "t-all")
    url = subscribed(server, news, "t-all", FilterPolicy='{"kind": ["order"]}')
    source = """
import json

def handler(event, context):
    print('GOT', json.dumps(event['Records'][0]['Sns']))
"""
    target = function(server, "t-all", source)
    server.client("lambda").add_permission(
        FunctionName="t-all",
        StatementId="sns",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=news,
    )
    sns.subscribe(TopicArn=news, Protocol="lambda", Endpoint=target)
    with listening() as (endpoint, got):
        sns.subscribe(TopicArn=news, Protocol="http", Endpoint=endpoint)
        asked = until(lambda: got[0] if got else None, 10)
        sns.confirm_subscription(TopicArn=news, Token=asked["Token"])
        attributes = {"kind": {"DataType": "String", "StringValue": "order"}}
        sns.publish(TopicArn=news, Message="skipped by the queue")
        sent = sns.publish(TopicArn=news, Message="hällo", Subject="S", MessageAttributes=attributes)
        (envelope,) = envelopes(server, url)
        assert (envelope["Message"], envelope["MessageId"]) == ("hällo", sent["MessageId"])
        until(lambda: len(got) == 3, 10)
        assert {each["Message"] for each in got[1:]} == {"skipped by the queue", "hällo"}
    logs = server.client("logs")

    def printed() -> bool:
        found = logs.filter_log_events(logGroupName="/aws/lambda/t-all", filterPattern="GOT")
        return any(
            json.loads(each["message"].partition(" ")[2])["Subject"] == "S" for each in found["events"]
        )

    until(printed, 20)


def test_a_fifo_topic_survives_a_kill_with_nothing_lost_or_doubled(own_server: Running) -> None:
    news = topic(own_server, "t-kept.fifo", FifoTopic="true")
    url = subscribed(own_server, news, "t-kept.fifo", RawMessageDelivery="true")
    sns = own_server.client("sns")
    for number in range(10):
        sns.publish(
            TopicArn=news, Message=str(number), MessageGroupId="g", MessageDeduplicationId=str(number)
        )
    own_server.kill()
    own_server.start()
    found = [message["Body"] for message in received(own_server, url, 10)]
    assert found == [str(number) for number in range(10)]


def test_rules_and_buckets_publish_where_the_topics_policy_lets_them(server: Running) -> None:
    news = topic(server, "t-others")
    url = subscribed(server, news, "t-others")
    events, s3 = server.client("events"), server.client("s3")
    rule = events.put_rule(Name="t-others", EventPattern=json.dumps({"source": ["t.others"]}))["RuleArn"]
    open_to(server, news, "events.amazonaws.com", rule)
    events.put_targets(Rule="t-others", Targets=[{"Id": "t", "Arn": news}])
    events.put_events(Entries=[{"Source": "t.others", "DetailType": "Order", "Detail": '{"a": 1}'}])
    (envelope,) = envelopes(server, url)
    assert json.loads(envelope["Message"])["detail"] == {"a": 1}
    s3.create_bucket(Bucket="t-others")
    wanted = {"TopicConfigurations": [{"TopicArn": news, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError, match="Unable to validate"):
        s3.put_bucket_notification_configuration(Bucket="t-others", NotificationConfiguration=wanted)
    open_to(server, news, "s3.amazonaws.com", "arn:aws:s3:::t-others")
    s3.put_bucket_notification_configuration(Bucket="t-others", NotificationConfiguration=wanted)
    s3.put_object(Bucket="t-others", Key="k", Body=b"")
    found = envelopes(server, url, 2)
    assert {each["Subject"] for each in found} == {"Amazon S3 Notification"}
    told = [json.loads(each["Message"]) for each in found]
    assert {"s3:TestEvent"} == {each["Event"] for each in told if "Event" in each}
    assert [each["Records"][0]["s3"]["object"]["key"] for each in told if "Records" in each] == ["k"]


def test_a_state_machine_publishes_and_waits_for_its_token(server: Running) -> None:
    news = topic(server, "t-task")
    url = subscribed(server, news, "t-task", RawMessageDelivery="true")
    states = {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish.waitForTaskToken",
            "Parameters": {"TopicArn": news, "Message": {"token.$": "$$.Task.Token"}},
            "Next": "Elsewhere",
        },
        "Elsewhere": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Parameters": {"TopicArn": arn("sns", "t-none"), "Message": "m"},
            "Catch": [{"ErrorEquals": ["SNS.NotFoundException"], "Next": "Own"}],
            "End": True,
        },
        "Own": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sns:listSubscriptionsByTopic",
            "Parameters": {"TopicArn": news},
            "OutputPath": "$.Subscriptions[0].Protocol",
            "End": True,
        },
    }
    rights = allow(["sns:Publish", "sns:ListSubscriptionsByTopic"], arn("sns", "*"))
    made = machine(server, "t-task", {"StartAt": "Ask", "States": states}, rights)
    execution = start(server, made, {})
    (message,) = received(server, url)
    server.client("stepfunctions").send_task_success(
        taskToken=json.loads(message["Body"])["token"], output="{}"
    )
    assert ended(server, execution)["output"] == '"sqs"'


def test_a_role_may_subscribe_only_what_its_policy_says(server: Running) -> None:
    news = topic(server, "t-rights")
    role_arn = role(
        server,
        "t-subscriber",
        "lambda.amazonaws.com",
        allow("sns:Subscribe", news, StringEquals={"sns:Protocol": "sqs"}),
    )
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}}
    document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    server.client("iam").update_assume_role_policy(
        RoleName="t-subscriber", PolicyDocument=json.dumps(document)
    )
    given = server.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="subscriber")["Credentials"]
    sns = boto3.client(
        "sns",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    sns.subscribe(TopicArn=news, Protocol="sqs", Endpoint=arn("sqs", "q"))
    for refused in (
        lambda: sns.subscribe(TopicArn=news, Protocol="http", Endpoint="http://127.0.0.1:1/"),
        lambda: sns.publish(TopicArn=news, Message="m"),
    ):
        with pytest.raises(sns.exceptions.AuthorizationErrorException):
            refused()


TOPICS = """
news = aws.sns.Topic("t", name=NAME, display_name=TITLE)
queue = aws.sqs.Queue("q", name=NAME)
aws.sqs.QueuePolicy("in", queue_url=queue.url, policy=pulumi.Output.json_dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
                   "Action": "sqs:SendMessage", "Resource": queue.arn,
                   "Condition": {"ArnEquals": {"aws:SourceArn": news.arn}}}]}))
aws.sns.TopicSubscription("s", topic=news.arn, protocol="sqs", endpoint=queue.arn, raw_message_delivery=True)
aws.sns.TopicPolicy("p", arn=news.arn, policy=pulumi.Output.json_dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
                   "Action": "sns:Publish", "Resource": news.arn}]}))
pulumi.export("topic", news.arn)
pulumi.export("url", queue.url)
"""


def test_a_program_declares_a_topic_that_a_queue_hears(program: Program, server: Running) -> None:
    def source(title: str) -> str:
        return f"NAME, TITLE = 't-declared', {title!r}\n{TOPICS}"

    made = program.settled(source("News"))
    assert made["counts"] == {"create": 5}
    sns = server.client("sns")
    sns.publish(TopicArn=made["outputs"]["topic"], Message="m")
    (message,) = received(server, made["outputs"]["url"])
    assert message["Body"] == "m"
    assert program.settled(source("Old news"))["counts"] == {"update": 1, "same": 4}
    found = sns.get_topic_attributes(TopicArn=made["outputs"]["topic"])["Attributes"]
    assert (found["DisplayName"], found["SubscriptionsConfirmed"]) == ("Old news", "1")
    program.destroy()
    assert made["outputs"]["topic"] not in [each["TopicArn"] for each in sns.list_topics()["Topics"]]
