"""AddTags, ListTags and DeleteTags: one set of operations for every kind of resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.api.pages import place_of, token_of
from stepwell.arn import parse
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException
from stepwell.services.sagemaker import tags
from stepwell.services.sagemaker.endpoint_configs import EndpointConfig
from stepwell.services.sagemaker.endpoints import Endpoint
from stepwell.services.sagemaker.models import Model
from stepwell.services.sagemaker.package_groups import ModelPackageGroup
from stepwell.services.sagemaker.packages import ModelPackage
from stepwell.services.sagemaker.processing_jobs import ProcessingJob
from stepwell.services.sagemaker.training_jobs import TrainingJob

#: what can have tags, by the ARN's part before the name
KINDS: dict[str, type[Record]] = {
    kind.KIND: kind
    for kind in (
        TrainingJob,
        ProcessingJob,
        Model,
        EndpointConfig,
        Endpoint,
        ModelPackageGroup,
        ModelPackage,
    )
}
#: MaxResults of ListTags where the caller names none
PAGE = 50


def _existing(view: View, text: str) -> str:
    """The ARN as records have it. Raises ValidationException when it names nothing that can have tags."""
    arn = parse(text)
    kind, _, name = arn.resource.partition("/") if arn is not None else ("", "", "")
    if arn is None or arn.service != "sagemaker" or kind not in KINDS:
        raise ValidationException(f"The resource {text} cannot have tags.")
    if kind == ModelPackage.KIND and "/" in name:
        raise ValidationException("A versioned model package cannot have tags; tag its group.")
    if view.get(KINDS[kind], name.lower()) is None:
        raise ValidationException(f"Could not find resource {text}.")
    return text.lower()


def add(call: Call, draft: Draft) -> dict[str, Any]:
    """AddTags."""
    arn = _existing(draft, call.params["ResourceArn"])
    return {"Tags": tags.listed(tags.add(draft, arn, call.params["Tags"]))}


def delete(call: Call, draft: Draft) -> None:
    """DeleteTags."""
    tags.remove(draft, _existing(draft, call.params["ResourceArn"]), call.params["TagKeys"])


def list_tags(call: Call, view: View) -> dict[str, Any]:
    """ListTags."""
    arn = _existing(view, call.params["ResourceArn"])
    every = tags.listed(tags.tags_of(view, arn))
    start = _start(call.params.get("NextToken"))
    size = call.params.get("MaxResults") or PAGE
    output: dict[str, Any] = {"Tags": every[start : start + size]}
    if start + size < len(every):
        output["NextToken"] = token_of(str(start + size))
    return output


def _start(token: str | None) -> int:
    try:
        return 0 if token is None else int(place_of(token))
    except ValueError as error:
        raise ValidationException("The pagination token is invalid for this request.") from error


def _resource(params: Mapping[str, Any], site: Site) -> str:
    return str(params.get("ResourceArn", "*"))


def operations() -> list[Operation]:
    return [
        Operation(
            name="AddTags",
            rights=(Right(action="sagemaker:AddTags", resource=_resource),),
            honoured=words("ResourceArn Tags"),
            decide=add,
        ),
        Operation(
            name="ListTags",
            rights=(Right(action="sagemaker:ListTags", resource=_resource),),
            honoured=words("ResourceArn NextToken MaxResults"),
            read=list_tags,
        ),
        Operation(
            name="DeleteTags",
            rights=(Right(action="sagemaker:DeleteTags", resource=_resource),),
            honoured=words("ResourceArn TagKeys"),
            decide=delete,
        ),
    ]
