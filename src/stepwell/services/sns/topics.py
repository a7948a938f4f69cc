"""Topics: created, shown, changed, listed, deleted."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.sns import attributes, fifo, names, tagging
from stepwell.services.sns.errors import invalid
from stepwell.services.sns.records import Subscription, Tally, Topic, find, subscriptions


def create(call: Call, draft: Draft) -> dict[str, Any]:
    """CreateTopic; for a topic that is there with these attributes and tags, its ARN."""
    params = call.params
    name, wanted = params["Name"], params.get("Attributes") or {}
    names.check_name(name, fifo=wanted.get("FifoTopic") == "true")
    kept = attributes.laid_over({}, attributes.check(draft, name, wanted))
    tags = tagging.read(params.get("Tags") or ())
    found = draft.get(Topic, name)
    if found is None:
        tagging.check(tags)
        draft.put(Topic(name=name, created=draft.now, attributes=kept, tags=tags))
    else:
        now = {**attributes.OF_FIFO, **found.attributes} if found.fifo else found.attributes
        if any(now.get(each) != text for each, text in kept.items()):
            raise invalid("Attributes Reason: Topic already exists with different attributes")
        if any(found.tags.get(each) != text for each, text in tags.items()):
            raise invalid("Tags Reason: Topic already exists with different tags")
    return {"TopicArn": names.topic_arn(draft, name)}


def get(call: Call, view: View) -> dict[str, Any]:
    """GetTopicAttributes."""
    return {"Attributes": attributes.shown(find(view, call.params["TopicArn"]), view)}


def set_(call: Call, draft: Draft) -> None:
    """SetTopicAttributes: one; without a value it goes back to what it is unless told."""
    params = call.params
    topic = find(draft, params["TopicArn"])
    name = params["AttributeName"]
    if name == "FifoTopic":
        raise invalid("AttributeName")
    wanted = attributes.check(draft, topic.name, {name: params.get("AttributeValue") or ""})
    draft.put(replace(topic, attributes=attributes.laid_over(topic.attributes, wanted)))


def delete(call: Call, draft: Draft) -> None:
    """DeleteTopic, with its subscriptions; one that is not there is no error."""
    name, *more = names.parsed(call.params["TopicArn"], draft)
    topic = None if more else draft.get(Topic, name)
    if topic is None:
        return
    draft.delete(Topic, topic.key)
    for each in list(subscriptions(draft, topic.name)):
        draft.delete(Subscription, each.key)
    if topic.fifo:
        draft.delete(Tally, topic.name)
        fifo.forget(draft, topic)


def list_all(call: Call, view: View) -> dict[str, Any]:
    """ListTopics, by name."""
    found = view.scan(Topic, after=names.PAGES.start(call.params))
    return names.PAGES.page(
        call.params,
        "Topics",
        found,
        lambda each: each.key,
        lambda each: {"TopicArn": names.topic_arn(view, each.name)},
    )


OPERATIONS = (
    Operation(
        name="CreateTopic",
        rights=(
            Right(action="sns:CreateTopic", resource="arn:aws:sns:{region}:{account}:{Name}"),
            Right(
                action="sns:TagResource",
                resource="arn:aws:sns:{region}:{account}:{Name}",
                when=lambda params: bool(params.get("Tags")),
            ),
        ),
        honoured=words("Name Attributes Tags"),
        decide=create,
    ),
    Operation(
        name="GetTopicAttributes",
        rights=(names.topic_right("GetTopicAttributes"),),
        honoured=("TopicArn",),
        read=get,
    ),
    Operation(
        name="SetTopicAttributes",
        rights=(names.topic_right("SetTopicAttributes"),),
        honoured=words("TopicArn AttributeName AttributeValue"),
        decide=set_,
    ),
    Operation(
        name="DeleteTopic",
        rights=(names.topic_right("DeleteTopic"),),
        honoured=("TopicArn",),
        decide=delete,
    ),
    Operation(
        name="ListTopics",
        rights=(Right(action="sns:ListTopics"),),
        honoured=("NextToken",),
        read=list_all,
    ),
)
