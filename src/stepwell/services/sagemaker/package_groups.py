"""Model package groups: the versions of one model."""

from __future__ import annotations

from typing import Any, ClassVar

from stepwell.api.operations import Operation, words
from stepwell.arn import parse
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException
from stepwell.services.sagemaker import listing, names, tags
from stepwell.services.sagemaker.errors import ConflictException
from stepwell.services.sagemaker.user_context import user_context


class ModelPackageGroup(Record, frozen=True, kw_only=True):
    """A model package group."""

    SERVICE: ClassVar[str] = "sagemaker"
    KIND: ClassVar[str] = "model-package-group"

    name: str
    arn: str
    created: float
    #: CreatedBy; None for groups of older servers
    created_by: dict[str, Any] | None = None
    description: str | None = None
    #: the number of its newest version; numbers are never used again
    newest: int = 0
    #: versions that exist
    count: int = 0

    @property
    def key(self) -> str:
        return self.name.lower()


def group_name(text: str) -> str:
    """The name in a name or an ARN."""
    arn = parse(text)
    return text if arn is None else arn.resource.partition("/")[2]


def find(view: View, name: str) -> ModelPackageGroup:
    """The group by its name or ARN. Raises ValidationException."""
    group = view.get(ModelPackageGroup, group_name(name).lower())
    if group is None:
        arn = names.arn_of(view, ModelPackageGroup.KIND, group_name(name))
        raise ValidationException(f"ModelPackageGroup {arn} does not exist.")
    return group


def create(call: Call, draft: Draft) -> dict[str, Any]:
    """CreateModelPackageGroup."""
    name = call.params["ModelPackageGroupName"]
    arn = names.arn_of(draft, ModelPackageGroup.KIND, name)
    if draft.get(ModelPackageGroup, name.lower()) is not None:
        raise ValidationException(f"Model Package Group already exists: {arn}")
    description = call.params.get("ModelPackageGroupDescription")
    tags.add(draft, arn, call.params.get("Tags"))
    draft.put(
        ModelPackageGroup(
            name=name,
            arn=arn,
            created=draft.now,
            created_by=user_context(call.caller),
            description=description,
        )
    )
    return {"ModelPackageGroupArn": arn}


def describe(group: ModelPackageGroup) -> dict[str, Any]:
    """DescribeModelPackageGroup's output."""
    return {**summary(group), "CreatedBy": group.created_by or {}}


def summary(group: ModelPackageGroup) -> dict[str, Any]:
    shown = {
        "ModelPackageGroupName": group.name,
        "ModelPackageGroupArn": group.arn,
        "CreationTime": group.created,
        "ModelPackageGroupStatus": "Completed",
    }
    if group.description is not None:
        shown["ModelPackageGroupDescription"] = group.description
    return shown


def delete(call: Call, draft: Draft) -> None:
    """DeleteModelPackageGroup."""
    group = find(draft, call.params["ModelPackageGroupName"])
    if group.count:
        raise ConflictException(
            f"Model Package Group cannot be deleted, because it still contains {group.count} Model Packages: "
            f"{group.arn}"
        )
    draft.delete(ModelPackageGroup, group.key)
    draft.delete(tags.Tags, group.arn)


def list_groups(call: Call, view: View) -> dict[str, Any]:
    """ListModelPackageGroups."""
    return listing.page(
        call.params,
        (summary(group) for group in view.scan(ModelPackageGroup)),
        member="ModelPackageGroupSummaryList",
        name="ModelPackageGroupName",
    )


def operations() -> list[Operation]:
    named = "ModelPackageGroupName"
    kind = ModelPackageGroup.KIND
    return [
        Operation(
            name="CreateModelPackageGroup",
            rights=(names.right("CreateModelPackageGroup", kind, named), names.tagging(kind, named)),
            honoured=words("ModelPackageGroupName ModelPackageGroupDescription Tags"),
            decide=create,
        ),
        Operation(
            name="DescribeModelPackageGroup",
            rights=(names.right("DescribeModelPackageGroup", kind, named),),
            honoured=(named,),
            read=lambda call, view: describe(find(view, call.params[named])),
        ),
        Operation(
            name="ListModelPackageGroups",
            rights=(names.listing("ListModelPackageGroups", ModelPackageGroup.KIND),),
            honoured=listing.FIELDS,
            read=list_groups,
        ),
        Operation(
            name="DeleteModelPackageGroup",
            rights=(names.right("DeleteModelPackageGroup", kind, named),),
            honoured=(named,),
            decide=delete,
        ),
    ]
