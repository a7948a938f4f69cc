"""Step Functions: activities."""

from __future__ import annotations

from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.answers import moment
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, ResourceType, block, honoured


def _arn(cloud: Cloud, inputs: Inputs) -> str:
    return cloud.arn("states", f"activity:{inputs['name']}")


def _create(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        answer = cloud.client("stepfunctions").create_activity(
            name=inputs["name"],
            **given(
                tags=tags.pairs(tags.of(inputs), key="key", value="value") or None,
                encryptionConfiguration=inputs.get("encryptionConfiguration"),
            ),
        )
    return str(answer["activityArn"])


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    states = cloud.client("stepfunctions")
    with calling(cloud):
        if tags.added(old, new):
            added = tags.pairs(tags.added(old, new), key="key", value="value")
            states.tag_resource(resourceArn=id_, tags=added)
        if tags.removed(old, new):
            states.untag_resource(resourceArn=id_, tagKeys=tags.removed(old, new))


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    found = attempt(cloud, cloud.client("stepfunctions").describe_activity, activityArn=id_)
    if found is None:
        return None
    return given(
        arn=id_,
        name=found["name"],
        creationDate=moment(found.get("creationDate")),
        encryptionConfiguration=_encryption(found, inputs),
        tagsAll=_tags(cloud, id_, inputs),
    )


def _encryption(found: dict[str, Any], inputs: Inputs) -> dict[str, Any] | None:
    """Every activity is encrypted; what nobody declared is no difference."""
    told: dict[str, Any] | None = found.get("encryptionConfiguration")
    default = told is not None and told.get("type") == "AWS_OWNED_KEY"
    return None if default and "encryptionConfiguration" not in inputs else told


def _tags(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, str]:
    if not tags.asked(inputs):
        return {}
    with calling(cloud):
        listed = cloud.client("stepfunctions").list_tags_for_resource(resourceArn=id_).get("tags")
    return tags.mapping(listed, key="key", value="value")


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("stepfunctions").delete_activity, activityArn=id_)


ACTIVITY = ResourceType(
    token="aws:sfn/activity:Activity",
    properties={
        "name": honoured(replaces=True),
        "encryptionConfiguration": honoured(
            replaces=True, fields=block("kmsDataKeyReusePeriodSeconds kmsKeyId type")
        ),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=frozenset(["arn", "creationDate", "tagsAll"]),
    naming=Naming(longest=80),
    create=_create,
    update=_update,
    read=_read,
    delete=_delete,
    identify=_arn,
)

TYPES = (ACTIVITY,)
