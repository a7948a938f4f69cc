"""SQS: queues, and the policies that may be declared apart from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, Property, ResourceType, honoured, recorded

_FIFO = ".fifo"
#: a queue's number → the API's attribute, and what the endpoint gives a queue without it
_NUMBERS: Mapping[str, tuple[str, int]] = {
    "delaySeconds": ("DelaySeconds", 0),
    "maxMessageSize": ("MaximumMessageSize", 1_048_576),
    "messageRetentionSeconds": ("MessageRetentionPeriod", 345_600),
    "receiveWaitTimeSeconds": ("ReceiveMessageWaitTimeSeconds", 0),
    "visibilityTimeoutSeconds": ("VisibilityTimeout", 30),
    "kmsDataKeyReusePeriodSeconds": ("KmsDataKeyReusePeriodSeconds", 300),
}
_SWITCHES: Mapping[str, str] = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
}
#: a queue's text → the API's attribute, and what takes it back
_TEXTS: Mapping[str, tuple[str, str]] = {
    "deduplicationScope": ("DeduplicationScope", "queue"),
    "fifoThroughputLimit": ("FifoThroughputLimit", "perQueue"),
    "kmsMasterKeyId": ("KmsMasterKeyId", ""),
    "policy": ("Policy", ""),
    "redriveAllowPolicy": ("RedriveAllowPolicy", ""),
    "redrivePolicy": ("RedrivePolicy", ""),
}
#: documents that may be declared apart: read with the queue only where it declares them
_DOCUMENTS = frozenset({"policy", "redriveAllowPolicy", "redrivePolicy"})


def _attributes(inputs: Inputs) -> dict[str, str]:
    """What is declared, as the API takes it."""
    found = {
        api: str(int(inputs[name])) for name, (api, _) in _NUMBERS.items() if inputs.get(name) is not None
    }
    for name, api in _SWITCHES.items():
        if inputs.get(name) is not None:
            found[api] = "true" if inputs[name] else "false"
    return found | {api: inputs[name] for name, (api, _) in _TEXTS.items() if inputs.get(name)}


def _withdrawn(api: str) -> str:
    """The value that an attribute has when it is declared no more."""
    back = dict(_TEXTS.values()) | {api: str(number) for api, number in _NUMBERS.values()}
    return back.get(api, "true" if api == "SqsManagedSseEnabled" else "false")


def _url(cloud: Cloud, inputs: Inputs) -> str:
    return f"{cloud.endpoint.rstrip('/')}/{cloud.account}/{inputs['name']}"


def _create(cloud: Cloud, inputs: Inputs) -> str:
    fifo = {"FifoQueue": "true"} if inputs.get("fifoQueue") else {}
    with calling(cloud):
        cloud.client("sqs").create_queue(
            **given(
                QueueName=inputs["name"],
                Attributes=({**_attributes(inputs), **fifo}) or None,
                tags=tags.of(inputs) or None,
            )
        )
    return _url(cloud, inputs)


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    sqs = cloud.client("sqs")
    before, after = _attributes(old), _attributes(new)
    changed = {api: text for api, text in after.items() if before.get(api) != text}
    changed |= {api: _withdrawn(api) for api in before.keys() - after.keys()}
    with calling(cloud):
        if changed:
            sqs.set_queue_attributes(QueueUrl=id_, Attributes=changed)
        if tags.added(old, new):
            sqs.tag_queue(QueueUrl=id_, Tags=tags.added(old, new))
        if tags.removed(old, new):
            sqs.untag_queue(QueueUrl=id_, TagKeys=tags.removed(old, new))


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    sqs = cloud.client("sqs")
    answer = attempt(cloud, sqs.get_queue_attributes, QueueUrl=id_, AttributeNames=["All"])
    if answer is None:
        return None
    found = answer["Attributes"]
    name = id_.rpartition("/")[2]
    read: dict[str, Any] = {
        "name": name,
        "url": id_,
        "arn": found["QueueArn"],
        "fifoQueue": name.endswith(_FIFO),
        "tagsAll": _tags(cloud, id_, inputs),
    }
    read |= {ours: int(found[api]) for ours, (api, _) in _NUMBERS.items() if api in found}
    read |= {ours: found[api] == "true" for ours, api in _SWITCHES.items() if api in found}
    asked = "name" not in inputs
    return read | {
        ours: found[api]
        for ours, (api, _) in _TEXTS.items()
        if api in found and (asked or ours not in _DOCUMENTS or inputs.get(ours))
    }


def _tags(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, str]:
    if not tags.asked(inputs):
        return {}
    with calling(cloud):
        return dict(cloud.client("sqs").list_queue_tags(QueueUrl=id_).get("Tags", {}))


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("sqs").delete_queue, QueueUrl=id_)


def _check(inputs: Inputs) -> Iterator[str]:
    fifo, name = bool(inputs.get("fifoQueue")), inputs.get("name")
    if name is not None and str(name).endswith(_FIFO) != fifo:
        yield f"a FIFO queue has fifoQueue and a name that ends in {_FIFO}; {name} has one of them"
    if not fifo:
        for only in ("contentBasedDeduplication", "deduplicationScope", "fifoThroughputLimit"):
            if inputs.get(only):
                yield f"{only} is of FIFO queues only"
    if inputs.get("kmsMasterKeyId") and inputs.get("sqsManagedSseEnabled"):
        yield "kmsMasterKeyId and sqsManagedSseEnabled exclude each other"


QUEUE = ResourceType(
    token="aws:sqs/queue:Queue",
    properties={
        "name": honoured(replaces=True),
        "namePrefix": honoured(replaces=True),
        "fifoQueue": honoured(replaces=True, default=False),
        "contentBasedDeduplication": honoured(),
        "deduplicationScope": honoured(choices=("messageGroup", "queue")),
        "fifoThroughputLimit": honoured(choices=("perQueue", "perMessageGroupId")),
        "delaySeconds": honoured(),
        "maxMessageSize": honoured(),
        "messageRetentionSeconds": honoured(),
        "receiveWaitTimeSeconds": honoured(),
        "visibilityTimeoutSeconds": honoured(),
        "policy": honoured(document=True),
        "redrivePolicy": honoured(document=True),
        "redriveAllowPolicy": honoured(document=True),
        "kmsMasterKeyId": recorded(),
        "kmsDataKeyReusePeriodSeconds": recorded(),
        "sqsManagedSseEnabled": recorded(),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"arn", "url", "tagsAll"}),
    naming=Naming(
        prefix="namePrefix", longest=80, ending=lambda inputs: _FIFO if inputs.get("fifoQueue") else ""
    ),
    create=_create,
    update=_update,
    read=_read,
    delete=_delete,
    identify=_url,
    check=_check,
)


def _apart(token: str, name: str) -> ResourceType:
    """The type of a document that is set on a queue apart from it: its id is the queue's URL."""
    api = _TEXTS[name][0]

    def put(cloud: Cloud, id_: str, text: str) -> None:
        with calling(cloud):
            cloud.client("sqs").set_queue_attributes(QueueUrl=id_, Attributes={api: text})

    def create(cloud: Cloud, inputs: Inputs) -> str:
        put(cloud, inputs["queueUrl"], inputs[name])
        return str(inputs["queueUrl"])

    def update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
        put(cloud, id_, new[name])

    def read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
        sqs = cloud.client("sqs")
        answer = attempt(cloud, sqs.get_queue_attributes, QueueUrl=id_, AttributeNames=[api])
        text = (answer or {}).get("Attributes", {}).get(api)
        return None if text is None else {"queueUrl": id_, name: text}

    def delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
        attempt(cloud, cloud.client("sqs").set_queue_attributes, QueueUrl=id_, Attributes={api: ""})

    properties: dict[str, Property] = {
        "queueUrl": honoured(required=True, replaces=True),
        name: honoured(required=True, document=True),
        "region": honoured(replaces=True),
    }
    return ResourceType(
        token=token,
        properties=properties,
        computed=frozenset(),
        create=create,
        update=update,
        read=read,
        delete=delete,
        identify=lambda cloud, inputs: str(inputs["queueUrl"]),
    )


TYPES = (
    QUEUE,
    _apart("aws:sqs/queuePolicy:QueuePolicy", "policy"),
    _apart("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy"),
    _apart("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy"),
)
