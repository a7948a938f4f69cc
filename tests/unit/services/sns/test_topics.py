"""Topics are created once, keep AWS's attributes, and have a policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import Harness
from publishing import Sns, queue, subscribed

from stepwell.errors import AwsError
from stepwell.services import sns

ARN = "arn:aws:sns:us-east-1:000000000000:"


def test_a_topic_is_created_once(call: Sns, topic: str) -> None:
    assert topic == ARN + "news"
    assert call("CreateTopic", Name="news")["TopicArn"] == topic
    with pytest.raises(AwsError, match="already exists with different attributes") as refusal:
        call("CreateTopic", Name="news", Attributes={"DisplayName": "News"})
    assert refusal.value.error_code == "InvalidParameter"
    with pytest.raises(AwsError, match="already exists with different tags"):
        call("CreateTopic", Name="news", Tags=[{"Key": "a", "Value": "b"}])


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("", {}),
        ("a" * 257, {}),
        ("a.b", {}),
        ("a.fifo", {}),
        ("a", {"FifoTopic": "true"}),
        ("a", {"Nonsense": "1"}),
        ("a", {"ContentBasedDeduplication": "true"}),
        ("a", {"SignatureVersion": "3"}),
        ("a", {"Policy": "{"}),
        ("a", {"DeliveryPolicy": "[]"}),
        ("a", {"DisplayName": "a" * 101}),
    ],
)
def test_what_is_no_topic_is_refused(call: Sns, name: str, attributes: dict[str, str]) -> None:
    with pytest.raises(AwsError) as refusal:
        call("CreateTopic", Name=name, Attributes=attributes)
    assert refusal.value.error_code == "InvalidParameter"
    assert call("ListTopics") == {"Topics": []}


def test_what_stepwell_lacks_is_refused_by_name(call: Sns, fifo: str) -> None:
    with pytest.raises(AwsError, match="ArchivePolicy is not supported by Stepwell"):
        call("SetTopicAttributes", TopicArn=fifo, AttributeName="ArchivePolicy", AttributeValue="{}")


def test_attributes_are_shown_as_aws_shows_them(server: Harness, call: Sns, topic: str, fifo: str) -> None:
    subscribed(server, topic, "a")
    url = "http://127.0.0.1:1/"
    call("Subscribe", TopicArn=topic, Protocol="http", Endpoint=url)
    found = call("GetTopicAttributes", TopicArn=topic)["Attributes"]
    assert (
        json.loads(found.pop("EffectiveDeliveryPolicy"))["http"]["defaultHealthyRetryPolicy"]["numRetries"]
        == 3
    )
    assert json.loads(found.pop("Policy"))["Statement"][0]["Sid"] == "__default_statement_ID"
    assert found == {
        "DisplayName": "",
        "Owner": "000000000000",
        "SubscriptionsConfirmed": "1",
        "SubscriptionsDeleted": "0",
        "SubscriptionsPending": "1",
        "TopicArn": topic,
    }
    found = call("GetTopicAttributes", TopicArn=fifo)["Attributes"]
    assert (found["FifoTopic"], found["ContentBasedDeduplication"]) == ("true", "false")


def test_an_attribute_is_set_and_taken_back(call: Sns, topic: str) -> None:
    def shown() -> Any:
        return call("GetTopicAttributes", TopicArn=topic)["Attributes"]["DisplayName"]

    call("SetTopicAttributes", TopicArn=topic, AttributeName="DisplayName", AttributeValue="News")
    assert shown() == "News"
    call("SetTopicAttributes", TopicArn=topic, AttributeName="DisplayName")
    assert shown() == ""


def test_a_deleted_topic_takes_its_subscriptions_along(server: Harness, call: Sns, topic: str) -> None:
    subscription = subscribed(server, topic, "a")
    call("DeleteTopic", TopicArn=topic)
    call("DeleteTopic", TopicArn=topic)
    assert call("ListSubscriptions") == {"Subscriptions": []}
    for operation, params in (
        ("GetTopicAttributes", {"TopicArn": topic}),
        ("Publish", {"TopicArn": topic, "Message": "m"}),
        ("GetSubscriptionAttributes", {"SubscriptionArn": subscription}),
    ):
        with pytest.raises(AwsError, match="does not exist") as refusal:
            call(operation, **params)
        assert (refusal.value.error_code, refusal.value.http_status) == ("NotFound", 404)


def test_topics_are_listed_in_pages(call: Sns) -> None:
    for number in range(101):
        call("CreateTopic", Name=f"t{number:03d}")
    first = call("ListTopics")
    second = call("ListTopics", NextToken=first["NextToken"])
    names = [each["TopicArn"].rpartition(":")[2] for each in first["Topics"] + second["Topics"]]
    assert names == [f"t{number:03d}" for number in range(101)]
    assert "NextToken" not in second


def test_tags_are_set_changed_and_taken_away(server: Harness, call: Sns) -> None:
    topic = call("CreateTopic", Name="t", Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    call("TagResource", ResourceArn=topic, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
    assert call("ListTagsForResource", ResourceArn=topic)["Tags"] == [
        {"Key": "a", "Value": "2"},
        {"Key": "b", "Value": ""},
    ]
    call("UntagResource", ResourceArn=topic, TagKeys=["a", "c"])
    assert server.read(lambda view: sns.tags_of(view, topic)) == {"b": ""}
    with pytest.raises(AwsError) as refusal:
        call("TagResource", ResourceArn=topic, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
    assert refusal.value.error_code == "TagLimitExceeded"
    with pytest.raises(AwsError) as refusal:
        call("ListTagsForResource", ResourceArn=topic + "x")
    assert refusal.value.error_code == "ResourceNotFound"


def test_permissions_are_statements_of_the_policy(call: Sns, topic: str) -> None:
    def sids() -> list[str]:
        text = call("GetTopicAttributes", TopicArn=topic)["Attributes"]["Policy"]
        return [each["Sid"] for each in json.loads(text)["Statement"]]

    grant = {"TopicArn": topic, "Label": "l", "AWSAccountId": ["111111111111"], "ActionName": ["Publish"]}
    call("AddPermission", **grant)
    assert sids() == ["__default_statement_ID", "l"]
    with pytest.raises(AwsError, match="already exists"):
        call("AddPermission", **grant)
    with pytest.raises(AwsError, match="out of service scope"):
        call("AddPermission", **{**grant, "Label": "m", "ActionName": ["Dance"]})
    call("RemovePermission", TopicArn=topic, Label="l")
    assert sids() == ["__default_statement_ID"]
    with pytest.raises(AwsError) as refusal:
        call("RemovePermission", TopicArn=topic, Label="l")
    assert refusal.value.error_code == "NotFound"


@pytest.mark.parametrize("arn", ["news", "arn:aws:sqs:us-east-1:000000000000:news", "a:b:c:d:e:f"])
def test_what_is_no_topics_arn_is_refused(call: Sns, arn: str) -> None:
    with pytest.raises(AwsError) as refusal:
        call("Publish", TopicArn=arn, Message="m")
    assert refusal.value.error_code == "InvalidParameter"


def test_a_topic_elsewhere_does_not_exist_here(server: Harness, call: Sns, topic: str) -> None:
    queue(server, "q")
    with pytest.raises(AwsError) as refusal:
        call("Publish", TopicArn="arn:aws:sns:eu-west-1:000000000000:news", Message="m")
    assert refusal.value.error_code == "NotFound"
