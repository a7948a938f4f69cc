"""The tags of what Systems Manager has, which go by a type and an id instead of an ARN."""

from __future__ import annotations

from stepwell.provision.aws import tags
from stepwell.provision.cloud import Cloud, calling
from stepwell.provision.schema import Inputs


def present(cloud: Cloud, kind: str, id_: str, inputs: Inputs) -> dict[str, str]:
    """The tags of the resource of that type; none, unasked, where none are declared."""
    if not tags.asked(inputs):
        return {}
    with calling(cloud):
        answer = cloud.client("ssm").list_tags_for_resource(ResourceType=kind, ResourceId=id_)
    return tags.mapping(answer.get("TagList"))


def retag(cloud: Cloud, kind: str, id_: str, old: Inputs, new: Inputs) -> None:
    """Brings the tags of the resource of that type from the first inputs' to the second's."""
    ssm = cloud.client("ssm")
    with calling(cloud):
        if tags.added(old, new):
            added = tags.pairs(tags.added(old, new))
            ssm.add_tags_to_resource(ResourceType=kind, ResourceId=id_, Tags=added)
        if tags.removed(old, new):
            removed = tags.removed(old, new)
            ssm.remove_tags_from_resource(ResourceType=kind, ResourceId=id_, TagKeys=removed)
