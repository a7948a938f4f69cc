"""SNS: topics, their subscriptions, and a topic's policy declared apart from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured, recorded, refused

_FIFO = ".fifo"
_LOGGED = ("application", "firehose", "http", "lambda", "sqs")
#: the API's spelling of protocols within names
_SPELLED = {"http": "HTTP", "sqs": "SQS"}


def _feedback(suffix: str) -> dict[str, str]:
    return {f"{each}{suffix}": f"{_SPELLED.get(each, each.capitalize())}{suffix}" for each in _LOGGED}


_ROLES = {**_feedback("SuccessFeedbackRoleArn"), **_feedback("FailureFeedbackRoleArn")}
#: numbers: a property → the API's attribute
_NUMBERS: Mapping[str, str] = {
    **_feedback("SuccessFeedbackSampleRate"),
    "signatureVersion": "SignatureVersion",
}
#: texts → the API's attribute, and what takes it back
_TEXTS: Mapping[str, tuple[str, str]] = {
    **{name: (api, "") for name, api in _ROLES.items()},
    "deliveryPolicy": ("DeliveryPolicy", ""),
    "displayName": ("DisplayName", ""),
    "fifoThroughputScope": ("FifoThroughputScope", "Topic"),
    "kmsMasterKeyId": ("KmsMasterKeyId", ""),
    "policy": ("Policy", ""),
    "tracingConfig": ("TracingConfig", "PassThrough"),
}
_DEDUPLICATION = ("contentBasedDeduplication", "ContentBasedDeduplication")


def _attributes(inputs: Inputs) -> dict[str, str]:
    """What is declared, as the API takes it."""
    found = {api: str(int(inputs[name])) for name, api in _NUMBERS.items() if inputs.get(name) is not None}
    ours, api = _DEDUPLICATION
    if inputs.get(ours) is not None:
        found[api] = "true" if inputs[ours] else "false"
    return found | {api: inputs[name] for name, (api, _) in _TEXTS.items() if inputs.get(name)}


def _withdrawn(api: str) -> str:
    """The value that an attribute has when it is declared no more."""
    return {**dict(_TEXTS.values()), _DEDUPLICATION[1]: "false", "SignatureVersion": "1"}.get(api, "")


def _arn(cloud: Cloud, inputs: Inputs) -> str:
    return f"arn:aws:sns:{cloud.region}:{cloud.account}:{inputs['name']}"


def _create(cloud: Cloud, inputs: Inputs) -> str:
    fifo = {"FifoTopic": "true"} if inputs.get("fifoTopic") else {}
    with calling(cloud):
        answer = cloud.client("sns").create_topic(
            **given(
                Name=inputs["name"],
                Attributes=({**_attributes(inputs), **fifo}) or None,
                Tags=tags.pairs(tags.of(inputs)) or None,
            )
        )
    return str(answer["TopicArn"])


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    sns = cloud.client("sns")
    before, after = _attributes(old), _attributes(new)
    changed = {api: text for api, text in after.items() if before.get(api) != text}
    changed |= {api: _withdrawn(api) for api in sorted(before.keys() - after.keys())}
    added = tags.added(old, new)
    with calling(cloud):
        for api, text in changed.items():
            sns.set_topic_attributes(TopicArn=id_, AttributeName=api, AttributeValue=text)
        if added:
            sns.tag_resource(ResourceArn=id_, Tags=tags.pairs(added))
        if tags.removed(old, new):
            sns.untag_resource(ResourceArn=id_, TagKeys=tags.removed(old, new))


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("sns").get_topic_attributes, TopicArn=id_)
    if answer is None:
        return None
    found = answer["Attributes"]
    name = id_.rpartition(":")[2]
    read: dict[str, Any] = {
        "name": name,
        "arn": id_,
        "owner": found["Owner"],
        "beginningArchiveTime": "",
        "fifoTopic": name.endswith(_FIFO),
        "tagsAll": _tags(cloud, id_, inputs),
    }
    read |= {ours: int(found[api]) for ours, api in _NUMBERS.items() if api in found}
    if _DEDUPLICATION[1] in found:
        read[_DEDUPLICATION[0]] = found[_DEDUPLICATION[1]] == "true"
    # each topic has a policy: it is the program's where it declares one
    return read | {
        ours: found[api]
        for ours, (api, _) in _TEXTS.items()
        if found.get(api) and (ours != "policy" or "name" not in inputs or inputs.get(ours))
    }


def _tags(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, str]:
    if not tags.asked(inputs):
        return {}
    with calling(cloud):
        return tags.mapping(cloud.client("sns").list_tags_for_resource(ResourceArn=id_).get("Tags"))


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("sns").delete_topic, TopicArn=id_)


def _check(inputs: Inputs) -> Iterator[str]:
    fifo, name = bool(inputs.get("fifoTopic")), inputs.get("name")
    if name is not None and str(name).endswith(_FIFO) != fifo:
        yield f"a FIFO topic has fifoTopic and a name that ends in {_FIFO}; {name} has one of them"
    for only in ("contentBasedDeduplication", "fifoThroughputScope"):
        if inputs.get(only) and not fifo:
            yield f"{only} is of FIFO topics only"


TOPIC = ResourceType(
    token="aws:sns/topic:Topic",
    properties={
        "name": honoured(replaces=True),
        "namePrefix": honoured(replaces=True),
        "fifoTopic": honoured(replaces=True, default=False),
        "contentBasedDeduplication": honoured(),
        "fifoThroughputScope": honoured(choices=("MessageGroup", "Topic")),
        "deliveryPolicy": honoured(document=True),
        "displayName": honoured(),
        "policy": honoured(document=True),
        "signatureVersion": recorded(),
        "tracingConfig": recorded(choices=("PassThrough", "Active")),
        "kmsMasterKeyId": recorded(),
        **{name: recorded() for name in (*_ROLES, *_feedback("SuccessFeedbackSampleRate"))},
        "archivePolicy": refused("messages are not archived here"),
        "maximumMessageSize": refused("every topic takes messages of up to 256 KiB here"),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"arn", "owner", "beginningArchiveTime", "tagsAll"}),
    naming=Naming(
        prefix="namePrefix", longest=256, ending=lambda inputs: _FIFO if inputs.get("fifoTopic") else ""
    ),
    create=_create,
    update=_update,
    read=_read,
    delete=_delete,
    identify=_arn,
    check=_check,
)

#: a subscription's text → the API's attribute
_OF_SUBSCRIPTION: Mapping[str, str] = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "redrivePolicy": "RedrivePolicy",
}
#: what an attribute is when it is declared no more, where it is not taken away
_BACK = {"FilterPolicyScope": "MessageAttributes", "RawMessageDelivery": "false"}


def _subscribed(inputs: Inputs) -> dict[str, str]:
    found = {api: inputs[name] for name, api in _OF_SUBSCRIPTION.items() if inputs.get(name)}
    if inputs.get("rawMessageDelivery") is not None:
        found["RawMessageDelivery"] = "true" if inputs["rawMessageDelivery"] else "false"
    return found


def _subscribe(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        answer = cloud.client("sns").subscribe(
            **given(
                TopicArn=inputs["topic"],
                Protocol=inputs["protocol"],
                Endpoint=inputs["endpoint"],
                Attributes=_subscribed(inputs) or None,
            ),
            ReturnSubscriptionArn=True,
        )
    return str(answer["SubscriptionArn"])


def _change(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    before, after = _subscribed(old), _subscribed(new)
    changed = {api: text for api, text in after.items() if before.get(api) != text}
    changed |= {api: _BACK.get(api, "") for api in sorted(before.keys() - after.keys())}
    with calling(cloud):
        for api, text in changed.items():
            cloud.client("sns").set_subscription_attributes(
                SubscriptionArn=id_, AttributeName=api, AttributeValue=text
            )


def _read_subscription(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("sns").get_subscription_attributes, SubscriptionArn=id_)
    if answer is None:
        return None
    found = answer["Attributes"]
    read = {
        "arn": id_,
        "topic": found["TopicArn"],
        "protocol": found["Protocol"],
        "endpoint": found["Endpoint"],
        "ownerId": found["Owner"],
        "confirmationWasAuthenticated": found["ConfirmationWasAuthenticated"] == "true",
        "pendingConfirmation": found["PendingConfirmation"] == "true",
        "rawMessageDelivery": found["RawMessageDelivery"] == "true",
    }
    return read | {ours: found[api] for ours, api in _OF_SUBSCRIPTION.items() if api in found}


def _find_subscription(cloud: Cloud, inputs: Inputs) -> str | None:
    """A topic has an endpoint once. One that is not confirmed shows no ARN: subscribing again gives it."""
    following: dict[str, str] = {}
    while True:
        found = attempt(
            cloud,
            cloud.client("sns").list_subscriptions_by_topic,
            TopicArn=inputs["topic"],
            **following,
        )
        for each in (found or {}).get("Subscriptions", ()):
            if (each["Protocol"], each["Endpoint"]) == (inputs["protocol"], inputs["endpoint"]):
                arn = str(each["SubscriptionArn"])
                return arn if arn.startswith("arn:") else None
        if not found or "NextToken" not in found:
            return None
        following = {"NextToken": found["NextToken"]}


def _unsubscribe(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("sns").unsubscribe, SubscriptionArn=id_)


SUBSCRIPTION = ResourceType(
    token="aws:sns/topicSubscription:TopicSubscription",
    properties={
        "topic": honoured(required=True, replaces=True),
        "protocol": honoured(required=True, replaces=True, choices=("http", "https", "lambda", "sqs")),
        "endpoint": honoured(required=True, replaces=True),
        "deliveryPolicy": honoured(document=True),
        "filterPolicy": honoured(document=True),
        "filterPolicyScope": honoured(choices=("MessageAttributes", "MessageBody")),
        "rawMessageDelivery": honoured(default=False),
        "redrivePolicy": honoured(document=True),
        "confirmationTimeoutInMinutes": recorded(),
        "endpointAutoConfirms": recorded(),
        "replayPolicy": refused("messages are not archived here, so none can be replayed"),
        "subscriptionRoleArn": refused("Firehose is not served here"),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"arn", "ownerId", "confirmationWasAuthenticated", "pendingConfirmation"}),
    create=_subscribe,
    update=_change,
    read=_read_subscription,
    delete=_unsubscribe,
    identify=lambda cloud, inputs: "",
    find=_find_subscription,
)


def _put_policy(cloud: Cloud, arn: str, text: str) -> None:
    with calling(cloud):
        cloud.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=text)


def _create_policy(cloud: Cloud, inputs: Inputs) -> str:
    _put_policy(cloud, inputs["arn"], inputs["policy"])
    return str(inputs["arn"])


def _update_policy(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    _put_policy(cloud, id_, new["policy"])


def _read_policy(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("sns").get_topic_attributes, TopicArn=id_)
    if answer is None:
        return None
    found = answer["Attributes"]
    return {"arn": id_, "owner": found["Owner"], "policy": found["Policy"]}


def _delete_policy(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    """The topic gets back the policy that it was born with."""
    attempt(
        cloud,
        cloud.client("sns").set_topic_attributes,
        TopicArn=id_,
        AttributeName="Policy",
        AttributeValue="",
    )


TOPIC_POLICY = ResourceType(
    token="aws:sns/topicPolicy:TopicPolicy",
    properties={
        "arn": honoured(required=True, replaces=True),
        "policy": honoured(required=True, document=True),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"owner"}),
    create=_create_policy,
    update=_update_policy,
    read=_read_policy,
    delete=_delete_policy,
    identify=lambda cloud, inputs: str(inputs["arn"]),
)

TYPES = (TOPIC, SUBSCRIPTION, TOPIC_POLICY)
